"""What a researcher reads: thresholds, seeds and histograms, each number that of the report."""

import re

import pytest
from simulated_results import changed, with_values

from lit_mia.report.membership.details.histograms import histogram_figure
from lit_mia.report.membership.details.seeds import seed_table
from lit_mia.report.membership.details.thresholds import threshold_notes, threshold_table
from lit_mia.report.membership.schema import AuditReport

HISTOGRAM = {"edges": [0.0, 1.0, 2.0, 3.0], "members": [0, 1, 3], "non_members": [6, 1, 1]}
AT_1 = {
    "nominal_fpr": 0.01,
    "threshold": 2.5,
    "realised_fpr": 0.02,
    "realised_fpr_ci": [0.012, 0.031],
    "tpr": 0.11,
    "tpr_ci": [0.09, 0.14],
    "prior": 0.01,
    "ppv": 0.05,
    "ppv_ci": [0.03, 0.09],
    "reason": None,
}
AT_01 = {**dict.fromkeys(AT_1), "nominal_fpr": 0.001, "prior": 0.01, "reason": "Too few."}


def lines(table):
    return [line for block in table.blocks for line in block]


@pytest.fixture
def further(audit):
    """The audit with lower thresholds, of which one cannot be said."""
    return changed(audit, rows=[with_values(row, further_thresholds=[AT_1, AT_01]) for row in audit.report.rows])


def test_every_threshold_that_there_is_has_a_line(further):
    table = threshold_table(further.report, "page")
    assert [(line.name, line.cells[0].text) for line in lines(table)] == [
        (name, rate) for name in ("I-P", "II-S") for rate in ("10\u00a0%", "1\u00a0%")
    ]
    at_1 = lines(table)[1]
    assert at_1.cells[1].line == "2\u00a0% [1.2, 3.1]\u00a0%"
    assert at_1.cells[1].note == "differs from nominal"
    assert lines(table)[0].cells[1].note == ""
    assert at_1.cells[2].line == "11\u00a0% [9.0, 14.0]\u00a0%"
    assert at_1.cells[4].text == "2.500"


def test_a_threshold_that_there_is_not_says_why_once(further):
    notes = threshold_notes(further.report)
    assert notes.count("Too few.") == 1
    assert not any("earlier version" in note for note in notes)


def test_a_file_of_an_earlier_version_shows_what_it_has(audit):
    report = AuditReport.from_dict(audit.report.to_dict())
    assert [line.cells[0].text for line in lines(threshold_table(report, "page"))] == ["10\u00a0%"] * 2
    assert any("earlier version" in note for note in threshold_notes(report))


def test_every_seed_has_its_column_and_controls_stand_under_their_attack(audit):
    table = seed_table(audit.report, "page")
    assert table.headings == ("AUC of the mean score", "Seed 0", "Seed 1", "Seed 2", "Range of the seeds")
    assert [line.name for line in lines(table)] == [row.name for row in audit.report.rows]
    assert [line.strong for line in table.blocks[0]] == [True, False, False, False]
    for line, row in zip(lines(table), audit.report.rows, strict=True):
        assert [cell.text for cell in line.cells[1:4]] == [f"{auc:.3f}" for auc in row["auc_per_seed"]]
        assert line.cells[4].text == "0.022"


def test_a_row_of_fewer_seeds_has_empty_cells_and_one_seed_no_table(audit):
    rows = [with_values(row, auc_per_seed=[0.5] * (1 + (row.kind == "attack"))) for row in audit.report.rows]
    table = seed_table(changed(audit, rows=rows).report, "page")
    assert [cell.text for cell in lines(table)[1].cells[1:]] == ["0.500", "", ""]
    assert seed_table(changed(audit, rows=[with_values(r, auc_per_seed=[0.5]) for r in rows]).report, "page") is None


def test_a_histogram_draws_the_shares_of_each_side():
    (axes,) = histogram_figure("II-S", HISTOGRAM).axes
    drawn = [
        patch.get_data().values.tolist() for patch in axes.patches if patch.get_label() in ("members", "non-members")
    ]
    assert sorted(drawn) == [[0.0, 0.25, 0.75], [0.75, 0.125, 0.125]]


def test_the_page_draws_only_attacks_that_were_counted(small):
    heading = "Scores of members and non-members"
    assert heading not in small.page()
    rows = [with_values(row, histogram=HISTOGRAM if row.kind == "attack" else None) for row in small.report.rows]
    page = changed(small, rows=rows).page()
    assert re.findall('aria-label="Scores of members and non-members by (.*?)"', page) == ["II-S"]
    assert page.count(f"<h2>{heading}</h2>") == 1
