"""No cell of a CSV file is a formula, and what is read back is what was written."""

import csv

import pytest

from lit_mia.report.formulas import guarded, plain
from lit_mia.report.tables import write_csv


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "'=x", "''-x"])
def test_what_begins_like_a_formula_stands_behind_an_apostrophe(text):
    assert guarded(text) == f"'{text}"
    assert plain(guarded(text)) == text


@pytest.mark.parametrize("value", ["", "record-1", "'s-Gravenhage", "a=b", -1, -0.5, None, True])
def test_anything_else_is_written_as_it_is(value):
    assert guarded(value) is value
    assert plain(str(value)) == str(value)


def test_a_table_has_no_formulas_in_cells_and_headings(tmp_path):
    write_csv({"=A1": ["=cmd|' /C calc'!A0", "Ann"], "margin": [-0.25, None]}, tmp_path / "table.csv")
    with (tmp_path / "table.csv").open(newline="") as file:
        assert [*csv.reader(file)] == [["'=A1", "margin"], ["'=cmd|' /C calc'!A0", "-0.25"], ["Ann", ""]]
