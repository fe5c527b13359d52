from dataclasses import replace

from simulated_results import changed

from lit_mia.report.membership.notes import blocks, footnotes, statement


def test_blocks_keep_every_row_and_put_the_attack_first(audit):
    reverse = changed(audit, rows=audit.report.rows[::-1]).report
    assert [block[0].name for block in blocks(reverse)] == ["II-S", "I-P"]
    assert sum(len(block) for block in blocks(reverse)) == len(audit.report.rows)


def test_statement_does_not_say_the_kind_twice(audit):
    assert statement(audit.report).startswith("II-S and IV tell")
    other = replace(audit.report, verdict={"kind": "confounded", "sentence": "Two things: a and b."})
    assert statement(other) == "Two things: a and b."


def test_the_check_of_the_tools_is_told_where_it_was_made(audit):
    tools = {"n": 661, "nearest": 10, "found": 120, "p": 1e-9}
    assert footnotes(replace(audit.report, tools=tools), [])[-1].replace("\u00a0", " ") == (
        "Tools: 18.2 % of 661 captions find their own image among the 10 nearest (by chance 1.51 %, p < 0.001)."
    )
    assert not any("Tools" in note for note in footnotes(audit.report, []))
