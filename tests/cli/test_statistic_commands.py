"""Training-free attacks on the command line: audits under both protocols, and a ResNet on residual maps of its own."""

import csv
import json

import numpy as np
import pytest
import yaml
from PIL import Image

from lit_mia.main import main, run

pytestmark = pytest.mark.slow

N, UNKNOWN = 80, 4
HEAD = {"class_path": "ResidualHead", "init_args": {"width": 4}}
ATTACKS = [
    {"class_path": "PIA", "init_args": {"t": [100, 200]}},
    {"class_path": "FreMIA", "init_args": {"attack": {"class_path": "Loss", "init_args": {"t": 100}}, "r": 2}},
    {"class_path": "ReDiffuseAPI", "init_args": {"n": 2}},
]


def block(path, pipeline, **settings):
    source = {
        "class_path": "CsvSource",
        "init_args": {"path": "records.csv", "id_column": "id", "caption_column": None},
    }
    target = {"class_path": "DenoiserTarget", "init_args": {"path": str(pipeline), "device": "cpu"}}
    init = {"source": source, "target": target, "store": "store", "image_size": 16, **settings}
    init["fractions"] = [0.25, 0.25, 0.25, 0.25]
    path.write_text(yaml.safe_dump({"class_path": "StatisticDataModule", "init_args": init}))


@pytest.fixture(scope="module")
def made(tmp_path_factory, tiny_ddpm_folder):
    """Records, data.yaml, audit.yaml, and fit.yaml."""
    root = tmp_path_factory.mktemp("statistics")
    (root / "images").mkdir()
    table = ["id,image,member"]
    for i in range(N + UNKNOWN):
        pixels = np.random.default_rng(i).integers(0, 256, (16, 16, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(root / f"images/{i}.png")
        table.append(f"record-{i},images/{i}.png,{i % 2 if i < N else ''}")
    (root / "records.csv").write_text("\n".join(table))
    block(root / "data.yaml", tiny_ddpm_folder)
    block(root / "fit_data.yaml", tiny_ddpm_folder, attack=ATTACKS[0] | {"init_args": {"t": 100}})
    budget = {"seeds": 2, "max_epochs": 1, "accelerator": "cpu"}
    audit = {"data": "data.yaml", "attacks": ATTACKS, "head": HEAD, "budget": budget, "design": "same_source_holdout"}
    (root / "audit.yaml").write_text(yaml.safe_dump(audit))
    trainer = {"accelerator": "cpu", "max_epochs": 1, "logger": False, "enable_progress_bar": False}
    fit = {"model": HEAD, "data": "fit_data.yaml", "trainer": trainer}
    (root / "fit.yaml").write_text(yaml.safe_dump(fit))
    return root


@pytest.fixture
def workspace(made, monkeypatch):
    monkeypatch.chdir(made)
    return made


def test_both_protocols_of_one_config(workspace, capsys):
    threshold = run(["audit", "--config", "audit.yaml", "--gallery", "true"])
    said = capsys.readouterr().out
    assert "runs/audit/report.html" in said
    assert [row.name for row in threshold.report.rows] == [
        f"{attack}{control}"
        for attack in ("PIA", "FreMIA Loss", "ReDiffuse-API")
        for control in ("", " blind", " metadata")
    ]
    assert {row["setting"] for row in threshold.report.rows if row.name == "PIA"} <= {"t = 100", "t = 200"}
    assert [row["evaluations"] for row in threshold.report.rows[::3]] == [2, 1, None]
    assert threshold.report.cost.nfe == N * (3 + 1 + 2 * 2)  # two variations of two steps are counted too
    assert "placebo: none" in threshold.report.verdict["sentence"]
    resnet = run(["audit", "--config", "audit.yaml", "--protocol", "resnet"])
    assert (threshold.report.protocol, resnet.report.protocol) == ("threshold", "resnet")
    assert resnet.report.name == "audit-resnet"
    assert {len(row["auc_per_seed"]) for row in resnet.report.rows if row.kind == "attack"} == {2}
    heads = {path.name for path in (workspace / "runs/audit-resnet/heads").iterdir()}
    assert {"PIA.ckpt", "PIA.threshold.json"} <= heads
    first, second = (
        json.loads((workspace / f"runs/{name}/audit.json").read_text()) for name in ("audit", "audit-resnet")
    )
    assert first["splits"] == second["splits"]
    assert second["tried"] == {"configurations": 2, "test_openings": 2, "commands": {"audit": 2}}
    again = run(["audit", "--config", "audit.yaml", "--output", "runs/again"])
    assert again.report.cost.nfe == 0
    assert [row["auc"] for row in again.report.rows] == [row["auc"] for row in threshold.report.rows]


def test_a_head_of_its_own(workspace):
    common = ["--config", "fit.yaml"]
    cli = run(["fit", *common])
    cli.trainer.save_checkpoint("head.ckpt")
    run(["test", *common, "--ckpt_path", "head.ckpt"])
    assert (workspace / "head.threshold.json").is_file()
    writer = ["--trainer.callbacks+=PredictionWriter", "--trainer.callbacks.output=predictions.csv"]
    run(["predict", *common, "--ckpt_path", "head.ckpt", *writer])
    with (workspace / "predictions.csv").open() as file:
        assert [line["id"] for line in csv.DictReader(file)] == [f"record-{i}" for i in range(N, N + UNKNOWN)]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["--attacks", "[{class_path: SecMI, init_args: {t: 5, k: 10}}]"], "must not be above `t`"),
        (["--attacks", "[{class_path: Loss, init_args: {t: 1500}}]"], "Timesteps must be in 0 … 999"),
        (["--attacks", "[CLiD]"], "CLiD needs captions"),
        (["--attacks", "[AttackIIS]"], "StatisticDataModule does not serve II-S"),
        (["--data.init_args.image_size", "32"], "takes images of 16 pixels, but `image_size` is 32"),
        (["--attacks", "[{class_path: FreMIA, init_args: {attack: PFAMI}}]"], "PFAMI compares none"),
    ],
)
def test_bad_input_ends_with_its_message(workspace, capsys, monkeypatch, changes, message):
    store = ["--data.init_args.store", "fresh"]
    monkeypatch.setattr("sys.argv", ["lit-mia", "audit", "--config", "audit.yaml", *changes, *store])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert message in said
    assert "Traceback" not in said
    assert list((workspace / "fresh").glob("*.safetensors")) == []
