"""What becomes of a condition: for any attack, for none, or nobody can tell."""

from dataclasses import replace
from itertools import product

import pytest
from simulated_results import changed, simulated, with_values

from lit_mia.report.membership.gate import QUANTITIES, check, exit_code, properties, read_condition, spoken

LEAKING, QUIET = "II-S", "I-P"
VIOLATED = {"kind": "design violated", "sentence": "Design violated."}
TIER = {"copies": 1, "records": 1, "coins": 90, "guesses": 40, "right": 33, "found": 1.1, "two_rates": None}
BOUND = {"reason": None, "delta": 1e-5, "attack": "II-S", "inside": 0.2, "outside": None}


def with_rows(result, names=(LEAKING, QUIET), **values):
    rows = [with_values(row, **values) if row.name in names else row for row in result.report.rows]
    return changed(result, rows=rows)


def without(result, *kinds):
    return changed(result, rows=[row for row in result.report.rows if row.kind not in kinds])


def bounded(result, *epsilons):
    tiers = [{**TIER, "copies": n, "epsilon": of, "ceiling": 3.0} for n, of in enumerate(epsilons, start=1)]
    return changed(result, dp_bound={**BOUND, "tiers": tiers})


def codes(result, *texts):
    return [exit_code([check(read_condition(text), result.report)]) for text in texts]


def value_of(result, name, key):
    (row,) = [row for row in result.report.rows if row.name == name]
    return row[key]


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("AUC > 0.6", 1, "AUC > 0.6 holds for II-S: AUC is 0."),
        ("AUC > 0.5", 1, "; it holds for I-P too."),
        ("AUC.lo > 0.9", 0, "does not hold; closest is II-S"),
        ("AUC < 0.6", 1, "holds for I-P"),
        ("AUC < 0.5", 0, "closest is I-P"),
        ("dAUC.hi > 0.05", 1, "holds for II-S: dAUC.hi is 0."),
        ("dAUC.lo > 0.5", 0, "to placebo)"),
        ("TPR@10% > 0.3", 1, "at 9.75\u00a0% FPR)"),
        ("TPR@10%.hi > 0.3", 0, "does not hold"),
        ("TPR@1% > 0.1", 2, "It cannot be evaluated for I-P and II-S: TPR at 0.01 FPR needs at least 1000"),
        ("TPR@0.1%.lo < 0.1", 2, "TPR at 0.001 FPR needs at least 10000 non-members"),
        ("ratio.lo > 1.5", 1, "holds for II-S: ratio.lo is 2.5 (shift factor 2.50)"),
        ("ratio.lo > 3", 0, "closest is II-S"),
        ("p < 0.05", 1, "holds for II-S: p is 0.006 (p = 0.006)"),
        ("p < 0.001", 0, "closest is II-S: p is 0.006"),
        ("eps.lo > 1", 2, "looked for no bound"),
        ("verdict == leakage", 1, "verdict is leakage beyond controls (2 attacks)"),
        ("verdict == suggestive", 0, "closest is the audit: verdict is leakage beyond controls"),
        ("verdict != 'not detected'", 1, "holds for the audit"),
        ("verdict != leakage", 0, "does not hold"),
    ],
)
def test_a_condition_fails_for_any_attack_and_says_which(audit, text, code, said):
    found = check(read_condition(text), audit.report)
    assert exit_code([found]) == code
    assert said in found.sentence


@pytest.mark.parametrize("name", ["AUC", "AUC.lo", "AUC.hi", "dAUC", "dAUC.lo", "dAUC.hi", "TPR@10%", "p", "ratio.lo"])
def test_any_attack_is_what_python_says(audit, name):
    rows = [row for row in audit.report.rows if row.kind == "attack"]
    smallest = [row["smallest_difference"] for row in rows]
    values = {
        "AUC": [row["auc"] for row in rows],
        "AUC.lo": [row["auc_ci"][0] for row in rows],
        "AUC.hi": [row["auc_ci"][1] for row in rows],
        "dAUC": [of["delta"] for of in smallest],
        "dAUC.lo": [of["ci"][0] for of in smallest],
        "dAUC.hi": [of["ci"][1] for of in smallest],
        "TPR@10%": [row["tpr_at_fpr"][0]["tpr"] for row in rows],
        "p": [row["p_adjusted"] for row in rows],
        "ratio.lo": [row["ratio_lo"] for row in rows],
    }[name]
    limits = sorted({*values, sum(values) / len(values), 0.5})
    for limit, sign in product(limits, (">", ">=", "<", "<=")):
        if 0 < limit < 1:  # others may be refused
            expected = int(any(eval(f"{value!r} {sign} {limit!r}") for value in values))
            assert codes(audit, f"{name} {sign} {limit!r}") == [expected], (limit, sign)


def test_a_null_passes_and_a_leak_does_not():
    null, leak = simulated({"II-S": 0.0}), simulated({"II-S": 1.5})
    quiet = changed(null, verdict={"kind": "not detected at this power", "sentence": "Not detected."})
    texts = ("dAUC.hi > 0.05", "AUC.lo > 0.55", "p < 0.05", "verdict == leakage", "ratio.lo > 1.5")
    assert codes(quiet, *texts) == [0] * 5
    assert codes(leak, *texts) == [1] * 5


def test_what_is_missing_or_no_number_is_unknown(audit):
    assert codes(with_rows(audit, auc=None), "AUC > 0.5", "AUC.lo > 0.9") == [2, 0]
    said = check(read_condition("AUC > 0.5"), with_rows(audit, auc=None, auc_ci=None).report).sentence
    assert said == "AUC > 0.5: It cannot be evaluated for I-P and II-S: it is no number."
    assert codes(with_rows(audit, auc=float("nan")), "AUC > 0.5", "AUC != 0.5") == [2, 2]
    assert codes(with_rows(audit, auc_ci=None), "AUC.lo > 0.5", "AUC.hi < 0.5", "AUC > 0.9") == [2, 2, 0]
    smallest = {**value_of(audit, LEAKING, "smallest_difference"), "ci": None}
    assert codes(with_rows(audit, smallest_difference=smallest), "dAUC.hi > 0.05", "dAUC > 0.9") == [2, 0]
    assert codes(with_rows(audit, ratio_lo=None), "ratio.lo > 1.5") == [2]
    assert codes(with_rows(audit, p_adjusted=None), "p < 0.05") == [2]
    assert codes(with_rows(audit, tpr_at_fpr=[]), "TPR@10% > 0.5") == [2]
    point = {**value_of(audit, LEAKING, "tpr_at_fpr")[0], "ci": None}
    assert codes(with_rows(audit, tpr_at_fpr=[point]), "TPR@10%.hi > 0.5", "TPR@10% > 0.9") == [2, 0]
    assert codes(changed(audit, rows=[]), "AUC > 0.5", "dAUC.hi > 0.05", "p < 0.5") == [2, 2, 2]


def test_what_is_missing_of_one_attack_is_unknown_unless_another_fails(audit):
    quiet_unknown = with_rows(audit, [QUIET], auc_ci=None)
    assert codes(quiet_unknown, "AUC.lo > 0.6", "AUC.lo > 0.9") == [1, 2]
    said = check(read_condition("AUC.lo > 0.6"), quiet_unknown.report).sentence
    assert "holds for II-S" in said
    assert "It cannot be evaluated for I-P: it has no interval, for which 10 groups" in said


def test_without_controls_that_see_the_records_nothing_is_compared(audit):
    texts = ("dAUC > 0.9", "dAUC.hi > 0.05", "ratio.lo > 1.5", "p < 0.05")
    assert codes(without(audit, "blind", "caption"), *texts) == [2] * 4
    assert codes(without(audit, "blind"), *texts) == [0, 1, 1, 1]
    alone = with_rows(without(audit, "blind", "caption", "placebo"), differences={}, smallest_difference=None)
    assert codes(alone, *texts, "AUC > 0.6") == [2, 2, 2, 2, 1]
    incomplete = with_rows(audit, outcome="not evidence (controls incomplete)")
    assert codes(incomplete, *texts) == [2] * 4
    said = check(read_condition("dAUC.hi > 0.05"), incomplete.report).sentence
    assert "a control is missing that its finding needs" in said
    assert codes(changed(incomplete, coin="verified", design="randomized_split"), "p < 0.05") == [1]


def test_a_p_of_comparisons_that_cannot_be_said_is_unknown_only_where_it_rests_on_them(audit):
    differences = {name: {**of, "ci": None} for name, of in value_of(audit, LEAKING, "differences").items()}
    unsaid = with_rows(audit, differences=differences, p_adjusted=1.0)
    assert codes(unsaid, "p < 0.05") == [2]
    assert codes(changed(unsaid, design="randomized_split", coin="stated"), "p < 0.05") == [0]


def test_a_violated_design_can_fail_a_gate_and_never_passes_it(audit):
    violated = changed(audit, verdict=VIOLATED, design="randomized_split", coin="verified")
    texts = [f"{name} {'< 0.9' if of.words == () else '== leakage'}" for of in QUANTITIES for name in of.names]
    assert codes(with_rows(violated, outcome="design violated"), *texts) == [2] * len(texts)
    assert codes(violated, "verdict == 'design violated'", "verdict != leakage", "AUC > 0.5") == [1, 1, 2]


def test_of_an_attack_whose_tools_fail_nothing_is_known(audit):
    failed = with_rows(audit, [QUIET], outcome="tool failure", p_adjusted=1.0)
    assert codes(failed, "AUC > 0.6", "AUC > 0.9", "p < 0.001", "dAUC.hi > 0.9") == [1, 2, 2, 2]
    assert codes(failed, "verdict == leakage", "verdict == suggestive") == [1, 2]


@pytest.mark.parametrize("kind", ["not evidence (post hoc design)", "not evidence (controls incomplete)"])
def test_a_verdict_that_could_not_have_been_another_is_unknown(audit, kind):
    open_ = changed(with_rows(audit, outcome=kind), verdict={"kind": kind, "sentence": ""})
    assert codes(open_, "verdict == leakage", "verdict == 'not evidence'", "verdict != leakage") == [2, 1, 1]


@pytest.mark.parametrize(
    ("kind", "placebo", "code"),
    [
        ("suggestive (no placebo)", None, 2),
        ("suggestive (weak placebo)", False, 2),
        ("confounded", None, 2),
        ("confounded", True, 0),
        ("not detected at this power", None, 0),
    ],
)
def test_without_a_valid_placebo_that_it_needs_a_finding_could_not_have_been_leakage(audit, kind, placebo, code):
    found = changed(
        with_rows(audit, outcome=kind),
        verdict={"kind": kind, "sentence": ""},
        placebo_checks={} if placebo is None else {key: {"valid": placebo} for key in (LEAKING, QUIET)},
    )
    held_out, coin = changed(found, design="same_source_holdout"), changed(found, design="randomized_split")
    assert codes(held_out, "verdict == leakage", f"verdict == '{kind}'") == [code, 1]
    assert codes(coin, "verdict == leakage") == [0]
    assert codes(with_rows(coin, reads_base=True, outcome=kind), "verdict == leakage") == [code]
    assert codes(changed(with_rows(coin, reads_base=True), coin="verified"), "verdict == leakage") == [0]


def test_a_p_of_draws_that_could_not_be_so_small_is_unknown(audit):
    least = changed(with_rows(audit, p_adjusted=0.0001), design="randomized_split", coin="stated")
    assert codes(least, "p < 0.0001", "p <= 0.0001", "p <= 0", "p > 0.1") == [2, 1, 2, 0]
    assert "p could not have been less than 0.0001 here" in check(read_condition("p < 1e-5"), least.report).sentence
    assert codes(changed(least, design="same_source_holdout", coin=None), "p < 0.0001") == [0]


def test_a_bound_is_that_of_the_worst_number_of_copies(audit):
    told = bounded(audit, 0.4, 1.5)
    assert codes(told, "eps.lo > 1", "eps.lo > 1.5", "eps.lo > 4", "eps.lo < 0.5") == [1, 0, 2, 1]
    assert "holds for 2 copies together: eps.lo is 1.5" in check(read_condition("eps.lo > 1"), told.report).sentence
    never = check(read_condition("eps.lo > 4"), told.report).sentence
    assert "could not have been more than 3 here (33 of 40 guesses right" in never
    failed = check(read_condition("eps.lo > 2"), with_rows(told, ["II-S"], outcome="tool failure").report).sentence
    assert "It cannot be evaluated for the training: of II-S, which guesses, the attacker's tools do not" in failed
    none = changed(audit, dp_bound={**BOUND, "reason": "The coin is stated, not checked.", "tiers": []})
    assert "The coin is stated, not checked." in check(read_condition("eps.lo > 1"), none.report).sentence


def test_of_several_conditions_one_that_holds_counts_before_one_that_cannot_be_told(audit):
    checks = {text: check(read_condition(text), audit.report) for text in ("AUC > 0.6", "TPR@1% > 0.1", "AUC > 0.9")}
    holds, unknown, passes = checks.values()
    assert exit_code([passes, unknown, holds]) == 1
    assert exit_code([passes, unknown]) == 2
    assert exit_code([passes]) == 0
    said = spoken([passes, unknown, holds], audit.report).splitlines()
    assert said[0] == "Gate failed (exit 1): a condition holds."
    assert said[1:4] == [f"- {each.sentence}" for each in (passes, unknown, holds)]


def test_a_pass_says_how_many_were_tested_and_what_would_have_been_found(audit):
    said = spoken([check(read_condition("AUC > 0.9"), audit.report)], audit.report)
    assert said.startswith("Gate passed: no condition holds. That does not mean that nothing leaks.")
    assert "400 members and 400 non-members of test (3\u202f120 groups in all splits)" in said
    assert "Verdict: leakage beyond controls." in said
    assert "An attack with an AUC of 0.612 would be found four times in five" in said
    few = changed(audit, power={"auc_needed": None, "violation": None})
    assert "cannot be said of so few groups" in spoken([check(read_condition("AUC > 0.9"), few.report)], few.report)
    assert properties(few.report)["auc_needed"] == "–"


def test_rows_of_controls_are_not_attacks(audit):
    rows = [
        replace(with_values(row, auc=0.99), kind=row.kind) if row.kind == "blind" else row for row in audit.report.rows
    ]
    assert codes(changed(audit, rows=rows), "AUC > 0.95") == [0]
