from dataclasses import replace

import pytest
from rich.console import Console

from lit_mia.report.table import markdown_table, terminal_table


def _printed(report, width=80):
    console = Console(width=width, record=True, force_terminal=False, file=None, quiet=False)
    with console.capture() as capture:
        console.print(terminal_table(report))
    return capture.get()


@pytest.mark.parametrize("width", [80, 140])
def test_every_row_is_printed_whole(audit, width):
    report, _ = audit
    lines = _printed(report, width).splitlines()
    assert "…" not in "".join(lines)
    for row in report.rows:
        name = row.name if row.kind == "attack" else f"  {row.kind}"
        assert any(line.startswith(name) and f"{row.auc:.3f} [" in line for line in lines)


def test_controls_are_indented_below_their_attack(audit):
    words = [line.split(" ")[0] or line.strip().split(" ")[0] for line in _printed(audit[0]).splitlines()]
    start = words.index("II-S")
    assert [w for w in words[start:] if w in ("II-S", "blind", "caption", "placebo")] == [
        "II-S",
        "blind",
        "caption",
        "placebo",
    ]


def test_a_null_tpr_is_a_dash_with_its_reason_and_the_floor(audit):
    text = " ".join(_printed(audit[0], 200).split())
    assert "–: TPR at 0.01 FPR needs at least 1000 non-members" in text
    assert "FPR floor 10/n0: 2.5 %" in text.replace("\u00a0", " ")


def test_difference_names_the_strongest_control_and_the_mark(audit):
    text = _printed(audit[0])
    assert "vs II-S placebo" in text
    assert "✓" in text
    assert "✗" in text


def test_verdict_stands_under_the_table(audit):
    text = _printed(audit[0])
    assert text.index("leakage beyond controls") > text.index("placebo")


def test_square_brackets_are_not_taken_as_markup(audit):
    report = replace(audit[0], verdict={"kind": "confounded", "sentence": "A [bold]name[/bold] in brackets."})
    assert "A [bold]name[/bold] in brackets." in _printed(report)


def test_markdown_has_a_line_per_row_and_escapes(audit):
    report, _ = audit
    report = replace(report, rows=[replace(report.rows[0], strongest_control="a|b <i>"), *report.rows[1:]])
    lines = [line for line in markdown_table(report).splitlines() if line.startswith("|")]
    assert len(lines) == 2 + len(report.rows)
    assert {line.replace("\\|", "").count("|") for line in lines} == {9}
    assert "a\\|b &lt;i>" in lines[2]
