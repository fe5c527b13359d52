"""`lit-mia card` and `lit-mia validate` on finished audits, and the documents of their form."""

import json
import re
import sys
from pathlib import Path

import pytest
from tiny_audit import KINDS

from lit_mia.audits.kinds import AUDIT_KINDS
from lit_mia.main import run
from lit_mia.report.sweep import SweepResult

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
import describe_audit_json  # noqa: E402 (it is a script)


def ended(*args):
    with pytest.raises(SystemExit) as exit:
        run(args)
    return exit.value.code


def test_the_schema_is_the_one_that_is_shipped():
    command = "run `python scripts/describe_audit_json.py`"
    assert describe_audit_json.SCHEMA.read_text(encoding="utf-8") == describe_audit_json.schema_text(), command


def test_the_document_names_every_field_of_every_file():
    text = describe_audit_json.TABLES.read_text(encoding="utf-8")
    assert text.endswith(f"{describe_audit_json.MARK}\n{describe_audit_json.tables_text()}")
    for kind in AUDIT_KINDS:
        assert kind.result.schema in text
    assert len(describe_audit_json.schema()["$defs"]) == len(re.findall("^## ", text, re.MULTILINE))


def test_what_is_no_file_of_numbers(failure, tmp_path):
    assert "There is no report at" in failure("validate", str(tmp_path))
    (tmp_path / "audit.json").write_text("[" * 100_000)
    assert "not readable as JSON" in failure("validate", str(tmp_path))
    (tmp_path / "audit.json").write_text("[]")
    assert "holds a list" in failure("validate", str(tmp_path / "audit.json"))


def test_another_form_is_told_with_those_that_are_read(tmp_path, capsys):
    path = tmp_path / "old.json"
    path.write_text(json.dumps({"schema": "lit-mia/audit/2"}))
    assert ended("validate", str(path)) == 1
    said = capsys.readouterr().out
    assert said.startswith(
        "old.json: schema: 'lit-mia/audit/2' is not read by this version, which reads lit-mia/audit/3"
    )


def test_a_kind_that_says_nothing_of_its_form_has_that_of_all(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(AUDIT_KINDS, "_entries", {kind.name: kind for kind in KINDS})
    (tmp_path / "audit.json").write_text(json.dumps({"schema": KINDS[0].result.schema, "verdict": {"kind": 1}}))
    assert ended("validate", str(tmp_path)) == 1
    assert capsys.readouterr().out.splitlines() == [
        "audit.json: verdict.kind: 1 is not of type string",
        "audit.json: verdict.sentence: is missing",
        "audit.json: cost: is missing",
    ]


def test_what_a_user_configured_is_no_interval(tmp_path, capsys):
    held = {"schema": SweepResult.schema, "config": {"value": 3, "lo": 9, "hi": 1}}
    (tmp_path / "audit.json").write_text(json.dumps(held))
    assert ended("validate", str(tmp_path)) == 1
    assert "interval" not in capsys.readouterr().out
