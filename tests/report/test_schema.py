import json
from dataclasses import replace

import pytest

from lit_mia.errors import ReportError
from lit_mia.report.schema import SCHEMA, AuditReport, load_json, save_json


def test_json_round_trip(audit, tmp_path):
    report, _ = audit
    save_json(report, tmp_path / "audit.json")
    assert load_json(tmp_path / "audit.json") == report
    assert AuditReport.from_dict(report.to_dict()) == report


def test_schema_comes_first_in_the_file(audit, tmp_path):
    save_json(audit[0], tmp_path / "audit.json")
    data = json.loads((tmp_path / "audit.json").read_text())
    assert next(iter(data)) == "schema"
    assert data["schema"] == SCHEMA


def test_unknown_schema_names_the_known_ones(audit):
    data = {**audit[0].to_dict(), "schema": "lit-mia/audit/99"}
    with pytest.raises(ReportError, match=r"lit-mia/audit/99.*lit-mia/audit/2"):
        AuditReport.from_dict(data)


def test_an_audit_from_before_captioners_is_read(audit):
    data = audit[0].to_dict()
    del data["captioner"], data["tools"]
    assert AuditReport.from_dict(data) == audit[0]


def test_missing_and_unknown_fields_are_named(audit):
    data = audit[0].to_dict()
    data["rows"][1]["colour"] = data["rows"][1].pop("auc")
    with pytest.raises(ReportError, match=r"row 1.*'auc'.*'colour'"):
        AuditReport.from_dict(data)


def test_a_measured_nan_is_refused_with_its_place(audit):
    report, _ = audit
    rows = [report.rows[0], replace(report.rows[1], auc=float("nan"))]
    with pytest.raises(ReportError, match=r"rows\[1\]\.auc"):
        replace(report, rows=rows).to_dict()


def test_infinities_of_the_configuration_are_spelled_as_in_yaml(audit):
    config = {"early_stopping": {"min_delta": float("-inf")}, "clip": [float("inf"), float("nan"), 1.5]}
    data = replace(audit[0], config=config).to_dict()
    assert data["config"] == {"early_stopping": {"min_delta": "-.inf"}, "clip": [".inf", ".nan", 1.5]}


@pytest.mark.parametrize(("text", "message"), [("{", "not readable as JSON"), ("[]", "JSON object")])
def test_damaged_file(tmp_path, text, message):
    (tmp_path / "audit.json").write_text(text)
    with pytest.raises(ReportError, match=message):
        load_json(tmp_path / "audit.json")


def test_missing_file(tmp_path):
    with pytest.raises(ReportError, match="no report"):
        load_json(tmp_path / "audit.json")
