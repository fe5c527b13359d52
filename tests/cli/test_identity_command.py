"""`lit-mia audit` with a config that names people: end to end on a tiny CLIP."""

import csv
import json

import numpy as np
import pytest
import yaml
from PIL import Image

from lit_mia.main import run

pytestmark = pytest.mark.slow

PEOPLE = ("Ana Petrov", "Ben Osei", "Cleo Marin", "Dov Katz", "Eva Lind", "Finn Roy")


@pytest.fixture(scope="module")
def made(tmp_path_factory, tiny_clip_folder):
    folder = tmp_path_factory.mktemp("identity")
    rng = np.random.default_rng(0)
    for name in PEOPLE:
        (folder / "people" / name.replace(" ", "_")).mkdir(parents=True)
        for i in range(4):
            pixels = rng.integers(0, 256, (20, 20, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / "people" / name.replace(" ", "_") / f"{i}.png")
    (folder / "people/Finn_Roy/3.png").write_bytes(b"not an image")
    lines = [f"{name},{i % 2},{3 * (i % 2)}" for i, name in enumerate(PEOPLE[:5])]
    (folder / "people.csv").write_text("\n".join(["name,member,occurrences", *lines]))
    source = {"path": "people", "table": "people.csv", "occurrences_column": "occurrences"}
    target = {"model": str(tiny_clip_folder), "device": "cpu"}
    data = {
        "source": {"class_path": "FolderPeopleSource", "init_args": source},
        "target": {"class_path": "OpenClipTarget", "init_args": target},
        "store": "store",
        "min_images": 4,
        "pool_size": 30,
    }
    attack = {"templates": ["{0}", "a photo of {0}", "{0} in a suit"], "thresholds": [1, 2], "images": [1, 3, 4]}
    config = {
        "design": "post_hoc",
        "people": data,
        "attack": {"class_path": "IdentityInference", "init_args": {**attack, "draws": 3}},
        "permuted": {"class_path": "OpenClipTarget", "init_args": target | {"untrained": True, "seed": 5}},
    }
    (folder / "audit.yaml").write_text(yaml.safe_dump(config))
    return folder


@pytest.fixture
def inside(made, monkeypatch):
    monkeypatch.chdir(made)
    monkeypatch.setattr("sys.argv", ["lit-mia"])
    return made


def test_one_command_measures_and_writes_everything(inside, capsys, failure):
    assert run(["audit", "--config", "audit.yaml", "--dry-run"]) is None
    assert "target: 6 records, 114 missing queries" in capsys.readouterr().out  # 6 · 4 images, 3 · 30 texts
    report = run(["audit", "--config", "audit.yaml"])
    said = capsys.readouterr().out
    assert "runs/audit/report.html" in said
    assert report.verdict["sentence"].split(".")[0] in " ".join(said.split())
    assert [row.name for row in report.rows] == ["target", "untrained", "permuted names"]
    assert report.people == {"member": 2, "non_member": 3, "unknown": 0}
    assert report.skipped == {"Finn Roy": 3}
    assert report.unreadable == {"Finn Roy": 1}
    assert report.cost["by_row"]["target"]["queries"] == 6 * 4 - 1 + 3 * 30
    stored = json.loads((inside / "runs/audit/audit.json").read_text())
    assert stored["schema"] == "lit-mia/identity/1"
    with (inside / "runs/audit/people.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 3 * 5
    again = run(["audit", "--config", "audit.yaml", "--output", "again"])
    assert again.cost["by_row"]["target"]["queries"] == 3  # Finn Roy's images are tried again
    assert [row.points for row in again.rows] == [row.points for row in report.rows]
    page = (inside / "runs/audit/report.html").read_text()
    run(["report", "runs/audit"])
    assert (inside / "runs/audit/report.html").read_text() == page
    assert "data:image" not in page
    run(["report", "runs/audit", "--gallery"])
    assert (inside / "runs/audit/report.html").read_text().count("data:image") == 5
    assert "not for audits of people" in failure("report", "runs/audit", "--fail-if", "AUC > 0.6")


def test_the_store_can_be_filled_first(inside, capsys):
    store = ["--people.store", "fresh"]
    run(["query", "--config", "audit.yaml", *store])
    assert "target: 113 queries, 0 denoiser evaluations" in capsys.readouterr().out
    report = run(["audit", "--config", "audit.yaml", *store, "--output", "filled"])
    assert report.cost["by_row"]["untrained"]["queries"] == 3  # Finn Roy's images are tried again


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["--people.min_images", "5"], "None of the 6 people has 5 images"),
        (["--people.min_images", "3"], "draws 4 images of a person"),
        (["--people.pool_size", "5"], "hold the 6 names under question"),
        (["--people.target.init_args.model", "ViT-Q"], "neither a folder nor a model tag"),
        (["--attack.init_args.thresholds", "[4]"], "must be between 1 and 3"),
    ],
)
def test_bad_input_ends_with_its_message(inside, failure, changes, message):
    assert message in failure("audit", "--config", "audit.yaml", *changes)


def test_an_audit_in_w_and_b_names_nobody(inside, read_wandb, tmp_path):
    logger = [
        "--logger.class_path=WandbLogger",
        f"--logger.init_args.save_dir={tmp_path}",
        "--logger.init_args.offline=true",
    ]
    run(["audit", "--config", "audit.yaml", "--output", "logged", *logger])
    (logged,) = read_wandb(tmp_path)
    assert "test/tpr@1/target" in logged.summary
    assert logged.summary["verdict"]
    (table,) = tmp_path.rglob("people*.table.json")
    stored = json.loads(table.read_text())
    assert stored["columns"] == ["person", "label", "row", "templates", "margin"]
    assert [row[0] for row in stored["data"]] == [*range(5)] * 3
    assert not any(b"Ana Petrov" in file.read_bytes() for file in tmp_path.rglob("*.json"))
