"""From scores to the evidence of the verdict rule."""

import numpy as np

from lit_mia.metrics.evidence import PlaceboCheck
from lit_mia.metrics.retrieval import Retrieval
from lit_mia.report.membership.judging import Circumstances, gather, judge, missing_controls, shared_names
from lit_mia.report.membership.scores import Part, RowScores

N = 200
LABELS = np.repeat([1, 0], N)
PART = Part(np.arange(2 * N), LABELS, np.arange(2 * N).astype(str))
HOLDOUT = Circumstances("same_source_holdout")


def noise(seed, shift=0.0):
    return np.random.default_rng(seed).normal(size=2 * N) + shift * LABELS


def rows_of(scores, **more):
    rows = []
    for name in scores:
        attack, _, kind = name.partition(" ")
        told = more if not kind else {}
        rows.append(RowScores(name, kind or "attack", attack, np.zeros((1, 0)), protocol="heads", **told))
    return rows


def gathered(scores, known=HOLDOUT, **more):
    return gather(rows_of(scores, **more), scores, PART, known)


def test_a_control_that_attacks_share_counts_once():
    shared = noise(1)
    scores = {"a": noise(0), "a blind": shared, "a placebo": noise(2), "b": noise(3), "b blind": shared.copy()}
    scores["b placebo"] = noise(4)
    found = gathered(scores)
    assert [control.name for control in found.controls] == ["blind", "a placebo", "b placebo"]
    assert [control.kind for control in found.controls] == ["blind", "placebo", "placebo"]
    assert list(found.attacks[1].against) == ["blind", "b placebo"]
    assert found.named["b"] == {"b blind": "blind", "b placebo": "b placebo"}
    assert shared_names(rows_of(scores), scores)["b blind"] == "blind"


def test_what_controls_lack_is_named():
    rows = rows_of({"a": 0, "a blind": 0, "a placebo": 0, "b": 0, "b placebo": 0}, captioned=True)
    assert missing_controls(rows[0], rows) == ("the joint control of caption and image",)
    assert missing_controls(rows[3], rows) == ("all controls that see the records without the target",)
    blindfold = rows_of({"a": 0, "a metadata": 0, "a placebo": 0})
    assert missing_controls(blindfold[0], blindfold) == ("all controls that see the records without the target",)
    whole = rows_of({"a": 0, "a joint": 0}, captioned=True)
    assert missing_controls(whole[0], whole) == ()
    without = rows_of({"a": 0, "a blind": 0})
    assert missing_controls(without[0], without) == ()


def test_what_reads_the_base_needs_its_control_and_that_one_alone_is_not_enough():
    scores = {"a": noise(0, 0.5), "a blind": noise(1), "a base": noise(2), "b": noise(3), "b blind": noise(4)}
    rows = rows_of(scores | {"c": noise(5), "c base": noise(6)}, reads_base=True)
    missing = {row.name: missing_controls(row, rows) for row in rows if row.kind == "attack"}
    assert missing == {
        "a": (),
        "b": ("the base control",),
        "c": ("all controls that see the records without the target",),
    }
    found = gathered(scores, reads_base=True)
    assert [attack.reads_base for attack in found.attacks] == [True, True]
    assert set(found.attacks[0].against) == {"a blind", "base"}


def test_a_control_far_below_half_is_turned_round():
    scores = {"a": noise(0, 0.3), "a blind": noise(1, -0.8), "a caption": noise(2, -0.01)}
    (attack,) = gathered(scores).attacks
    assert attack.against["blind"].mirrored
    assert not attack.against["caption"].mirrored
    assert attack.against["blind"].p_better > 0.9  # beaten as it is, not turned round
    assert attack.against["blind"].delta > 0.2


def test_an_attack_that_used_a_failing_tool_is_marked():
    failing = Circumstances("post_hoc", tools=Retrieval(500, 10, 11, 0.4))
    working = Circumstances("post_hoc", tools=Retrieval(500, 10, 200, 1e-9))
    scores = {"a": noise(0), "a blind": noise(1)}
    assert gathered(scores, failing, tools=True).attacks[0].tool_failed
    assert not gathered(scores, failing, tools=False).attacks[0].tool_failed
    assert not gathered(scores, working, tools=True).attacks[0].tool_failed


def test_a_judgement_speaks_of_rows():
    known = Circumstances("same_source_holdout", placebos={"a": PlaceboCheck(True, "")})
    scores = {"a": noise(0, 1.5), "a blind": noise(1), "a placebo": noise(2), "b": noise(3), "b blind": noise(4)}
    found = judge(rows_of(scores), scores, PART, known)
    assert found.verdict.outcomes == {"a": "leakage beyond controls", "b": "not detected at this power"}
    assert set(found.against["a"]) == {"a blind", "a placebo"}
    assert found.p_own["a"] < 1e-6 < found.p_own["b"]
    assert found.power.violation is None
    assert 0.6 < found.power.auc_needed < 0.75
    under_coin = judge(rows_of(scores), scores, PART, Circumstances("canary", verified=True))
    assert under_coin.power.violation > 0.55
    assert under_coin.power.auc_needed < found.power.auc_needed


def test_the_power_of_what_reads_the_base_is_that_of_its_rule():
    """It needs more than a plain attack does under a stated coin, and as much where the coin is verified."""
    scores = {"a": noise(0), "a blind": noise(1), "a base": noise(2), "a placebo": noise(3)}
    valid = Circumstances("canary", placebos={"a": PlaceboCheck(True, "")})

    def needed(known, reads_base):
        return judge(rows_of(scores, reads_base=reads_base), scores, PART, known).power.auc_needed

    assert needed(valid, False) < needed(valid, True) <= needed(Circumstances("canary"), True) < 0.65
    verified = Circumstances("canary", verified=True)
    assert needed(verified, True) == needed(verified, False)


def test_nothing_is_beyond_a_control_with_few_groups():
    part = Part(PART.rows, LABELS, np.concatenate([np.arange(N) // 25, 1000 + np.arange(N)]).astype(str))
    scores = {"a": noise(0, 3.0), "a blind": noise(1)}
    found = gather(rows_of(scores), scores, part, HOLDOUT)
    comparison = found.attacks[0].against["blind"]
    assert (comparison.lo, comparison.hi, comparison.p_better, comparison.p_shift) == (None, None, 1, 1)
    assert found.attacks[0].p_own < 0.01
