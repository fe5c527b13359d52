"""`lit-mia sweep`: every setting of every attack is measured, on the splits that were asked for and never on test."""

import csv
import json

import numpy as np
import pytest
import yaml
from PIL import Image
from sklearn.metrics import roc_auc_score

from datamodules import AuxiliaryDataModule, CsvSource, StatisticDataModule
from datamodules.inputs import Wanted
from lit_mia.attacks.statistics import PIA, CLiD, Loss, ReDiffuse, SimA
from lit_mia.audits.base import Run
from lit_mia.audits.sweep import Sweep
from lit_mia.errors import HeadError, SplitError
from lit_mia.main import run
from lit_mia.metrics.intervals import auc_estimate
from lit_mia.targets.denoiser import DenoiserTarget
from lit_mia.targets.diffusion import DiffusersTarget

pytestmark = pytest.mark.slow

GROUPS, UNKNOWN, FRACTIONS = 120, 4, (0.25, 0.25, 0.25, 0.25)
ATTACKS = [
    {"class_path": "SimA", "init_args": {"t": [0, 100]}},
    {"class_path": "ReDiffuse", "init_args": {"t": 200, "k": [100, 200], "n": [1, 2]}},
]
SETTINGS = ["SimA 0", "SimA 100", *(f"ReDiffuse 200 {k} {n}" for k in (100, 200) for n in (1, 2))]
ALONE = [1, 1, 2, 4, 1, 2]  # 1 for SimA, n times ⌈t/k⌉ for ReDiffuse
TOGETHER = 2 + 2 + 2  # SimA's; one at 200 and one at 100 for each of two draws, whatever k and n
CONFIG = ["--config", "ablation.yaml"]
PAIR = PIA(t=[1, 2])


def write(folder, pipeline, changed=frozenset()):
    """240 records in 120 groups, four of unknown membership, and ablation.yaml; some have another image and label."""
    (folder / "images").mkdir(parents=True)
    table = ["id,image,caption,member,group"]
    for i in range(2 * GROUPS + UNKNOWN):
        other = f"record-{i}" in changed
        pixels = np.random.default_rng([i, other]).integers(0, 256, (16, 16, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"images/{i}.png")
        member = (i // 2 + other) % 2 if i < 2 * GROUPS else "unknown"
        table.append(f"record-{i},images/{i}.png,picture number {i},{member},group-{i // 2}")
    (folder / "records.csv").write_text("\n".join(table))
    columns = {"path": "records.csv", "id_column": "id", "group_column": "group"}
    source = {"class_path": "CsvSource", "init_args": columns}
    target = {"class_path": "DenoiserTarget", "init_args": {"path": str(pipeline), "device": "cpu"}}
    data = {"source": source, "target": target, "store": "store", "image_size": 16, "fractions": list(FRACTIONS)}
    config = {"data": {"class_path": "StatisticDataModule", "init_args": data}, "attacks": ATTACKS}
    (folder / "ablation.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    return folder


def datamodule(folder, pipeline):
    source = CsvSource(str(folder / "records.csv"), id_column="id", group_column="group")
    target = DenoiserTarget(str(pipeline), device="cpu")
    return StatisticDataModule(source, target, str(folder / "store"), 16, fractions=FRACTIONS)


def lines(path):
    with path.open() as file:
        return list(csv.DictReader(file))


def members(folder):
    return {line["id"]: int(line["member"]) for line in lines(folder / "records.csv") if line["member"] != "unknown"}


def locked(folder):
    return json.loads((folder / "store/splits.json").read_text())["ids"]


def counts(folder, *splits):
    """Members and non-members in some splits, as the table writes them."""
    labels = [members(folder)[name] for split in splits for name in locked(folder)[split]]
    return {(str(sum(labels)), str(len(labels) - sum(labels)))}


@pytest.fixture(scope="module")
def swept(tmp_path_factory, tiny_ddpm_folder):
    """A workspace after `lit-mia sweep`, and what it returned."""
    folder = write(tmp_path_factory.mktemp("swept") / "work", tiny_ddpm_folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        report = run(["sweep", *CONFIG])
    return folder, report


@pytest.fixture
def inside(swept, monkeypatch):
    monkeypatch.chdir(swept[0])
    return swept[0]


@pytest.fixture
def fresh(tmp_path, tiny_ddpm_folder, monkeypatch):
    """A workspace whose target was asked nothing."""
    folder = write(tmp_path / "work", tiny_ddpm_folder)
    monkeypatch.chdir(folder)
    return folder


def test_a_row_for_each_setting_of_each_attack(swept):
    folder, _ = swept
    rows = lines(folder / "runs/ablation/sweep.csv")
    assert [" ".join(filter(None, (row["attack"], row["t"], row["k"], row["n"]))) for row in rows] == SETTINGS
    assert [int(row["nfe_alone"]) for row in rows] == ALONE
    assert {(row["n_members"], row["n_nonmembers"]) for row in rows} == counts(folder, "val")
    assert all(float(row["auc_lo"]) < float(row["auc"]) < float(row["auc_hi"]) for row in rows)
    assert any(float(row["auc"]) < 0.5 for row in rows)  # as it is, never turned round


@pytest.mark.parametrize("splits", [["val"], ["train", "val"]])
def test_the_auc_is_that_of_the_stored_statistics_and_its_interval_that_of_groups(inside, tiny_ddpm_folder, splits):
    run(["sweep", *CONFIG, "--splits", json.dumps(splits), "--output", "some"])
    rows, data = lines(inside / "some/sweep.csv"), datamodule(inside, tiny_ddpm_folder)
    attacks = (SimA(t=[0, 100]), ReDiffuse(t=200, k=[100, 200], n=[1, 2]))
    data.ask(Wanted.every_setting(attacks))
    data.query()  # about the other splits too
    found = [data.statistics(attack, s)[:, 0] for attack in attacks for s in attack.settings()]
    measured = [data.view.known.ids.index(name) for split in splits for name in locked(inside)[split]]
    labels = [members(inside)[data.view.known.ids[row]] for row in measured]
    expected = [roc_auc_score(labels, statistic[measured]) for statistic in found]
    np.testing.assert_allclose([float(row["auc"]) for row in rows], expected, rtol=1e-12)
    groups = [data.view.known.groups[row] for row in measured]
    interval = auc_estimate(found[0][measured], labels, groups)
    assert [float(rows[0][end]) for end in ("auc_lo", "auc_hi")] == pytest.approx([interval.lo, interval.hi])
    assert {(row["n_members"], row["n_nonmembers"]) for row in rows} == counts(inside, *splits)


def test_the_numbers_say_where_they_come_from(swept):
    folder, report = swept
    numbers = json.loads((folder / "runs/ablation/audit.json").read_text())
    table = lines(folder / "runs/ablation/sweep.csv")
    n = len(locked(folder)["val"])
    assert [row["auc"] for row in numbers["rows"]] == [float(row["auc"]) for row in table]
    assert [row["setting"] for row in numbers["rows"]] == [row.setting for row in report.rows]
    assert numbers["cost"]["nfe"] == numbers["cost"]["queries"] == n * TOGETHER < n * sum(ALONE)
    assert numbers["cost"]["seconds"] > 0
    assert numbers["splits"] == numbers["config"]["splits"] == ["val"]
    assert numbers["config"]["attacks"][1]["init_args"]["n"] == [1, 2]
    assert numbers["hashes"]["split_digest"] == json.loads((folder / "store/splits.json").read_text())["digest"]
    assert numbers["target"]["pipeline"] == "DDPMPipeline"
    with Image.open(folder / "runs/ablation/sweep.png") as image:
        assert image.format == "PNG"


def test_a_second_sweep_asks_nothing_and_says_the_same_numbers(inside, swept, capsys):
    again = run(["sweep", *CONFIG, "--output", "again"])
    assert again.cost.nfe == again.cost.queries == 0
    assert again.rows == swept[1].rows
    said = capsys.readouterr().out
    for row in again.rows:
        assert f"{row.auc:.3f} [{row.auc_lo:.3f}, {row.auc_hi:.3f}]" in said
    assert "t = 200, k = 100, n = 2" in said
    assert "This run: 0 queries, 0 denoiser evaluations" in said
    assert "Numbers: again/audit.json\nReport:  again/report.html\n" in said
    assert {path.name for path in (inside / "again").iterdir()} >= {"sweep.csv", "sweep.png", "audit.yaml"}
    assert not (inside / "store/openings").exists()  # test was not opened


def test_a_dry_run_counts_and_leaves_nothing(fresh, swept, capsys):
    before = sorted(fresh.rglob("*"))
    assert run(["sweep", *CONFIG, "--dry-run"]) is None
    n = len(locked(swept[0])["val"])
    assert f"target: {n} records, {n * TOGETHER} missing queries, {n * TOGETHER} NFE" in capsys.readouterr().out
    assert sorted(fresh.rglob("*")) == before


@pytest.mark.parametrize(("split", "same"), [("test", True), ("calibration", True), ("val", False)])
def test_records_of_test_and_calibration_change_nothing(tmp_path, monkeypatch, swept, tiny_ddpm_folder, split, same):
    changed = frozenset(locked(swept[0])[split])
    folder = write(tmp_path / "other", tiny_ddpm_folder, changed)
    monkeypatch.chdir(folder)
    other = run(["sweep", *CONFIG])
    assert members(folder) != members(swept[0])
    assert locked(folder) == locked(swept[0])
    assert (other.rows == swept[1].rows) is same


def test_components_are_scaled_on_the_measured_records(tmp_path, tiny_pipeline_folder):
    folder = write(tmp_path / "latent", tiny_pipeline_folder)
    data, attack = datamodule(folder, tiny_pipeline_folder), CLiD(alpha=[0.3, 0.5, 0.7, 0.9])
    report = Sweep(data, [attack, Loss(t=100)]).run(Run("sweep", {}, tmp_path))
    data.query()
    measured = list(data.view.splits.rows["val"])
    labels = np.array(data.view.known.members)[measured]

    def areas(*reference):
        rows = np.array([row for split in reference for row in data.view.splits.rows[split]])
        scores = [attack.combine(data.statistics(attack, s), s, rows)[measured] for s in attack.settings()]
        return [roc_auc_score(labels, score) for score in scores]

    assert [row.auc for row in report.rows[:-1]] == pytest.approx(areas("val"), rel=1e-12)
    assert [row.setting for row in report.rows] == [*attack.settings(), {"t": 100}]


def test_test_and_calibration_are_refused_before_anything_is_asked(fresh, tiny_ddpm_folder, capsys):
    data = datamodule(fresh, tiny_ddpm_folder)
    for split in ("test", "calibration"):
        with pytest.raises(SplitError, match=rf"never measures the {split} split.*Use some of train, val\."):
            Sweep(data, [PAIR], ("val", split))
    with pytest.raises(SystemExit) as ended:
        run(["sweep", *CONFIG, "--splits", '["test"]'])
    assert ended.value.code == 2
    assert "val" in capsys.readouterr().err
    assert not (fresh / "store").exists()


@pytest.mark.parametrize(
    ("attacks", "splits", "error", "message"),
    [
        ([], ("val",), HeadError, "at least one attack, and each once, but got none"),
        ([PAIR, PIA(t=3)], ("val",), HeadError, r"each once, but got \['PIA', 'PIA'\]"),
        ([PIA(t=100), SimA(t=[100])], ("val",), HeadError, "Nothing is swept: PIA, SimA"),
        ([PAIR], (), SplitError, r"must be some of train, val, each once, but got \[\]"),
        ([PAIR], ("val", "val"), SplitError, "each once"),
        ([PAIR], ("all",), SplitError, r"but got \['all'\]"),
    ],
)
def test_what_makes_no_sense_is_refused(fresh, tiny_ddpm_folder, attacks, splits, error, message):
    with pytest.raises(error, match=message):
        Sweep(datamodule(fresh, tiny_ddpm_folder), attacks, splits)


def test_answers_of_another_kind_are_refused(fresh, tiny_pipeline_folder):
    source = CsvSource(str(fresh / "records.csv"), id_column="id")
    pairs = AuxiliaryDataModule(
        source, DiffusersTarget(str(tiny_pipeline_folder), device="cpu"), "pairs", image_size=16
    )
    with pytest.raises(HeadError, match="on a StatisticDataModule, not AuxiliaryDataModule"):
        Sweep(pairs, [PAIR])


def test_a_missing_config_is_named(failure):
    assert "`lit-mia sweep` needs `--config FILE`, or a shipped name such as ablation/" in failure("sweep")
    assert "There is no config 'nowhere'." in failure("sweep", "--config", "nowhere")
