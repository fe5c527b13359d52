"""The files of a membership audit: written whole, read back equal, the page made anew to the byte."""

import csv
from dataclasses import fields

import numpy as np
import pytest
from simulated_results import changed

from lit_mia.errors import ReportError
from lit_mia.report.base import read_numbers
from lit_mia.report.membership import MembershipResult

FILES = ["audit.json", "report.html", "report.md", "roc.csv", "scores.parquet", "table.csv"]
RESULTS = ["audit", "statistics", "mixed"]


def load(folder):
    return MembershipResult.load(folder, read_numbers(folder))


@pytest.fixture(scope="module")
def folder(audit, tmp_path_factory):
    folder = tmp_path_factory.mktemp("audit") / "new"
    assert audit.save(folder) == folder / "report.html"
    return folder


def test_six_files_and_no_leftovers(audit, folder):
    assert sorted(path.name for path in folder.iterdir()) == FILES
    assert load(folder).report == audit.report


@pytest.mark.parametrize("name", RESULTS)
def test_a_result_is_read_as_it_was_written_and_its_page_is_the_same(name, request, tmp_path):
    result = request.getfixturevalue(name)
    page = result.save(tmp_path)
    before = page.read_bytes()
    read = load(tmp_path)
    assert read.report == result.report
    for field in fields(result.scores):
        np.testing.assert_array_equal(getattr(read.scores, field.name), getattr(result.scores, field.name))
    page.unlink()
    assert read.save_page(tmp_path) == page
    assert page.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == FILES


def test_a_failed_write_keeps_the_old_file(audit, folder):
    before = (folder / "audit.json").read_bytes()
    with pytest.raises(ReportError, match=r"power\.auc_needed"):
        changed(audit, power={"auc_needed": float("nan"), "violation": None}).save(folder)
    assert (folder / "audit.json").read_bytes() == before
    assert sorted(path.name for path in folder.iterdir()) == FILES


def test_the_table_of_a_result_holds_its_numbers_unrounded(audit, folder):
    with (folder / "table.csv").open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    assert [(line["row"], line["kind"]) for line in lines] == [(row.name, row.kind) for row in audit.report.rows]
    for name in ("auc", "accuracy"):
        assert [float(line[name]) for line in lines] == [row[name] for row in audit.report.rows]
    rates = [row["tpr_at_fpr"][0]["tpr"] for row in audit.report.rows]
    assert [float(line["tpr@0.1"]) for line in lines] == rates
    assert {line["tpr@0.01"] for line in lines} == {""}


def test_an_empty_folder(tmp_path):
    with pytest.raises(ReportError, match="no report"):
        load(tmp_path)


def test_numbers_without_their_scores(audit, tmp_path):
    audit.save(tmp_path)
    (tmp_path / "scores.parquet").unlink()
    with pytest.raises(ReportError, match="no scores"):
        load(tmp_path)


def test_the_line_says_the_kind_of_verdict_once(audit):
    kind = "not detected at this power"
    of = changed(audit, verdict={"kind": kind, "sentence": "Not detected at this power: no attack\nis found."})
    assert of.line() == f"{kind}: No attack is found."
    assert changed(audit, verdict={"kind": kind, "sentence": "Else."}).line() == f"{kind}: Else."
