"""Reports of training-free attacks: setting, evaluations and protocol are said, wherever a table stands."""

import json

import pytest
from rich.console import Console

from lit_mia.errors import ReportError
from lit_mia.report.html import html_page
from lit_mia.report.schema import AuditReport
from lit_mia.report.table import markdown_table, terminal_table

SETTING = "t = 200, k = 100, n = 10"


def printed(report, width=80):
    console = Console(width=width, record=True, file=open("/dev/null", "w"))  # noqa: PTH123, SIM115
    console.print(terminal_table(report))
    return console.export_text()


@pytest.mark.parametrize(
    ("protocol", "words"), [("threshold", "no training"), ("resnet", "ResNet trained on the residual map")]
)
def test_the_protocol_is_said_in_words(simulate, protocol, words):
    report, table = simulate({"PIA": 0.8, "Loss": 0.2}, protocol)
    for text in (" ".join(printed(report).split()), markdown_table(report), html_page(report, table)):
        assert words in text


def test_setting_and_evaluations_stand_in_every_table(family):
    report, table = family
    markdown = markdown_table(report)
    assert "| Attack | Setting | NFE |" in markdown
    assert any("**PIA**" in line and SETTING in line and "1\u202f010" in line for line in markdown.splitlines())
    assert "One pass asked the target 160\u202f000" in markdown
    page = html_page(report, table)
    assert page.count(f">{SETTING}</td>") >= 3
    said = printed(report)
    assert "NFE" in said
    assert "t = 200" in said
    assert max(len(line) for line in said.splitlines()) <= 80


def test_trained_heads_have_neither(audit):
    report, table = audit
    assert "Setting" not in markdown_table(report)
    assert "NFE" not in printed(report)
    assert 'class="setting"' not in html_page(report, table)


def test_the_page_shows_the_round_trip_and_the_family(family):
    report, table = family
    page = html_page(report, table)
    assert "round trip" in page
    assert 'id="family-' in page
    assert "<script" not in page
    assert "PixelEncoder" not in page


def test_a_report_of_the_old_schema_is_refused(family):
    data = json.loads(json.dumps(family[0].to_dict()))
    with pytest.raises(ReportError, match=r"lit-mia/audit/1.*lit-mia/audit/2"):
        AuditReport.from_dict({**data, "schema": "lit-mia/audit/1"})
    assert AuditReport.from_dict(data).rows[0].setting == SETTING
