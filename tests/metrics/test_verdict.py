"""The verdict rule: its table, evidence by evidence, and what it refuses."""

from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest

from lit_mia.errors import MetricError
from lit_mia.metrics.evidence import KINDS, AttackEvidence, Comparison, ControlEvidence, PlaceboCheck
from lit_mia.metrics.holm import holm
from lit_mia.metrics.power import Power
from lit_mia.metrics.verdict import adjusted_p, decide, readers

POWER = Power(0.612, 0.598)
DESIGNS = {
    "verified coin": ("canary", True),
    "stated coin": ("randomized_split", False),
    "held out": ("same_source_holdout", False),
    "post hoc": ("post_hoc", False),
}
PLACEBOS = {"none": None, "weak": PlaceboCheck(False, "Too weak."), "valid": PlaceboCheck(True, "As good.")}
ATTACKS = {  # p of its own test, of the factor 1, of the factor 1.5
    "at chance": (0.4, 0.4, 0.4),
    "above 0.5": (0.001, 0.4, 0.4),
    "above all": (0.001, 0.001, 0.4),
    "beyond all": (0.001, 0.001, 0.001),
}
COLUMNS = (DESIGNS, ("complete", "incomplete"), ("no", "yes"), PLACEBOS, ("no", "yes"), ATTACKS)


def comparison(better=0.5, shift=0.5):
    return Comparison(0.1, 0.0, 0.2, better, shift, 1.0, mirrored=False)


def attack(name="II-S", p=(0.001, 0.001, 0.001), controls=("blind",), **more):
    own, better, shift = p
    return AttackEvidence(name, own, own, {control: comparison(better, shift) for control in controls}, **more)


def control(name="blind", p=0.6, auc=0.51, kind="blind"):
    return ControlEvidence(name, kind, auc, p)


QUIET = (control(),)


def judged(attacks, controls=QUIET, design="same_source_holdout", verified=False):
    return decide(attacks, controls, design, verified=verified, power=POWER)


def table():
    """The rows of the documentation, each cell as the values that it stands for."""
    text = (Path(__file__).parents[2] / "docs" / "verdict.md").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.startswith("|")][2:]
    for line in lines:
        *given, kind = [cell.strip() for cell in line.strip("|").split("|")]
        yield (
            *(list(known) if cell == "any" else cell.split(", ") for cell, known in zip(given, COLUMNS, strict=True)),
            kind,
        )


def test_the_table_in_the_documentation_holds_every_combination_once_and_is_what_the_rule_says():
    seen = []
    for *given, kind in table():
        for case in product(*given):
            name, complete, reads, placebo, base, is_ = case
            design, verified = DESIGNS[name]
            evidence = attack(
                p=ATTACKS[is_],
                placebo=PLACEBOS[placebo],
                missing=() if complete == "complete" else ("joint",),
                reads_base=base == "yes",
            )
            verdict = judged([evidence], [control(p=0.001 if reads == "yes" else 0.5)], design, verified)
            assert verdict.kind == kind, case
            assert verdict.outcomes == {"II-S": kind}
            seen.append(case)
    assert sorted(seen) == sorted(product(*map(list, COLUMNS)))
    assert {kind for *_, kind in table()} == set(KINDS) - {"tool failure"}


def test_an_attack_with_a_failing_tool_is_put_aside_and_the_others_are_judged_without_it():
    null, leak = attack("II-S", (0.4, 0.4, 0.4)), attack("III", tool_failed=True, placebo=PLACEBOS["valid"])
    verdict = judged([null, leak])
    assert verdict.outcomes == {"II-S": "not detected at this power", "III": "tool failure"}
    assert verdict.kind == "not detected at this power"
    assert "Put aside, since the attacker's tools fail: III." in verdict.sentence
    alone = judged([leak])
    assert alone.kind == "tool failure"
    assert alone.sentence.startswith("Tool failure: ")


def test_a_tool_that_fails_does_not_count_in_the_correction():
    barely = attack("II-S", (0.02, 0.02, 0.02), placebo=PLACEBOS["valid"])
    others = [attack(f"a{i}", (0.4, 0.4, 0.4), tool_failed=True) for i in range(5)]
    assert judged([barely, *others]).kind == "leakage beyond controls"
    honest = [attack(f"a{i}", (0.4, 0.4, 0.4)) for i in range(5)]
    assert judged([barely, *honest]).kind == "not detected at this power"


def test_holm_counts_over_attacks_in_a_hold_out():
    attacks = [attack(name, (p, p, p)) for name, p in (("a", 0.01), ("b", 0.02), ("c", 0.3))]
    assert adjusted_p(attacks, [control()], "same_source_holdout", False) == pytest.approx(
        {"a": 0.03, "b": 0.04, "c": 0.3}
    )


def test_every_control_has_to_be_beyond_reach_and_the_attack_itself_above_half():
    against = {"blind": comparison(0.001, 0.001), "caption": comparison(0.001, 0.2)}
    evidence = AttackEvidence("II-S", 0.001, 0.001, against, placebo=PLACEBOS["valid"])
    controls = [control(), control("caption")]
    assert judged([evidence], controls).kind.startswith("suggestive (a shift")
    below = AttackEvidence("II-S", 0.3, 0.3, {"blind": comparison(0.001, 0.001)}, placebo=PLACEBOS["valid"])
    assert judged([below]).kind == "not detected at this power"


def test_under_a_stated_coin_only_controls_that_differ_from_half_have_to_be_beaten():
    against = {"blind": comparison(0.4, 0.9), "caption": comparison(0.4, 0.9)}
    evidence = AttackEvidence("II-S", 0.001, 0.002, against)
    quiet = [control(), control("caption")]
    assert adjusted_p([evidence], quiet, "canary", False) == {"II-S": 0.002}
    loud = [control(), control("caption", p=0.04, auc=0.45)]
    assert adjusted_p([evidence], loud, "canary", False) == {"II-S": 0.4}
    assert (
        judged([evidence], loud, "canary").kind == "not detected at this power"
    )  # one p of .04 among two is no reader
    assert adjusted_p([evidence], loud, "canary", True) == {"II-S": 0.002}


def test_a_verified_coin_is_checked_at_two_percent_by_all_controls_together():
    evidence = attack()
    assert judged([evidence], [control(p=0.021)], "canary", True).kind == "leakage beyond controls"
    assert judged([evidence], [control(p=0.019)], "canary", True).kind == "design violated"
    both = [control(p=0.019), control("caption")]
    assert judged([evidence], both, "canary", True).kind == "leakage beyond controls"
    violated = judged([evidence], [control(p=0.001, auc=0.4)], "canary", True)
    assert violated.outcomes == {"II-S": "design violated"}
    assert "blind tells the two sides apart" in violated.sentence


def test_readers_are_found_on_either_side():
    assert readers([control(p=0.001, auc=0.3), control("caption", p=0.03, auc=0.6), control("n-grams", p=0.9)]) == (
        "blind",
    )


def test_the_verdict_is_the_first_of_its_attacks_outcomes():
    leak, hint = attack("a", placebo=PLACEBOS["valid"]), attack("b", (0.001, 0.001, 0.5), placebo=PLACEBOS["valid"])
    verdict = judged([hint, leak])
    assert verdict.kind == "leakage beyond controls"
    assert verdict.outcomes["b"].startswith("suggestive")
    assert verdict.sentence.startswith("Leakage beyond controls: a tells members from non-members beyond every control")


def test_sentences_name_what_is_missing():
    incomplete = judged([attack(missing=("the joint control",))], design="post_hoc")
    assert incomplete.kind == "not evidence (post hoc design)"
    assert "Controls missing for II-S: the joint control." in incomplete.sentence
    assert "placebo: none for II-S" in incomplete.sentence
    assert "Weak placebo of II-S: Too weak." in judged([attack(placebo=PLACEBOS["weak"])]).sentence
    stated = judged([attack()], design="canary")
    assert "stated, not checked" in stated.sentence
    assert "placebo" not in stated.sentence
    nothing = judged([attack(p=(0.4, 0.4, 0.4))])
    assert "from an AUC of 0.612 on" in nothing.sentence
    assert "no leak" not in nothing.sentence.lower()
    unknown = decide([attack(p=(0.4,) * 3)], [control()], "post_hoc", verified=False, power=Power(None))
    assert "cannot be said" in unknown.sentence


def test_what_reads_the_base_says_why_the_base_is_no_placebo_of_it():
    calibrated = attack("Difference (Loss)", reads_base=True)
    (because,) = {
        judged([calibrated], design=design).sentence.partition("Difference (Loss) reads the base, so ")[2]
        for design in ("canary", "same_source_holdout", "post_hoc")
    }
    assert because.startswith("the base is no placebo of it; a model fine-tuned on other records of the domain would")
    assert "not what the target learned of the domain" in because
    both = [attack("Loss", placebo=PLACEBOS["valid"]), calibrated, attack("Joint head (Loss)", reads_base=True)]
    held_out = judged(both)
    assert held_out.outcomes["Loss"] == "leakage beyond controls"
    assert held_out.outcomes["Difference (Loss)"] == "suggestive (no placebo)"
    assert (
        "Difference (Loss) and Joint head (Loss) read the base, so the base is no placebo of them" in held_out.sentence
    )
    assert "placebo: none" not in held_out.sentence
    assert "reads the base" not in judged([calibrated], design="canary", verified=True).sentence


def test_under_a_stated_coin_what_reads_the_base_has_to_be_beyond_the_placebo():
    """A placebo that learned the domain nearly as well would be beaten by a shift alone."""
    placebo = control("placebo", p=0.001, auc=0.8, kind="placebo")
    facts = {"p": (0.001, 0.001, 0.2), "controls": ("placebo",), "placebo": PLACEBOS["valid"]}
    assert judged([attack(**facts)], [placebo], "canary").kind == "leakage beyond controls"
    assert judged([attack(**facts, reads_base=True)], [placebo], "canary").kind == "confounded"
    beyond = judged([attack(**facts | {"p": (0.001,) * 3}, reads_base=True)], [placebo], "canary")
    assert "(what reads the base 1.5 times better, and beside a valid placebo); the coin was stated" in beyond.sentence


def test_under_a_stated_coin_only_the_placebo_of_what_reads_the_base_is_spoken_of():
    weak = attack("Difference (Loss)", reads_base=True, placebo=PLACEBOS["weak"])
    other = replace(weak, name="Joint head (Loss)")
    assert "Weak placebo of Difference (Loss) and Joint head (Loss): Too weak." in judged([weak, other]).sentence
    sentence = judged([attack("Loss", placebo=PlaceboCheck(False, "Unlike.")), weak], design="canary").sentence
    assert "Weak placebo of Difference (Loss): Too weak." in sentence
    assert "Unlike." not in sentence
    assert judged([weak], design="canary").sentence.startswith(
        "Suggestive, not evidence (weak placebo): Difference (Loss) tells members from non-members better than every "
        "control that differs from 0.5, but"
    )


def test_holm_equals_the_definition():
    assert holm({"a": 0.01, "b": 0.04, "c": 0.03}) == pytest.approx({"a": 0.03, "b": 0.06, "c": 0.06})
    assert holm({"a": 0.9, "b": 0.8}) == {"a": 1.0, "b": 1.0}
    assert holm({}) == {}


@pytest.mark.parametrize(
    ("attacks", "controls", "design", "verified", "says"),
    [
        ([], [], "canary", True, "at least one attack"),
        ([attack("a", controls=()), attack("a", controls=())], [], "canary", True, "unique names"),
        ([attack()], [control(), control()], "canary", True, "unique names"),
        ([attack()], [control()], "by hand", False, "must be one of"),
        ([attack()], [control()], "post_hoc", True, "Only a coin can be verified"),
        ([attack()], [], "post_hoc", False, "not among the controls"),
        ([attack()], [control(p=float("nan"))], "post_hoc", False, "in \\[0, 1\\]"),
        ([attack(p=(1.2, 0, 0))], [control()], "post_hoc", False, "in \\[0, 1\\]"),
    ],
)
def test_what_cannot_be_judged_is_refused(attacks, controls, design, verified, says):
    with pytest.raises(MetricError, match=says):
        judged(attacks, controls, design, verified)
