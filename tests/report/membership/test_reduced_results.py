"""What docs/results keeps of a finished audit."""

import json
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[3] / "scripts"))

import docs_tables


def test_an_audit_is_reduced_to_what_pages_show(audit, tmp_path, monkeypatch):
    audit.save(tmp_path / "own")
    monkeypatch.setattr(docs_tables, "RESULTS", tmp_path)
    reduced = docs_tables.collected(tmp_path / "own", busy=True)
    (tmp_path / "own.json").write_text(docs_tables.as_json(dict(reduced)), encoding="utf-8")
    assert json.loads((tmp_path / "own.json").read_text(encoding="utf-8")) == reduced
    assert [row["name"] for row in reduced["rows"]] == [row.name for row in audit.report.rows]
    strongest = next(row for row in audit.report.rows if row.name == "II-S")
    low, high = strongest["auc_ci"]
    written = f"{strongest['auc']:.3f} [{low:.3f}, {high:.3f}]"
    for block in (docs_tables.attacks, docs_tables.every_row, docs_tables.beside):
        assert "| **II-S** | " in block("own")
        assert written in block("own")
    assert reduced["verdict"]["sentence"] in docs_tables.attacks("own")
    assert f"| `audit/{audit.report.name}` | heads |" in docs_tables.attack("II-S")
    assert docs_tables.attack("unknown") == "unknown: not measured here."
