"""What leaves the machine names no record."""

from dataclasses import replace

from lit_mia.report.membership.nameless import nameless


def test_no_id_is_left(audit):
    same = [{"ids": ["cat.png", "Ana (2)"], "exact": True, "groups": 2, "sides": 1}]
    named = replace(audit.report, skipped=["dog"], duplicates=same)
    hidden = nameless(named)
    assert len(hidden.skipped) == 1
    assert [len(of["ids"]) for of in hidden.duplicates] == [2]
    text, page = replace(audit, report=hidden).text(), replace(audit, report=hidden).page()
    for name in ("cat.png", "Ana (2)", "dog"):
        assert name not in text
        assert name not in page
        assert name in replace(audit, report=named).text()


def test_a_report_that_names_nobody_is_as_it_was(audit):
    report = replace(audit.report, skipped=[], duplicates=[])
    assert nameless(report) == report
