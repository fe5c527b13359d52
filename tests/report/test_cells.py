from dataclasses import replace

import pytest

from lit_mia.report.cells import blocks, duration, footnotes, interval, p_value, percent, signed, statement


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(3.21, "3.2 s"), (42.4, "42 s"), (75.4, "1 min 15 s"), (3599.8, "1 h 0 min"), (4321, "1 h 12 min")],
)
def test_duration(seconds, text):
    assert duration(seconds) == text


def test_numbers():
    assert signed(-0.02) == "−0.020"
    assert signed(None) == "–"
    assert interval([-0.01, 0.2]) == "[−0.010, 0.200]"
    assert percent(0.001) == "0.1\u00a0%"
    assert p_value(0.0002) == "p < 0.001"


def test_blocks_keep_every_row_and_put_the_attack_first(audit):
    report, _ = audit
    mixed = replace(report, rows=report.rows[::-1])
    assert [block[0].name for block in blocks(mixed)] == ["II-S", "I-P"]
    assert sum(len(block) for block in blocks(mixed)) == len(report.rows)


def test_statement_does_not_say_the_kind_twice(audit):
    report, _ = audit
    assert statement(report).startswith("II-S and IV tell")
    other = replace(report, verdict={"kind": "confounded", "sentence": "Two things: a and b."})
    assert statement(other) == "Two things: a and b."


def test_the_check_of_the_tools_is_told_where_it_was_made(audit):
    report, _ = audit
    tools = {"n": 661, "nearest": 10, "found": 120, "p": 1e-9}
    assert footnotes(replace(report, tools=tools), [])[-1].replace("\u00a0", " ") == (
        "Tools: 18.2 % of 661 captions find their own image among the 10 nearest (by chance 1.51 %, p < 0.001)."
    )
    assert not any("Tools" in note for note in footnotes(report, []))
