"""From hand-made scores of attacks and controls to rows and a verdict."""

import numpy as np
import pytest

from lit_mia.metrics.auc import auc
from lit_mia.records import Records
from lit_mia.report.membership.evaluation import evaluate
from lit_mia.report.membership.scores import RowScores
from lit_mia.splits import SPLITS, Splits

EACH = 100  # of each class in each split
N = 2 * EACH * len(SPLITS)
MEMBERS = np.tile([1, 0], N // 2)
ROWS = {name: np.arange(N)[i * 2 * EACH : (i + 1) * 2 * EACH] for i, name in enumerate(SPLITS)}


def _no_image(row):
    raise OSError(f"record {row} has no image")


@pytest.fixture(scope="module")
def records():
    ids = tuple(f"r{i}" for i in range(N))
    return Records(ids, (None,) * N, tuple(MEMBERS.tolist()), ids, _no_image, stamps=ids)


@pytest.fixture(scope="module")
def splits():
    rows = {name: tuple(part.tolist()) for name, part in ROWS.items()}
    return Splits(rows, dict.fromkeys(SPLITS, EACH), seed=0, fractions=(0.25,) * 4, n_groups=N, digest="d" * 64)


@pytest.fixture
def judge(records, splits):
    """Evaluates rows given as name → scores; `II-S blind` is the blind control of II-S."""

    def judged(scores, design="same_source_holdout"):
        rows = []
        for name, values in scores.items():
            attack, _, kind = name.partition(" ")
            rows.append(RowScores(name, kind or "attack", attack, np.atleast_2d(values), protocol="heads"))
        placebo = any(row.kind == "placebo" for row in rows)
        evaluation = evaluate(rows, records, splits, design=design, placebo=placebo)
        return evaluation, {row.name: row for row in evaluation.rows}

    return judged


def noise(seed, shift=0.0):
    return np.random.default_rng(seed).normal(size=N) + shift * MEMBERS


def test_a_planted_attack_beats_null_controls(judge):
    scores = {"II-S": noise(0, 1.0), "II-S blind": noise(1), "II-S caption": noise(2), "II-S placebo": noise(3)}
    evaluation, rows = judge(scores)
    assert evaluation.verdict.kind == "leakage beyond controls"
    assert evaluation.verdict.beats == ("II-S",)
    row = rows["II-S"]
    assert row["beats_controls"] is True
    assert set(row["p_vs_control"]) == {"II-S blind", "II-S caption", "II-S placebo"}
    assert row["p_adjusted"] == max(row["p_vs_control"].values()) < 0.001
    test = ROWS["test"]
    strongest = scores[row["strongest_control"]]
    expected = auc(scores["II-S"][test], MEMBERS[test]) - auc(strongest[test], MEMBERS[test])
    assert row["delta_auc"] == pytest.approx(expected)
    assert row["delta_auc_ci"][0] < row["delta_auc"] < row["delta_auc_ci"][1]
    assert (row["n_members"], row["n_nonmembers"]) == (EACH, EACH)


def test_the_same_scores_are_no_evidence_if_the_sets_were_made_afterwards(judge):
    evaluation, _ = judge({"II-S": noise(0, 1.0), "II-S blind": noise(1)}, design="post_hoc")
    assert evaluation.verdict.kind == "not evidence (post hoc design)"


def test_controls_have_no_difference_of_their_own(judge):
    _, rows = judge({"II-S": noise(0, 1.0), "II-S blind": noise(1), "II-S placebo": noise(2)})
    fields = ("delta_auc", "delta_auc_ci", "strongest_control", "p_vs_control", "p_adjusted", "beats_controls")
    for name in ("II-S blind", "II-S placebo"):
        assert [rows[name][field] for field in fields] == [None] * len(fields)
    assert None not in [rows["II-S"][field] for field in fields]


def test_the_strongest_control_is_chosen_on_val(judge):
    on_val, on_test = noise(1), noise(2)
    on_val[ROWS["val"]] += 2 * MEMBERS[ROWS["val"]]
    on_test[ROWS["test"]] += 2 * MEMBERS[ROWS["test"]]
    attack = noise(0, 1.0)
    evaluation, rows = judge({"II-S": attack, "II-S blind": on_val, "II-S caption": on_test})
    row, test = rows["II-S"], ROWS["test"]
    assert rows["II-S caption"]["auc"] > 0.85 > row["auc"]
    assert row["strongest_control"] == "II-S blind"
    assert row["delta_auc"] == pytest.approx(auc(attack[test], MEMBERS[test]) - auc(on_val[test], MEMBERS[test]))
    # The choice only names the difference that is shown: the verdict compares with every control.
    assert row["beats_controls"] is False
    assert row["p_vs_control"]["II-S blind"] < 0.001 < 0.99 < row["p_vs_control"]["II-S caption"]
    assert evaluation.verdict.kind == "confounded"


def test_an_attack_that_only_equals_a_control_is_confounded(judge):
    same = noise(0, 1.0)
    evaluation, rows = judge({"II-S": same, "II-S blind": 3 * same + 1, "II-S caption": noise(1)})
    assert evaluation.verdict.kind == "confounded"
    assert "II-S blind" in evaluation.verdict.sentence
    assert rows["II-S"]["delta_auc"] == 0
    assert rows["II-S"]["strongest_control"] == "II-S blind"
    assert rows["II-S"]["beats_controls"] is False


def test_nothing_is_detected_in_noise(judge):
    evaluation, rows = judge({"II-S": noise(3), "II-S blind": noise(4), "II-S placebo": noise(5)})
    assert evaluation.verdict.kind == "not detected at this power"
    assert f"MDE of dAUC = {evaluation.mde_delta_auc:.3f}" in evaluation.verdict.sentence
    assert "placebo: none" not in evaluation.verdict.sentence
    assert rows["II-S"]["beats_controls"] is False
    assert rows["II-S"]["auc_ci"][0] < 0.5 < rows["II-S"]["auc_ci"][1]


def test_a_control_without_the_attack_reaching_it_does_not_make_a_leak(judge):
    evaluation, rows = judge({"II-S": noise(3), "II-S blind": noise(4, 2.0)})
    assert evaluation.verdict.kind == "not detected at this power"
    assert rows["II-S"]["delta_auc"] < -0.3
    assert "placebo: none" in evaluation.verdict.sentence


def test_higher_means_member(judge):
    _, rows = judge({"II-S": MEMBERS + 0.1 * noise(0), "III": -MEMBERS + 0.1 * noise(1)})
    assert rows["II-S"]["auc"] == rows["II-S"]["accuracy"] == 1
    assert rows["III"]["auc"] == 0
    assert rows["III"]["frozen_threshold"]["tpr"] == 0


def test_seeds_are_combined_on_the_scale_of_calibration(judge):
    seeds = np.stack([noise(0, 1.0), 100 * noise(1, 1.0) - 7, np.full(N, 5.0)])
    evaluation, rows = judge({"II-S": seeds, "II-S blind": noise(2)})
    scaled = [(s - s[ROWS["calibration"]].mean()) / s[ROWS["calibration"]].std() for s in seeds[:2]]
    expected = (scaled[0] + scaled[1] + 0) / 3  # a constant seed counts as zero
    np.testing.assert_allclose(evaluation.combined["II-S"], expected)
    test = ROWS["test"]
    assert rows["II-S"]["auc"] == pytest.approx(auc(expected[test], MEMBERS[test]))
    assert rows["II-S"]["auc_per_seed"] == pytest.approx([auc(s[test], MEMBERS[test]) for s in seeds])
    assert rows["II-S"]["auc_per_seed"][2] == 0.5


def test_thresholds_come_from_calibration_alone(judge):
    scores = noise(0, 1.0)
    shifted = scores.copy()
    shifted[ROWS["test"]] += 10
    _, before = judge({"II-S": scores})
    _, after = judge({"II-S": shifted})
    assert before["II-S"]["threshold"] == after["II-S"]["threshold"]
    assert before["II-S"]["frozen_threshold"]["threshold"] == after["II-S"]["frozen_threshold"]["threshold"]
    frozen = before["II-S"]["frozen_threshold"]
    assert frozen["nominal_fpr"] == 0.1
    assert frozen["realised_fpr"] == pytest.approx(0.1, abs=0.08)
    assert after["II-S"]["frozen_threshold"]["realised_fpr"] == 1
    calibration = ROWS["calibration"]
    outside = (scores[calibration][MEMBERS[calibration] == 0] - scores[calibration].mean()) / scores[calibration].std()
    assert np.mean(outside >= frozen["threshold"]) == 0.1


def test_rates_below_the_floor_are_not_reported(judge):
    _, rows = judge({"II-S": noise(0, 1.0)})
    points = {point["fpr"]: point for point in rows["II-S"]["tpr_at_fpr"]}
    assert points[0.1]["tpr"] > 0.2
    assert points[0.1]["ci"][0] < points[0.1]["tpr"] < points[0.1]["ci"][1]
    assert [points[fpr]["tpr"] for fpr in (0.01, 0.001)] == [None, None]
    assert "1000" in points[0.01]["reason"]


def test_the_best_control_is_held_against_its_permutation_null(judge):
    scores = {"II-S": noise(0, 1.0), "II-S blind": noise(1, 1.0), "II-S caption": noise(2)}
    evaluation, rows = judge(scores)
    null = evaluation.control_null
    assert null["max_control_auc"] == max(rows["II-S blind"]["auc"], rows["II-S caption"]["auc"])
    assert 0.53 < null["quantile_95"] < 0.62 < null["max_control_auc"]
    assert null["permutations"] == 2000


def test_an_attack_without_controls_beats_nothing(judge):
    evaluation, rows = judge({"II-S": noise(0, 1.0)})
    assert evaluation.verdict.kind == "not detected at this power"
    assert evaluation.control_null is None
    assert evaluation.mde_delta_auc is None
    assert 0.5 < evaluation.mde_auc < 0.65
    assert rows["II-S"]["delta_auc"] is None
