import json
from dataclasses import replace

import pytest
from simulated_results import changed, with_values

import lit_mia.audits.kinds  # noqa: F401 (the kinds that a folder may hold)
from lit_mia.audits.base import load_result
from lit_mia.errors import ReportError
from lit_mia.report.membership.columns import COLUMNS
from lit_mia.report.membership.schema import NEEDED, SCHEMA, AuditReport, Row


def test_json_round_trip(audit):
    assert AuditReport.from_dict(json.loads(json.dumps(audit.numbers()))) == audit.report
    assert AuditReport.from_dict(audit.report.to_dict()) == audit.report


def test_schema_comes_first_in_the_file(audit, tmp_path):
    audit.save(tmp_path)
    data = json.loads((tmp_path / "audit.json").read_text())
    assert next(iter(data)) == "schema"
    assert data["schema"] == SCHEMA


def test_an_audit_from_before_captioners_is_read(audit):
    data = audit.numbers()
    del data["captioner"], data["tools"]
    assert AuditReport.from_dict(data) == audit.report


def test_missing_and_unknown_fields_are_named(audit):
    data = audit.numbers()
    data["colour"] = data.pop("design")
    with pytest.raises(ReportError, match=r"the audit.*'design'.*'colour'"):
        AuditReport.from_dict(data)
    data = audit.numbers()
    data["cost"]["colour"] = data["cost"].pop("nfe")
    with pytest.raises(ReportError, match=r"`cost`.*'nfe'.*'colour'"):
        AuditReport.from_dict(data)


@pytest.mark.parametrize("name", [*NEEDED, "kind", "attack"])
def test_a_row_without_a_number_that_all_rows_have_is_refused(audit, name):
    data = audit.numbers()
    del data["rows"][1][name]
    with pytest.raises(ReportError, match=rf"row 'I-P blind'.*'{name}'"):
        AuditReport.from_dict(data)


def test_a_value_of_a_column_that_is_not_installed_here_is_kept(audit, tmp_path):
    rows = [with_values(row, hubness={"k": 10, "skew": 1.5}) for row in audit.report.rows]
    result = changed(audit, rows=rows)
    assert "hubness" not in [column.name for column in COLUMNS]
    result.save(tmp_path)
    loaded = type(audit).load(tmp_path, json.loads((tmp_path / "audit.json").read_text()))
    assert loaded.report == result.report
    loaded.save(tmp_path / "again")
    assert (tmp_path / "again/audit.json").read_bytes() == (tmp_path / "audit.json").read_bytes()
    assert loaded.report.rows[0]["hubness"] == {"k": 10, "skew": 1.5}


def test_a_value_that_was_not_computed_is_none():
    assert Row(name="II-S", kind="attack", attack="II-S", values={})["hubness"] is None


@pytest.mark.parametrize("version", [1, 2])
def test_a_verdict_of_another_rule_is_not_read(audit, tmp_path, version):
    audit.save(tmp_path)
    data = audit.numbers() | {"schema": f"lit-mia/audit/{version}"}
    (tmp_path / "audit.json").write_text(json.dumps(data), encoding="utf-8")
    with pytest.raises(ReportError, match=rf"audit/{version}'.*reads lit-mia/audit/3.*over the same store"):
        load_result(tmp_path)


def test_a_measured_nan_is_refused_with_its_place(audit):
    first, second, *_ = audit.report.rows
    rows = [first, with_values(second, auc=float("nan"))]
    with pytest.raises(ReportError, match=r"rows\[1\]\.auc"):
        changed(audit, rows=rows).numbers()


def test_infinities_of_the_configuration_are_spelled_as_in_yaml(audit):
    config = {"early_stopping": {"min_delta": float("-inf")}, "clip": [float("inf"), float("nan"), 1.5]}
    data = replace(audit.report, config=config).to_dict()
    assert data["config"] == {"early_stopping": {"min_delta": "-.inf"}, "clip": [".inf", ".nan", 1.5]}
