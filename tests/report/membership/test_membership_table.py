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


def test_a_difference_names_its_control_and_an_attack_its_finding(audit):
    text = " ".join(printed(audit, 140).split())
    assert "to placebo" in text
    assert "2.50 leakage" in text
    assert "0.40 not detected" in text


def test_what_cannot_be_said_is_a_dash_with_its_reason(audit):
    rows = [with_values(row, auc_ci=None) for row in audit.report.rows]
    text = " ".join(printed(changed(audit, rows=rows), 140).split())
    assert f"{rows[0]['auc']:.3f} – " in text
    assert "AUC –: an interval cannot be said with fewer than 10 groups on a side, or where all scores are" in text
    assert "cannot be said" not in printed(audit, 140)


def test_verdict_stands_under_the_table(audit):
    text = printed(audit)
    assert text.index("leakage beyond controls") > text.index("placebo")


def test_square_brackets_are_not_taken_as_markup(audit):
    result = changed(audit, verdict={"kind": "confounded", "sentence": "A [bold]name[/bold] in brackets."})
    assert "A [bold]name[/bold] in brackets." in printed(result)


def test_markdown_has_a_line_per_row_and_escapes(audit):
    first, *others = audit.report.rows
    smallest = {"control": "a|b <i>", "delta": 0.1, "ci": None}
    result = changed(audit, rows=[with_values(first, smallest_difference=smallest), *others])
    lines = [line for line in result.markdown().splitlines() if line.startswith("|")]
    assert len(lines) == 2 + len(audit.report.rows)
    assert {line.replace("\\|", "").count("|") for line in lines} == {10}
    assert "a\\|b &lt;i>" in lines[2]
