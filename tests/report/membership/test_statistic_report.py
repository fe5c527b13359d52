"""Reports of training-free attacks: setting, evaluations and protocol are said, wherever a table stands."""

import re
from dataclasses import replace

import pytest
from simulated_results import changed, printed, simulated, with_values

SETTING = "t = 200, k = 100, n = 10"
LONG = "FreMIA ReDiffuse pixel SSIM"


def rows_of(page):
    """Texts of the cells of each line in the body of the page's first table."""
    table = page[page.index('<table class="cards') : page.index("</table>")]
    lines = re.findall(r"<tr class.*?</tr>", table, re.DOTALL)
    cells = [re.findall(r"<t[hd].*?</t[hd]>", line, re.DOTALL) for line in lines]
    return [[re.sub(r"<.*?>", "", cell).replace("\u00a0", " ") for cell in line] for line in cells]


@pytest.mark.parametrize(
    ("protocol", "words"),
    [
        ("threshold", "Scored by a threshold on the statistic; no training. Setting chosen on train and val."),
        (
            "resnet",
            "Scored by a ResNet trained on the residual map (train split); not comparable with threshold numbers.",
        ),
    ],
)
def test_the_protocol_is_said_in_words(protocol, words):
    result = simulated({"PIA": 0.8, "Loss": 0.2}, protocol)
    for text in (" ".join(printed(result).split()), result.markdown(), result.page()):
        assert words in text


def test_setting_and_evaluations_stand_in_every_table(family):
    markdown = family.markdown()
    assert "| Attack | Setting | NFE |" in markdown
    assert any("**PIA**" in line and SETTING in line and "1\u202f010" in line for line in markdown.splitlines())
    assert "One pass asked the target 160\u202f000" in markdown
    rows = rows_of(family.page())
    assert [row[:3] for row in rows[:4]] == [
        ["Loss", SETTING, "1\u202f010"],
        *([kind, "", ""] for kind in ("blind", "round trip", "placebo")),
    ]
    assert "NFE" in printed(family)


def test_a_control_that_another_learner_learned_says_so(family):
    rows = [with_values(row, setting="gradient boosting") if row.kind == "blind" else row for row in family.report.rows]
    result = changed(family, rows=rows)
    shown = [row[:2] for row in rows_of(result.page())[:4]]
    assert shown == [["Loss", SETTING], ["blind", "gradient boosting"], ["round trip", ""], ["placebo", ""]]
    assert "gradient boosting" in printed(result)


def test_the_terminal_keeps_80_columns_with_long_names_and_settings(statistics):
    lines = printed(statistics).splitlines()
    assert max(map(len, lines)) <= 80
    assert "…" not in "".join(lines)
    start = next(i for i, line in enumerate(lines) if line.startswith("SecMI"))
    assert re.match(r"SecMI +1\u202f010 +0\.\d{3} .* 2\.50$", lines[start])
    under = ["t = 200, k = 100,", "n = 10", "leakage"]
    assert [line.split("  ")[0] for line in lines[start + 1 : start + 4]] == under
    assert "to placebo" in lines[start + 2]
    assert "  round trip  " in lines[start + 6]


def test_a_long_name_is_broken_between_words(statistics):
    lines = printed(statistics).splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("FreMIA"))
    assert " ".join(line[:20].split("  ")[0].strip() for line in lines[start : start + 2]).startswith(LONG)


def test_only_what_was_asked_in_this_run_is_counted(family):
    cost = family.report.cost
    by_target = {name: {**spent, "nfe": 0} for name, spent in cost.by_target.items()}
    stored = changed(family, cost=replace(cost, nfe=0, by_target=by_target))
    assert "One pass asked" not in stored.markdown()
    by_target["target"]["nfe"] = 1234
    assert "One pass asked the target 1\u202f234 evaluations in all (shared between attacks)." in stored.markdown()


def test_an_attack_with_one_setting_and_nothing_counted_has_empty_cells(family):
    bare = {"setting": "", "evaluations": None}
    rows = [row if row.attack == "SimA" else with_values(row, **bare) for row in family.report.rows]
    result = changed(family, rows=rows)
    assert "| **PIA** |  |  | 0." in result.markdown()
    assert ["Loss", "", ""] in [row[:3] for row in rows_of(result.page())]


def test_columns_in_which_no_attack_has_anything_are_left_out(family):
    rows = [with_values(row, setting="", evaluations=None) for row in family.report.rows]
    result = changed(family, rows=rows)
    assert "| Attack | AUC" in result.markdown()
    assert "NFE" not in printed(result) + result.markdown()


def test_trained_heads_have_neither(audit):
    assert "Setting" not in audit.markdown()
    assert "NFE" not in printed(audit)
    page = audit.page()
    assert "Setting</th>" not in page
    assert "<caption>" not in page
    assert "Scored by" not in printed(audit) + audit.markdown()
    assert "<summary>Encoder</summary>" in page


def test_the_page_shows_the_round_trip_and_the_family(family):
    page = family.page()
    assert "--c: var(--kind-round-trip)" in page
    assert page.count("--kind-round-trip: #") == 3  # light, dark and print
    assert page.index('id="family-') < page.index('id="roc0-')
    assert page.count("<script") == 1  # which sorts tables
    assert "<summary>Encoder</summary>" not in page


def test_one_attack_has_no_family():
    assert 'id="family-' not in simulated({"PIA": 0.8}, "threshold").page()
