"""`lit-mia audit`, `query` and `report`: from one YAML to numbers, and what is refused on the way."""

import csv
import json

import numpy as np
import pytest
import yaml

from lit_mia.errors import LitMiaError
from lit_mia.main import run
from lit_mia.records import id_hash
from lit_mia.report.membership.scores import read_scores

pytestmark = pytest.mark.slow

CONTROLS = ("blind", "caption", "joint", "n-grams", "metadata")
ROWS = [
    f"{attack}{kind}" for attack in ("I-P", "II-S", "IV") for kind in ("", *(f" {k}" for k in CONTROLS), " placebo")
]
FILES = {"audit.json", "scores.parquet", "roc.csv", "table.csv", "report.html", "report.md", "audit.yaml", "heads"}
SMALL = {"attacks": ["model.yaml"], "budget.seeds": 1, "budget.max_epochs": 1}


@pytest.fixture
def numbers(audited):
    """What the first audit wrote."""
    return json.loads((audited.root / "runs/audit/audit.json").read_text())


def answers(folder):
    return sorted(path.name for path in folder.rglob("shard-*.parquet"))


def test_results_in_an_impossible_place_are_refused_before_anything_is_asked(workspace, failure):
    for command in ("audit", "selftest"):
        said = failure(command, "--config", "audit.yaml", "--output", "records.csv/run")
        assert "Nothing can be written in the folder records.csv/run" in said
    assert not (workspace.root / "store").exists()


def test_a_dry_run_counts_and_leaves_nothing(workspace, capsys):
    before = sorted(workspace.root.rglob("*"))
    for command in ("audit", "query"):
        assert run([command, "--config", "audit.yaml", "--dry-run"]) is None
        said = capsys.readouterr().out
        assert "target: 80 records, 80 missing queries, 160 NFE, time unknown" in said
        assert "placebo: 80 records, 80 missing queries, 240 NFE" in said
        assert said.endswith("Nothing was asked.\n")
    assert sorted(workspace.root.rglob("*")) == before


def test_the_rows_are_attacks_followed_by_their_controls(numbers):
    assert [row["name"] for row in numbers["rows"]] == ROWS
    for row in numbers["rows"]:
        attack, _, kind = row["name"].partition(" ")
        assert (row["attack"], row["kind"]) == (attack, kind or "attack")
        assert len(row["auc_per_seed"]) == (2 if kind in ("", "placebo") else len(row["auc_per_seed"]))
        assert row["auc_ci"] is None  # fewer than ten groups a side
        assert (row["n_members"], row["n_nonmembers"]) == (18, 14)
        assert (row["outcome"] is None) == bool(kind)
    for kind in ("caption", "joint", "n-grams", "metadata"):  # each is trained once for the attacks that share it
        shared = [row for row in numbers["rows"] if row["name"] in (f"II-S {kind}", f"IV {kind}")]
        assert shared[0]["auc_per_seed"] == shared[1]["auc_per_seed"]


def test_the_numbers_say_where_they_come_from(numbers, audited):
    assert numbers["cost"]["queries"] == 2 * 80
    assert {role: spent["queries"] for role, spent in numbers["cost"]["by_target"].items()} == {
        "target": 80,
        "placebo": 80,
    }
    assert numbers["cost"]["nfe"] == 80 * 2 + 80 * 3
    assert numbers["cost"]["seconds_total"] >= numbers["cost"]["seconds"] > 0
    assert numbers["tried"] == {"configurations": 1, "test_openings": 1, "commands": {"audit": 1}}
    assert numbers["splits"]["sizes"]["test"] == {"member": 18, "non_member": 14}
    assert numbers["splits"]["digest"] == json.loads((audited.root / "store/splits.json").read_text())["digest"]
    assert (numbers["target"]["steps"], numbers["placebo"]["steps"]) == (2, 3)
    assert numbers["config"] == yaml.safe_load((audited.root / "runs/audit/audit.yaml").read_text())
    assert numbers["config"]["budget"]["seeds"] == 2
    assert numbers["versions"]["torch"]
    assert numbers["skipped"] == []


def test_the_files_of_an_audit_agree(numbers, audited):
    output = audited.root / "runs/audit"
    assert {path.name for path in output.iterdir()} == FILES
    scores = read_scores(output / "scores.parquet")
    assert set(scores.row) == set(ROWS)
    assert set(scores.seed) == {-1, 0, 1}
    hashed = {id_hash(f"record-{i}"): id_hash(f"group-{i // 2}") for i in range(80)}
    assert dict(zip(scores.id_hash, scores.group, strict=True)) == hashed
    assert len(scores) == 80 * sum(1 + len(row["auc_per_seed"]) for row in numbers["rows"])
    with (output / "roc.csv").open() as file:
        assert {line["row"] for line in csv.DictReader(file)} == set(ROWS)
    page = (output / "report.html").read_text()
    assert numbers["verdict"]["kind"] in page.lower()
    assert "data:image/" not in page
    assert numbers["store_digest"] in page


def test_every_attack_leaves_a_head_with_a_frozen_threshold(audited):
    heads = audited.root / "runs/audit/heads"
    assert {path.name for path in heads.iterdir()} == {
        f"{attack}{suffix}"
        for attack in ("I-P", "II-S", "IV")
        for suffix in (".ckpt", ".threshold.json", " blind.ckpt", " caption.ckpt", " joint.ckpt")
    }
    scores = read_scores(audited.root / "runs/audit/scores.parquet")
    mine = scores.select((scores.row == "II-S") & (scores.seed == 0) & (scores.split == "test"))
    frozen = json.loads((heads / "II-S.threshold.json").read_text())
    np.testing.assert_allclose(frozen["nonmembers"], np.sort(mine.score[mine.label == 0]), rtol=1e-5)
    above = mine.score[mine.label == 0] >= frozen["frozen"]["threshold"]
    assert frozen["frozen"]["realised_fpr"] == pytest.approx(above.mean())


def test_a_head_of_an_audit_scores_unknown_records(audited):
    writer = ["--trainer.callbacks+=PredictionWriter", "--trainer.callbacks.output=predictions.csv"]
    run(["predict", "--config", "fit.yaml", "--ckpt_path", "runs/audit/heads/II-S.ckpt", *writer])
    with (audited.root / "predictions.csv").open() as file:
        assert [line["id"] for line in csv.DictReader(file)] == [f"record-{i}" for i in range(80, 86)]


def test_a_second_audit_asks_nothing_and_is_counted(numbers, audited):
    again = run(["audit", "--config", "audit.yaml", "--output", "runs/again"])
    assert again.report.cost.queries == again.report.cost.nfe == 0
    assert again.report.tried == {"configurations": 1, "test_openings": 2, "commands": {"audit": 2}}
    assert [row["auc"] for row in again.report.rows] == [row["auc"] for row in numbers["rows"]]
    assert again.report.store_digest == numbers["store_digest"]
    other = run(["audit", "--config", audited.changed("audit.yaml", SMALL), "--output", "runs/other"])
    assert other.report.tried == {"configurations": 2, "test_openings": 3, "commands": {"audit": 3}}


def test_a_new_store_does_not_reset_the_count(numbers, audited):
    for place in (1, 2):
        store = [f"--data.init_args.store=elsewhere-{place}", f"--placebo_store=elsewhere-{place}/placebo"]
        fresh = run(["audit", "--config", "audit.yaml", *store, "--output", f"runs/{place}"])
        assert fresh.report.tried == {"configurations": 1, "test_openings": place, "commands": {"audit": place}}


def test_query_fills_the_stores_and_nothing_else(workspace, capsys):
    run(["query", "--config", "audit.yaml"])
    said = capsys.readouterr().out
    assert "target: 80 queries, 160 denoiser evaluations" in said
    assert "placebo: 80 queries, 240 denoiser evaluations" in said
    assert not (workspace.root / "runs").exists()
    assert not (workspace.root / "store/openings").exists()
    run(["query", "--config", "audit.yaml", "--dry-run"])
    assert "target: 80 records, 0 missing queries, 0 NFE, about 0 s" in capsys.readouterr().out


def test_report_rebuilds_the_page(audited, capsys):
    page = audited.root / "runs/audit/report.html"
    before = page.read_text()
    page.unlink()
    run(["report", "runs/audit"])
    assert page.read_text() == before
    assert capsys.readouterr().out.strip() == "runs/audit/report.html"


def test_report_shows_images_where_asked_from_any_folder(audited, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run(["report", str(audited.root.relative_to(tmp_path) / "runs/audit"), "--gallery"])
    monkeypatch.chdir(audited.root)
    page = (audited.root / "runs/audit/report.html").read_text()
    assert "data:image/" in page
    assert "picture number" in page
    run(["report", "runs/audit"])
    assert "data:image/" not in (audited.root / "runs/audit/report.html").read_text()


def test_other_prompts_are_one_flag_and_overwrite_nothing(audited):
    numbers = (audited.root / "runs/audit/audit.json").read_bytes()
    flags = ["--budget.seeds", "1", "--budget.max_epochs", "1", "--placebo", "null"]
    report = run(["audit", "--config", "audit.yaml", "--data.prompts", "shuffled", *flags]).report
    assert report.config["data"]["init_args"]["prompts"] == "shuffled"
    assert report.cost.queries == 78  # other captions are other questions; one group is alone in its split and side
    assert "Negative control (`prompts: shuffled`)" in report.verdict["sentence"]
    assert (audited.root / "runs/audit-shuffled/audit.json").is_file()
    assert (audited.root / "runs/audit/audit.json").read_bytes() == numbers
    again = run(["audit", "--config", "audit.yaml", *flags, "--output", "again"]).report
    assert again.cost.queries == 0  # the own ones are still answered
    assert "Negative control" not in again.verdict["sentence"]


def test_the_verdict_says_that_there_was_no_placebo(audited):
    result = run(["audit", "--config", audited.changed("audit.yaml", {**SMALL, "placebo": None}), "--gallery", "true"])
    assert [row.name for row in result.report.rows] == ["II-S", *(f"II-S {kind}" for kind in CONTROLS)]
    assert "placebo: none" in result.report.verdict["sentence"]
    assert any(limit.startswith("placebo: none") for limit in result.report.limits)
    assert result.report.placebo is None
    assert set(result.report.cost.by_target) == {"target"}
    assert "data:image/" in (audited.root / "runs/changed-audit/report.html").read_text()


def test_an_audit_can_be_a_run_of_wandb(audited, read_wandb):
    logger = {"class_path": "WandbLogger", "init_args": {"project": "audits", "save_dir": "runs", "offline": True}}
    result = run(["audit", "--config", audited.changed("audit.yaml", {**SMALL, "placebo": None, "logger": logger})])
    (logged,) = read_wandb(audited.root / "runs")
    assert logged.config["split_digest"] == result.report.splits["digest"]
    assert logged.config["store_digest"] == result.report.store_digest
    assert logged.config["audit"]["attacks"][0]["init_args"]["widths"] == [8, 4]
    assert logged.summary["test/auc/II-S"] == result.report.rows[0]["auc"]
    assert "logger" not in result.report.config


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"data.init_args.target.init_args.path": "no/such/folder"}, "There is no folder 'no/such/folder'"),
        ({"data.init_args.target.init_args.path": "images"}, "no model_index.json, so it is no diffusers pipeline"),
        ({"data.init_args.target.init_args.path": "shipped:nothing"}, "No shipped model is called 'shipped:nothing'"),
        ({"data.init_args.source.init_args.path": "nowhere.csv"}, "nowhere.csv cannot be read"),
        ({"data.init_args.source.init_args.caption_column": "text"}, r"has no column ['text']; it has ['id', 'image'"),
        ({"data.init_args.encoder.init_args.model": "ViT-B-33"}, "neither a folder nor a model tag"),
        ({"placebo": {"class_path": "DiffusersTarget", "init_args": {"path": "a/b/c"}}}, "There is no folder 'a/b/c'"),
        ({"data.init_args.encoder.init_args.batch_size": 0}, "`batch_size` must be at least 1, but got 0"),
        ({"data.init_args.fractions": [0.4, 0.4, 0.4, 0.4]}, "must be four positive numbers that sum to 1"),
        ({"attacks": ["model.yaml", "model.yaml"]}, "each once, but got ['II-S', 'II-S']"),
        ({"attacks": []}, "at least one attack"),
    ],
    ids=[
        "folder",
        "pipeline",
        "shipped",
        "csv",
        "column",
        "encoder",
        "placebo",
        "batch size",
        "fractions",
        "twice",
        "none",
    ],
)
def test_a_wrong_setting_ends_with_its_message(workspace, failure, changes, message):
    said = failure("audit", "--config", workspace.changed("audit.yaml", {**SMALL, **changes}))
    assert message in said
    assert not (workspace.root / "runs/changed-audit/audit.json").exists()


def test_a_store_of_another_target_is_refused(audited, failure):
    changes = {"data.init_args.target.init_args.steps": 4, "placebo_store": "elsewhere"}
    said = failure("audit", "--config", audited.changed("audit.yaml", changes))
    assert "store holds the answers of another target (steps: store 2, target 4)" in said
    said = failure("audit", "--config", audited.changed("audit.yaml", {"placebo_store": "store"}))
    assert "steps: store 2, target 3" in said


def test_locked_splits_are_not_redrawn(audited, failure):
    said = failure("audit", "--config", audited.changed("audit.yaml", {"data.init_args.split_seed": 1}))
    assert "locked and never redrawn" in said
    assert "seed: locked 0, now 1" in said


def test_one_class_is_not_enough(workspace, failure):
    lines = (workspace.root / "records.csv").read_text().splitlines()
    kept = [lines[0], *(line for line in lines if ",1,group" in line)]
    (workspace.root / "records.csv").write_text("\n".join(kept))
    assert "40 members and 0 non-members" in failure("audit", "--config", "audit.yaml")
    assert answers(workspace.root) == []


def test_a_missing_config_is_named(workspace, failure):
    assert "There is no config 'nowhere.yaml'" in failure("audit", "--config", "nowhere.yaml")
    assert "`lit-mia audit` needs `--config FILE`" in failure("audit")
    assert "nowhere" in failure("report", "nowhere")


def test_a_mistake_is_an_error_of_the_package(workspace):
    with pytest.raises(LitMiaError, match="There is no folder"):
        run(["audit", "--config", workspace.changed("audit.yaml", {"data.init_args.target.init_args.path": "x/y/z"})])


def test_a_finished_audit_is_valid_and_has_a_card(audited, capsys, failure):
    folder = audited.root / "runs/audit"
    run(["validate", str(folder)])
    assert (
        capsys.readouterr().out == f"{folder}: audit.json of a form that this version reads, complete and consistent.\n"
    )
    run(["card", str(folder)])
    printed = capsys.readouterr().out
    assert printed.startswith("## Membership inference audit\n")
    run(["card", str(folder), "--output", "cards/own.md"])
    assert (audited.root / "cards/own.md").read_text(encoding="utf-8") == printed
    document = folder / "report.md"
    assert printed in document.read_text(encoding="utf-8")
    document.unlink()
    run(["report", str(folder)])
    assert printed in document.read_text(encoding="utf-8")
    assert "There is no report" in failure("card", "nowhere")


def test_a_folder_that_lacks_its_scores_and_a_config_that_is_none(audited, capsys):
    folder = audited.root / "runs/audit"
    (folder / "scores.parquet").unlink()
    numbers = json.loads((folder / "audit.json").read_text())
    numbers["config"]["budget"]["seeds"] = "many"
    (folder / "audit.json").write_text(json.dumps(numbers))
    with pytest.raises(SystemExit) as ended:
        run(["validate", str(folder)])
    assert ended.value.code == 1
    missing, config = capsys.readouterr().out.splitlines()
    assert missing == "audit.json: scores.parquet: is missing beside it, so its numbers cannot be recomputed"
    assert config.startswith("audit.json: config: These values are no config of MembershipAudit.")
