import pytest
from simulated_results import changed, printed, with_values


@pytest.mark.parametrize("width", [80, 140])
def test_every_row_is_printed_whole(audit, width):
    lines = printed(audit, width).splitlines()
    assert "…" not in "".join(lines)
    for row in audit.report.rows:
        name = row.name if row.kind == "attack" else f"  {row.kind}"
        assert any(line.startswith(name) and f"{row['auc']:.3f} [" in line for line in lines)


def test_controls_are_indented_below_their_attack(audit):
    words = [line.split(" ")[0] or line.strip().split(" ")[0] for line in printed(audit).splitlines()]
    start = words.index("II-S")
    assert [w for w in words[start:] if w in ("II-S", "blind", "caption", "placebo")] == [
        "II-S",
        "blind",
        "caption",
        "placebo",
    ]


def test_a_null_tpr_is_a_dash_with_its_reason_and_the_floor(audit):
    text = " ".join(printed(audit, 200).split())
    assert "–: TPR at 0.01 FPR needs at least 1000 non-members" in text
    assert "FPR floor 10/n0: 2.5 %" in text.replace("\u00a0", " ")


def test_difference_names_the_strongest_control_and_the_mark(audit):
    text = printed(audit)
    assert "vs placebo" in text
    assert "✓" in text
    assert "✗" in text


def test_verdict_stands_under_the_table(audit):
    text = printed(audit)
    assert text.index("leakage beyond controls") > text.index("placebo")


def test_square_brackets_are_not_taken_as_markup(audit):
    result = changed(audit, verdict={"kind": "confounded", "sentence": "A [bold]name[/bold] in brackets."})
    assert "A [bold]name[/bold] in brackets." in printed(result)


def test_markdown_has_a_line_per_row_and_escapes(audit):
    first, *others = audit.report.rows
    result = changed(audit, rows=[with_values(first, strongest_control="a|b <i>"), *others])
    lines = [line for line in result.markdown().splitlines() if line.startswith("|")]
    assert len(lines) == 2 + len(audit.report.rows)
    assert {line.replace("\\|", "").count("|") for line in lines} == {9}
    assert "a\\|b &lt;i>" in lines[2]
