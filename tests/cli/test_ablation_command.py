"""`lit-mia sweep` over an audit: from one YAML to tables and a plot, and what is refused on the way."""

import csv
import json
import shutil

import pytest
import yaml
from PIL import Image
from pyarrow import parquet

from lit_mia.main import run

pytestmark = pytest.mark.slow

STEPS, OPERATION = "data.init_args.target.init_args.steps", "attacks.*.init_args.operation"
PLAN = {
    "audit": "audit.yaml",
    "attacks": ["II-S"],
    "axis": STEPS,
    "baseline": 2,
    "steps": 2,
    "fid": True,
    "points": [{STEPS: [2, 3], "attacks.AttackIIS.init_args.operation": ["abs", "dot"]}],
}
LEARNED = 48  # records outside test
CONFIG = ["--config", "plan.yaml"]
TABLES = {"ablation.parquet", "ablation.csv", "summary.csv", "ablation.png"}
FILES = TABLES | {"audit.json", "audit.yaml", "report.html"}


@pytest.fixture(scope="module")
def swept(template, tmp_path_factory):
    """A workspace after an ablation, its report and what it said."""
    folder = shutil.copytree(template, tmp_path_factory.mktemp("ablated") / "work")
    (folder / "plan.yaml").write_text(yaml.safe_dump(PLAN))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        return folder, run(["sweep", *CONFIG])


def lines(path):
    with path.open() as file:
        return list(csv.DictReader(file))


def test_the_files_of_an_ablation_agree(swept):
    folder, report = swept
    output = folder / "runs/plan"
    assert {path.name for path in output.iterdir()} == FILES
    rows = lines(output / "ablation.csv")
    assert [(row["kind"], row[STEPS]) for row in rows] == [(k, s) for s in "2323" for k in ("attack", "blind")]
    assert [float(row["auc"]) for row in rows] == [row.auc for row in report.rows]
    assert [row["auc"] for row in parquet.read_table(output / "ablation.parquet").to_pylist()] == [
        row.auc for row in report.rows
    ]
    for row in rows:
        assert "clip" in row["fid_encoder"]
        assert float(row["fid_members"]) > 0
        assert float(row["fid_nonmembers"]) > 0
    assert len({row["fid_members"] for row in rows}) == 2  # the steps change it, the operation does not
    summary = lines(output / "summary.csv")
    assert [(line["kind"], line[STEPS], line["n"]) for line in summary] == [
        (kind, value, "2") for kind in ("attack", "blind") for value in "23"
    ]
    assert [bool(line["delta"]) for line in summary] == [False, True, False, False]
    with Image.open(output / "ablation.png") as image:
        assert image.format == "PNG"
    numbers = json.loads((output / "audit.json").read_text())
    assert numbers["cost"]["queries"] == 2 * LEARNED
    config = numbers["config"]
    assert {key: value for key, value in config.items() if key != "audit"} == {
        **{key: value for key, value in PLAN.items() if key != "audit"},
        "baseline_attack": None,
    }
    assert [block["class_path"] for block in config["audit"]["attacks"]] == ["AttackIP", "AttackIIS", "AttackIV"]
    assert numbers["split_digest"] == json.loads((folder / "store/splits.json").read_text())["digest"]
    assert not list(folder.rglob("openings"))  # test was not opened


def test_the_same_command_again_asks_nothing(swept, monkeypatch, capsys):
    folder, report = swept
    monkeypatch.chdir(folder)
    again = run(["sweep", *CONFIG, "--output", "again"])
    assert again.cost.queries == 0
    assert (again.rows, again.summary) == (report.rows, report.summary)
    said = capsys.readouterr().out
    for line in again.summary:
        assert f"{line.auc:.3f}" in said
        assert (line.auc_lo, line.auc_hi) == (None, None)  # fewer than ten groups a side
    assert "…" not in said  # no number is cut, however narrow the terminal
    assert "This run: 0 queries, 0 denoiser evaluations" in said
    assert "4/4" in said
    assert {path.name for path in (folder / "again").iterdir()} == FILES
    run(["sweep", *CONFIG, "--dry-run"])
    assert capsys.readouterr().out.count(f"{LEARNED} records, 0 missing queries") == 2


def test_a_dry_run_counts_by_target_and_asks_nothing(workspace, capsys):
    block = yaml.safe_load((workspace.root / "data.yaml").read_text())["init_args"]["target"]
    block["init_args"]["steps"] = 5
    (workspace.root / "plans").mkdir()
    workspace.write("more.yaml", block)
    points = [{"data.init_args.target": ["../more.yaml"]}, {"data.init_args.images_per_record": [1, 2]}]
    logger = {"class_path": "WandbLogger", "init_args": {"project": "sweeps", "offline": True}}
    plan = {"audit": "../audit.yaml", "axis": "data.init_args.target", "points": points, "logger": logger}
    assert run(["sweep", "--config", workspace.write("plans/plan.yaml", plan), "--dry-run"]) is None
    more, own, *rest = capsys.readouterr().out.splitlines()
    assert f"(target more): {LEARNED} records, {LEARNED} missing queries, {5 * LEARNED} NFE" in more
    assert "(target DiffusersTarget(path=" in own
    assert f"{LEARNED} records, {2 * LEARNED} missing queries, {4 * LEARNED} NFE" in own
    assert rest == ["Nothing was asked."]
    assert not list(workspace.root.rglob("shard-*"))
    assert not (workspace.root / "runs").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"audit": "audit/nowhere"}, "`audit` of plan.yaml names the block 'audit/nowhere'"),
        ({"axis": "steps"}, "`axis` must be a key of `points`"),
        ({"baseline": 7}, "`baseline` must be one of 2, 3, but got '7'"),
        ({"attacks": ["II-P"]}, "`attacks` must be some of the audit's (I-P, II-S, IV), but got ['II-P']"),
        ({"attacks": []}, "`attacks` must be some of the audit's"),
        ({"axis": "data.x.y", "points": [{"data.x.y": [1]}]}, "The key 'data.x.y' leads nowhere"),
        ({"axis": "data.init_args.x", "points": [{"data.init_args.x": [1]}]}, "Option 'x' is not accepted"),
        ({"points": [{STEPS: [2, "many"]}]}, "Expected a <class 'int'>. Got value: many"),
        ({"points": [{STEPS: [2, 0]}]}, "steps"),
        ({"points": [{STEPS: [2]}, {STEPS: [2, 3]}]}, "3 points, but only 2 differ"),
        ({"points": [{"data.init_args.target": ["none.yaml"], STEPS: [2]}]}, "names the block 'none.yaml'"),
    ],
    ids=["audit", "axis", "baseline", "attack", "none", "key", "option", "type", "value", "twice", "block"],
)
def test_a_wrong_plan_ends_with_its_message(workspace, capfd, monkeypatch, changes, message):
    from lit_mia.main import main

    monkeypatch.setattr("sys.argv", ["lit-mia", "sweep", "--config", workspace.write("plan.yaml", {**PLAN, **changes})])
    with pytest.raises(SystemExit) as ended:
        main()
    said = capfd.readouterr().err
    assert ended.value.code == 2
    assert message in said
    assert "Traceback" not in said
    assert not list(workspace.root.rglob("shard-*"))
