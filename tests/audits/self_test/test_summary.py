"""From outcomes to what a report says of them."""

import pytest

from lit_mia.audits.self_test.summary import summarised
from lit_mia.audits.self_test.trials import NO_VERDICT, Outcome, Trial


def outcome(trial, verdict, a=0.5, b=0.5, **told):
    return Outcome(trial, verdict, {"A": a, "B": b}, {"A blind": 0.6, "A placebo": 0.4}, **told)


def test_outcomes_are_counted_and_their_numbers_averaged():
    trials = [Trial("answers", 0.5, number, False) for number in range(4)]
    (found,) = summarised(
        [
            outcome(trials[0], "confounded", a=0.9, b=0.7, planted_auc=0.8, auc_needed=0.7),
            outcome(trials[1], "leakage beyond controls", a=0.5, b=0.8, planted_auc=0.6, auc_needed=None),
            outcome(trials[2], "confounded", a=0.5, b=0.7, planted_auc=0.7, auc_needed=0.6),
            Outcome(trials[3], NO_VERDICT, {}, {}),
        ]
    )
    assert found["verdicts"] == {"confounded": 2, "leakage beyond controls": 1, NO_VERDICT: 1}
    assert found["repetitions"] == 4
    assert found["attacks"] == ["A", "B"]
    assert found["attack"] == ("B", pytest.approx(2.2 / 3))  # the largest mean, not the largest of one audit
    assert found["control"] == ("A blind", pytest.approx(0.6))
    assert found["planted_auc"] == pytest.approx(0.7)
    assert found["auc_needed"] == pytest.approx(0.65)
    assert (found["planted"], found["strength"], found["leak"]) == ("answers", 0.5, True)


def test_without_any_verdict_there_are_no_numbers():
    (found,) = summarised([Outcome(Trial("images", 1.5, 0, True), NO_VERDICT, {}, {})])
    assert (found["attacks"], found["attack"], found["control"]) == ([], None, None)
    assert (found["planted_auc"], found["auc_needed"]) == (None, None)
    assert not found["leak"]


def test_nothing_comes_first_then_shifts_then_leaks_by_strength_and_of_equals_the_many_attacks_last():
    kinds = [
        ("nothing", 0.0, False),
        ("nothing", 0.0, True),
        ("images", 1.5, False),
        ("alignment", 1.5, False),
        ("answers", 0.2, False),
        ("answers", 1.0, False),
    ]
    made = [outcome(Trial(*kind[:2], number, kind[2]), "confounded") for number in (0, 1) for kind in reversed(kinds)]
    found = summarised(made)
    assert [(of["planted"], of["strength"]) for of in found] == [kind[:2] for kind in kinds]
    assert {of["repetitions"] for of in found} == {2}
