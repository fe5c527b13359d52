"""Outcomes that the verdict rule cannot give are faults, and none that it gives is one."""

import numpy as np
import pytest
from simulated_results import changed, simulated, with_values

from lit_mia.metrics.evidence import BY_COIN, KINDS, AttackEvidence, Comparison, ControlEvidence, PlaceboCheck
from lit_mia.metrics.power import Power
from lit_mia.metrics.verdict import decide
from lit_mia.report.membership.checks.outcomes import impossible_comparisons, impossible_outcomes
from lit_mia.report.membership.gate import check, exit_code, read_condition

CHECKS = (None, PlaceboCheck(True, "valid"), PlaceboCheck(False, "weak"))


@pytest.fixture(scope="module")
def one():
    return simulated({"II-S": 1.0})


def drawn(one, rng):
    """An audit of one attack that the rule has judged, of whatever evidence."""
    design = str(rng.choice(["randomized_split", "canary", "same_source_holdout", "post_hoc"]))
    verified, failed = design in BY_COIN and bool(rng.integers(2)), rng.random() < 0.1
    own, better = 10 ** -rng.uniform(0, 4, 2)
    compared = Comparison(0.1, 0.0, 0.2, better, max(better, 10 ** -rng.uniform(0, 4)), 1.0, mirrored=False)
    attack = AttackEvidence(
        "II-S",
        p_own=own,
        p_own_adjusted=own,
        against={"blind": compared},
        missing=("joint",) * int(rng.random() < 0.2),
        placebo=CHECKS[rng.integers(3)],
        tool_failed=failed,
        reads_base=bool(rng.integers(2)),
    )
    controls = [ControlEvidence("blind", "blind", 0.6, 10 ** -rng.uniform(0, 4))]
    verdict = decide([attack], controls, design, verified=verified, power=Power(0.6, None))
    rows = [
        with_values(
            one.report.rows[0],
            outcome=verdict.outcomes["II-S"],
            p_adjusted=verdict.adjusted_p["II-S"],
            reads_base=attack.reads_base,
        )
    ]
    return changed(
        one,
        rows=[*rows, *one.report.rows[1:]],
        design=design,
        coin=("verified" if verified else "stated") if design in BY_COIN else None,
        verdict={"kind": verdict.kind, "sentence": verdict.sentence},
        placebo_checks={"II-S": vars(attack.placebo)} if attack.placebo else {},
        tools={"n": 9, "nearest": 1, "found": 1, "p": 0.5 if failed else 0.001},
    ).report


def test_every_outcome_of_the_rule_is_possible(one):
    rng = np.random.default_rng(0)
    reports = [drawn(one, rng) for _ in range(3000)]
    assert {report.verdict["kind"] for report in reports} == {*KINDS}
    assert [str(fault) for report in reports for fault in impossible_outcomes(report)] == []


def test_no_leak_that_the_rule_could_not_have_called_one_passes(one):
    leakage, rng = read_condition("verdict == leakage"), np.random.default_rng(1)
    for report in (drawn(one, rng) for _ in range(1000)):
        if report.verdict["kind"].startswith(("suggestive (no", "suggestive (weak", "not evidence", "tool", "design")):
            assert exit_code([check(leakage, report)]) == 2


@pytest.mark.parametrize(
    ("outcome", "changes"),
    [
        ("leakage beyond controls", {"p_adjusted": 0.2}),
        ("leakage beyond controls", {"design": "post_hoc"}),
        ("leakage beyond controls", {"placebo_checks": {}}),
        ("not detected at this power", {"p_adjusted": 0.001}),
        ("confounded", {"design": "canary", "coin": "verified"}),
        ("design violated", {}),
        ("tool failure", {"tools": {"n": 9, "nearest": 1, "found": 9, "p": 0.001}}),
        ("suggestive (no placebo)", {}),
        ("suggestive (weak placebo)", {}),
        ("not evidence (post hoc design)", {}),
    ],
)
def test_what_the_rule_cannot_give_is_a_fault(one, outcome, changes):
    checks = {"II-S": {"valid": True, "sentence": "", "gap": None, "gap_hi": None}}
    values = {"outcome": outcome, "p_adjusted": changes.get("p_adjusted", 0.03)}
    rows = [with_values(one.report.rows[0], **values), *one.report.rows[1:]]
    verdict = {"kind": outcome, "sentence": outcome.partition(" (")[0]}
    whole = {"rows": rows, "verdict": verdict, "design": "same_source_holdout", "coin": None, "placebo_checks": checks}
    whole |= {name: value for name, value in changes.items() if name != "p_adjusted"}
    faults = [str(fault) for fault in impossible_outcomes(changed(one, **whole).report)]
    assert faults == [f"rows[0].outcome: {outcome!r} is not what design, coin, placebo, tools and p_adjusted allow"]


def test_a_sentence_of_another_verdict_is_a_fault(one):
    told = changed(one, verdict={"kind": "confounded", "sentence": "Not detected at this power: no attack is found."})
    assert any(fault.path == "verdict.sentence" for fault in impossible_outcomes(told.report))


def test_a_factor_that_its_test_does_not_refuse_is_a_fault(one):
    assert [*impossible_comparisons(one.report)] == []
    (name, of), *_ = one.report.rows[0]["differences"].items()
    differences = {**one.report.rows[0]["differences"], name: {**of, "p": 0.3, "p_shift": 0.4, "mirrored": True}}
    rows = [with_values(one.report.rows[0], differences=differences), *one.report.rows[1:]]
    auc = next(row["auc"] for row in rows if row.name == name)
    assert [str(fault) for fault in impossible_comparisons(changed(one, rows=rows).report)] == [
        f'rows[0].differences["{name}"].p: 0.3 does not refuse 1, but `ratio_lo` is 2.5',
        f'rows[0].differences["{name}"].p_shift: 0.4 does not refuse 1.5, but `ratio_lo` is 2.5',
        f'rows[0].differences["{name}"].mirrored: the AUC of the control is {auc}',
    ]
