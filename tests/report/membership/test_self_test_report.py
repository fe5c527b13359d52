"""How a self-test is shown: by itself, and in the report of the audit that it is of."""

import json
import math
from dataclasses import asdict, replace

import pytest
from rich.console import Console
from scipy.stats import binomtest
from simulated_results import changed, printed
from simulated_self_tests import FOUND, HEADS, LEAKS, MISSED, NULLS, PIXELS, SHIFTS, self_test, trials

from lit_mia.errors import ReportError
from lit_mia.report.base import read_numbers
from lit_mia.report.membership import MembershipResult
from lit_mia.report.membership.configuration import configuration_key, key_of
from lit_mia.report.membership.sections import AFTER_PICTURES
from lit_mia.report.membership.self_test import markdown, terminal
from lit_mia.report.membership.self_test.figure import power_figure
from lit_mia.report.membership.self_test.rates import LEAKAGE, counted, curves_of
from lit_mia.report.membership.self_test.words import self_test_findings, self_test_notes
from lit_mia.report.membership.self_test_numbers import SELF_TEST, SelfTest
from lit_mia.report.page import render_page

EVIL = "<script>alert('x')</script>"
HINT = "suggestive (no placebo)"
VIOLATED = "design violated"
ALONE = [section for section in AFTER_PICTURES if "self_test" in section.template]


def page_of(result):
    """The section alone, which is drawn faster."""
    return render_page(result, "title", "tone", ALONE)


def shown(test, width=80):
    console = Console(width=width, force_terminal=False)
    with console.capture() as capture:
        console.print(terminal(test))
    return capture.get()


def said(*of, **others):
    """What is found, one sentence a line."""
    return "\n".join(self_test_findings(self_test(of, **others))).replace("\u00a0", " ").replace("\u202f", " ")


@pytest.fixture
def tested(small):
    return replace(small, self_test=self_test(configuration=key_of(small.report)))


# ---------------------------------------------------------------------- whose it is


def test_the_key_of_a_report_is_that_of_its_configuration(small):
    report = small.report
    models = {"target": report.target, "placebo": report.placebo, "base": None}
    asked = {"answers": report.store_digest, "splits": report.splits["digest"], "models": models, "version": "0.1.0"}
    assert key_of(report) == configuration_key(report.config, **asked)
    assert configuration_key({**report.config, "store": "elsewhere"}, **asked) == key_of(report)
    others = [
        changed(small, config={**report.config, "seeds": 4}),
        changed(small, store_digest="other"),
        changed(small, splits={**report.splits, "digest": "other"}),
        changed(small, target={}),
        changed(small, placebo=None),
        changed(small, base={"weights": "x"}),
        changed(small, versions={"lit-mia": "0.2.0"}),
    ]
    assert len({key_of(report), *(key_of(other.report) for other in others)}) == 1 + len(others)
    assert key_of(changed(small, fidelity=None, created="later").report) == key_of(report)


def test_a_file_spells_infinities_and_its_key_is_the_same(small):
    report = changed(small, config={"clip": math.inf, "sizes": (1, 2)}).report
    assert key_of(type(report).from_dict(report.to_dict())) == key_of(report)


@pytest.mark.parametrize(
    ("test", "words"),
    [
        (None, "Self-test: not run."),
        (self_test(), "Self-test: not run for this configuration (the one here is of another)."),
    ],
)
def test_where_there_is_none_the_command_is_named(small, test, words):
    result = replace(small, self_test=test)
    for text in (result.markdown(), " ".join(printed(result, 120).split())):
        assert f"{words} `lit-mia selftest --config FILE` runs this audit" in text
    page = page_of(result)
    assert f"{words} <code>lit-mia selftest --config FILE</code> runs this audit" in page
    assert "<table" not in page


def test_where_there_is_one_every_place_shows_it(tested):
    page, text = page_of(tested), tested.markdown()
    for place in (page, text, " ".join(printed(tested, 120).split()).replace("[1.4, 7.1] %", "[1.4, 7.1]\u00a0%")):
        assert "7 of 200 audits end in leakage, 3.5" in place
        assert "A leak planted by answers is found four times in five from an AUC of 0.621 on" in place
    assert markdown(tested.self_test) in text
    assert page.count("<svg") == 1
    assert "How often is this audit wrong" in tested.page()


def test_it_is_read_from_the_folder_and_no_file_of_the_result(tested, tmp_path):
    tested.self_test.write(tmp_path)
    tested.save(tmp_path)
    read = MembershipResult.load(tmp_path, read_numbers(tmp_path))
    assert asdict(read.self_test) == json.loads(json.dumps(asdict(tested.self_test)))
    assert page_of(read) == page_of(tested)
    assert SELF_TEST not in tested.files()


@pytest.mark.parametrize(
    "damage",
    [
        lambda held: "{",
        lambda held: "[]",
        lambda held: json.dumps({name: held[name] for name in held if name != "trials"}),
        lambda held: json.dumps(held | {"trials": [1]}),
        lambda held: json.dumps(held | {"trials": [{**NULLS[0], "repetitions": 0, "verdicts": {MISSED: 0}}]}),
        lambda held: json.dumps(held | {"trials": [{**NULLS[0], "repetitions": 201}]}),
        lambda held: json.dumps(held | {"trials": [{k: v for k, v in NULLS[0].items() if k != "told"}]}),
        lambda held: json.dumps(held | {"more": 1}),
    ],
)
def test_a_damaged_file_is_named(damage, tmp_path):
    held = asdict(self_test())
    (tmp_path / SELF_TEST).write_text(damage(held), encoding="utf-8")
    with pytest.raises(ReportError, match=r"selftest\.json is no self-test"):
        SelfTest.read(tmp_path)


def test_a_file_of_another_form_is_none(tmp_path):
    self_test(schema="lit-mia/selftest/0").write(tmp_path)
    assert SelfTest.read(tmp_path) is None


# ---------------------------------------------------------------------- what is said


def test_rates_and_their_intervals_are_exact():
    for of in (*NULLS, *SHIFTS, *LEAKS):
        ci = binomtest(of["verdicts"].get(FOUND, 0), of["repetitions"]).proportion_ci(method="exact")
        assert counted(of, (LEAKAGE,)).ci == pytest.approx((ci.low, ci.high), abs=1e-12)


@pytest.mark.parametrize(
    ("false", "words"), [(7, "compatible with"), (0, "less than"), (2, "less than"), (20, "more than")]
)
def test_false_alarms_stand_beside_their_level(false, words):
    told = said(trials("nothing", {MISSED: 200 - false, FOUND: false}))
    assert f"Nothing planted: {false} of 200 audits end in leakage" in told
    assert f"{words} the 5 % that the rule allows." in told


def test_nothing_but_permutations():
    test = self_test(NULLS[:1])
    told = shown(test, 120) + markdown(test)
    for word in ("Strength", "Attacks", "shift is no leak", "four times in five", "Check of the coin"):
        assert word not in told
    assert curves_of(test) == []


def test_the_check_of_a_coin_has_its_own_level():
    told = said(trials("nothing", {MISSED: 195, VIOLATED: 5}), trials("images", {VIOLATED: 200}, 1.0))
    assert "Check of the coin: 5 of 200 of them end in design violated, 2.5 %" in told
    assert "compatible with the 2 % that it allows." in told
    assert "0 of 200 by images." in told


def test_shifts_that_are_called_leakage_are_named():
    often = trials("captions", {FOUND: 30, MISSED: 170}, 1.0)
    assert "1 of 200 by images and 30 of 200 by captions. That is more than 5 %: captions." in said(*SHIFTS[:1], often)
    assert "more than" not in said(*SHIFTS)


@pytest.mark.parametrize(
    ("leaks", "words"),
    [
        (LEAKS, "from an AUC of 0.621 on, linear between its strengths. Reports print 0.611 as needed."),
        (LEAKS[::-1], "from an AUC of 0.621 on"),
        (LEAKS[:2], "less than four times in five even at its strongest, an AUC of 0.603: 70 % [63.1, 76.3] %."),
        (LEAKS[2:], "four times in five and more even at its weakest, an AUC of 0.653: 98 %"),
    ],
)
def test_from_where_on_a_leak_is_found(leaks, words):
    assert words in said(*leaks)
    assert pytest.approx(0.621, abs=5e-4) == 0.603 + (0.8 - 0.7) / (0.98 - 0.7) * (0.653 - 0.603)


def test_a_curve_that_falls_again_counts_from_the_last_rise():
    falling = [trials("answers", {FOUND: f, MISSED: 200 - f}, s) for s, f in ((0.4, 180), (0.8, 100), (1.2, 200))]
    (curve,) = curves_of(self_test(falling))
    assert curve.missed == 1
    assert curve.aucs[1] < curve.reached(1) < curve.aucs[2]


def test_strengths_at_which_no_audit_came_to_an_end_are_no_points():
    failed = trials("answers", {"no verdict": 40}, 2.0, attack=None, control=None)
    (curve,) = curves_of(self_test((*LEAKS, failed)))
    assert len(curve.aucs) == len(LEAKS)
    none = self_test((*NULLS, failed))
    assert curves_of(none) == []
    assert "no verdict 40" in markdown(none).replace("\u00a0", " ")


def test_what_cannot_be_needed_is_not_said():
    told = said(*(trials("answers", {FOUND: 200}, s, auc_needed=None) for s in (0.5, 1.0)))
    assert "Reports cannot say what is needed." in told


def test_without_a_placebo_a_hint_is_as_far_as_an_audit_comes():
    nulls = trials("nothing", {MISSED: 190, HINT: 10})
    told = said(nulls, *(trials("answers", {HINT: f, MISSED: 200 - f}, s) for s, f in ((0.5, 40), (1.5, 190))))
    assert "Nothing planted: 10 of 200 audits end in suggestive (no placebo), 5 %" in told
    assert "found four times in five from an AUC of" in told
    assert "What counts as found: suggestive (no placebo), as far as this audit can come." in told
    assert HINT not in said(nulls, *LEAKS), "where leakage is reached, only that is found"


def test_attacks_that_take_part_in_fewer_audits_are_told_apart():
    pixels = [trials("answers", {FOUND: 20}, 1.0, attacks=PIXELS, attack=("I-P", 0.8))]
    told = said(*NULLS, *LEAKS, *pixels)
    assert "Nothing planted (I-S, II-S and IV): 7 of 200" in told
    assert "Nothing planted (I-P and II-P): 1 of 20" in told
    assert [curve.attacks for curve in curves_of(self_test((*LEAKS, *pixels)))] == [tuple(HEADS), tuple(PIXELS)]


@pytest.mark.parametrize(
    ("kind", "words"),
    [(None, "No placebo: nothing was tested"), (MISSED, f": {MISSED}."), (FOUND, "need not be membership.")],
)
def test_the_answers_of_the_placebo(kind, words):
    assert words in said(*NULLS, on_placebo=kind)


def test_how_to_read_it():
    told = "\n".join(self_test_notes(self_test()))
    assert "\nNothing: labels are permuted.\n" in f"\n{told}"
    assert told.count("Answers, a leak: answers more like the records.\n") == 1
    assert "Not planted: fit. Records of these attacks have no captions." in told
    assert "trains 1 of each head, the audit itself 3: this is the power of fewer heads." in told
    assert "1\u202f220 audits of the stored answers, 8 min 12 s." in told
    assert "fewer heads" not in "\n".join(self_test_notes(self_test(seeds=3)))


def test_the_terminal_keeps_to_its_width():
    assert max(map(len, shown(self_test()).splitlines())) <= 80


def test_the_figure_shows_every_strength_and_both_lines():
    figure = power_figure(curves_of(self_test()))
    (axes,) = figure.axes
    line, needed = axes.lines[1:]
    assert line.get_xydata().tolist() == [[of["attack"][1], of["verdicts"][FOUND] / 200] for of in LEAKS]
    assert (axes.lines[0].get_ydata()[0], needed.get_xdata()[0]) == (0.8, pytest.approx(0.611))
    (intervals,) = axes.collections
    assert [segment[:, 1].tolist() for segment in intervals.get_segments()] == [
        [*counted(of, (LEAKAGE,)).ci] for of in LEAKS
    ]


def test_names_are_escaped(small):
    evil = [{**of, "planted": EVIL, "told": EVIL, "attack": (EVIL, 0.6), "attacks": [EVIL]} for of in (*NULLS, *LEAKS)]
    test = self_test(evil, configuration=key_of(small.report), not_planted={EVIL: EVIL}, on_placebo=EVIL)
    result = replace(small, self_test=test)
    assert page_of(result).count("<script") == 1  # which sorts tables
    assert "&lt;script&gt;" in page_of(result)
    assert "<script" not in result.markdown()
    assert EVIL in shown(test, 200).replace("\n", "")
