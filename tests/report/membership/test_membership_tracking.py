"""An audit as an offline run of Weights & Biases, read back from its file."""

import json
from dataclasses import replace

from lightning.pytorch.loggers import WandbLogger

from lit_mia.report.membership.nameless import nameless


def test_an_audit_is_one_offline_run(audit, tmp_path, read_wandb):
    report = audit.report
    audit.log(lambda: WandbLogger(project="lit-mia", save_dir=str(tmp_path), offline=True))
    (run,) = read_wandb(tmp_path)
    assert run.config["audit"] == report.config
    assert run.config["split_digest"] == "ef" * 32
    assert run.config["store_digest"] == "12" * 32
    assert run.config["target"] == report.target
    assert run.config["design"] == "same_source_holdout"
    assert run.config["protocol"] == "heads"
    for row in report.rows:
        assert run.summary[f"test/auc/{row.name}"] == row["auc"]
        assert [run.summary[f"test/auc_{end}/{row.name}"] for end in ("lo", "hi")] == row["auc_ci"]
    row = next(r for r in report.rows if r.name == "II-S")
    assert run.summary["test/smallest_delta/II-S"] == row["smallest_difference"]["delta"]
    assert run.summary["test/smallest_lo/II-S"] == row["smallest_difference"]["ci"][0]
    assert run.summary["test/outcome/II-S"] == "leakage beyond controls"
    assert "test/smallest_delta/II-S blind" not in run.summary
    assert run.summary["verdict"] == "leakage beyond controls"
    assert run.summary["cost/queries"] == 8000
    (artifact,) = run.artifacts
    assert artifact.keys() == {"audit.json", "report.html", "table.csv"}  # nothing of single records
    shared = replace(audit, report=nameless(report))
    assert json.loads(artifact["audit.json"]) == shared.numbers() != audit.numbers()
    assert artifact["report.html"] == shared.page()
    (table,) = tmp_path.rglob("scores*.table.json")
    content = json.loads(table.read_text())
    assert content["columns"] == ["id_hash", "label", "row", "kind", "score"]
    assert len(content["data"]) == 800 * len(report.rows)
    assert len(list(tmp_path.rglob("roc_[0-9]*.png"))) == len(list(tmp_path.rglob("roc_family*.png"))) == 1
    (table,) = tmp_path.rglob("rows*.table.json")
    rows = json.loads(table.read_text())
    assert rows["columns"][:2] == ["row", "auc"]
    assert [line[0] for line in rows["data"]] == [row.name for row in report.rows]
    place = rows["columns"].index("accuracy")
    assert [line[place] for line in rows["data"]] == [row["accuracy"] for row in report.rows]
