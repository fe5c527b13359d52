"""From hand-made scores of attacks and controls to rows and a verdict."""

import numpy as np
import pytest

from lit_mia.metrics.auc import auc
from lit_mia.metrics.evidence import PlaceboCheck
from lit_mia.records import Records
from lit_mia.report.membership.evaluation import evaluate
from lit_mia.report.membership.judging import Circumstances
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
        placebos = {row.attack: PlaceboCheck(True, "As good.") for row in rows if row.kind == "placebo"}
        evaluation = evaluate(rows, records, splits, Circumstances(design, placebos=placebos))
        return evaluation, {row.name: row for row in evaluation.rows}

    return judged


def noise(seed, shift=0.0):
    return np.random.default_rng(seed).normal(size=N) + shift * MEMBERS


def test_a_planted_attack_is_beyond_null_controls_and_a_valid_placebo(judge):
    scores = {"II-S": noise(0, 1.0), "II-S blind": noise(1), "II-S caption": noise(2), "II-S placebo": noise(3)}
    evaluation, rows = judge(scores)
    assert evaluation.verdict.kind == "leakage beyond controls"
    row, test = rows["II-S"], ROWS["test"]
    assert row["outcome"] == "leakage beyond controls"
    differences = row["differences"]
    assert set(differences) == {"II-S blind", "II-S caption", "II-S placebo"}
    for name, difference in differences.items():
        expected = auc(scores["II-S"][test], MEMBERS[test]) - auc(scores[name][test], MEMBERS[test])
        assert difference["delta"] == pytest.approx(expected)
        assert difference["ci"][0] < difference["delta"] < difference["ci"][1]
        assert 1.5 < row["ratio_lo"] <= difference["ratio_lo"]
    least = min(differences.values(), key=lambda difference: difference["delta"])
    assert row["smallest_difference"]["delta"] == least["delta"]
    assert row["smallest_difference"]["ci"][0] == min(difference["ci"][0] for difference in differences.values())
    assert row["smallest_difference"]["ci"][1] == min(difference["ci"][1] for difference in differences.values())
    assert row["p_adjusted"] == max(difference["p_shift"] for difference in differences.values()) < 0.01
    assert (row["n_members"], row["n_nonmembers"]) == (EACH, EACH)


def test_the_same_scores_are_no_evidence_if_the_sets_were_made_afterwards(judge):
    evaluation, _ = judge({"II-S": noise(0, 1.0), "II-S blind": noise(1)}, design="post_hoc")
    assert evaluation.verdict.kind == "not evidence (post hoc design)"


def test_without_a_placebo_it_is_suggestive_at_most(judge):
    evaluation, _ = judge({"II-S": noise(0, 1.0), "II-S blind": noise(1)})
    assert evaluation.verdict.kind == "suggestive (no placebo)"


def test_controls_have_no_difference_of_their_own(judge):
    _, rows = judge({"II-S": noise(0, 1.0), "II-S blind": noise(1), "II-S placebo": noise(2)})
    fields = ("differences", "smallest_difference", "ratio_lo", "p_own", "p_adjusted", "outcome")
    for name in ("II-S blind", "II-S placebo"):
        assert [rows[name][field] for field in fields] == [None] * len(fields)
    assert None not in [rows["II-S"][field] for field in fields]


def test_every_control_counts_whichever_was_strongest_on_val(judge):
    on_val, on_test = noise(1), noise(2)
    on_val[ROWS["val"]] += 2 * MEMBERS[ROWS["val"]]
    on_test[ROWS["test"]] += 2 * MEMBERS[ROWS["test"]]
    evaluation, rows = judge({"II-S": noise(0, 1.0), "II-S blind": on_val, "II-S caption": on_test})
    differences = rows["II-S"]["differences"]
    assert rows["II-S caption"]["auc"] > 0.85 > rows["II-S"]["auc"]
    assert differences["II-S blind"]["p"] < 0.001 < 0.99 < differences["II-S caption"]["p"]
    assert evaluation.verdict.kind == "confounded"


def test_an_attack_that_only_equals_a_control_is_confounded(judge):
    same = noise(0, 1.0)
    evaluation, rows = judge({"II-S": same, "II-S blind": 3 * same + 1, "II-S caption": noise(1)})
    assert evaluation.verdict.kind == "confounded"
    assert "blind tells the two sides apart" in evaluation.verdict.sentence
    assert rows["II-S"]["smallest_difference"]["delta"] == 0


def test_nothing_is_detected_in_noise(judge):
    evaluation, rows = judge({"II-S": noise(3), "II-S blind": noise(4), "II-S placebo": noise(5)})
    assert evaluation.verdict.kind == "not detected at this power"
    assert f"from an AUC of {evaluation.power.auc_needed:.3f} on" in evaluation.verdict.sentence
    assert "placebo: none" not in evaluation.verdict.sentence
    assert rows["II-S"]["auc_ci"][0] < 0.5 < rows["II-S"]["auc_ci"][1]


def test_a_control_without_the_attack_reaching_it_does_not_make_a_leak(judge):
    evaluation, rows = judge({"II-S": noise(3), "II-S blind": noise(4, 2.0)})
    assert evaluation.verdict.kind == "not detected at this power"
    assert rows["II-S"]["smallest_difference"]["delta"] < -0.3
    assert "placebo: none for II-S" in evaluation.verdict.sentence


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


def test_an_attack_without_controls_is_no_evidence(judge):
    evaluation, rows = judge({"II-S": noise(0, 1.0)})
    assert evaluation.verdict.kind == "not evidence (controls incomplete)"
    assert evaluation.control_null is None
    assert 0.5 < evaluation.power.auc_needed < 0.65
    assert not rows["II-S"]["differences"]
