"""The columns of a membership audit: each value is that of its metric, and one entry is shown everywhere."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
from lightning.pytorch.loggers import WandbLogger
from simulated_results import SETTING, changed, printed, with_values

from lit_mia.errors import PluginError, ReportError
from lit_mia.metrics.auc import auc
from lit_mia.metrics.comparison import compare
from lit_mia.metrics.evidence import Comparison, PlaceboCheck
from lit_mia.metrics.intervals import auc_difference, auc_estimate, measure
from lit_mia.metrics.roc import combine_seeds
from lit_mia.metrics.threshold import (
    NOMINAL_FPR,
    apply_threshold,
    balanced_accuracy,
    balanced_threshold,
    predictive_value,
    threshold_at_fpr,
    tpr_at_fpr,
)
from lit_mia.metrics.verdict import Verdict
from lit_mia.records import Records
from lit_mia.report.columns import Cell
from lit_mia.report.membership.columns import COLUMNS, FPRS, MembershipColumn, short_name
from lit_mia.report.membership.evaluation import evaluate
from lit_mia.report.membership.findings import VALUES, finding
from lit_mia.report.membership.judging import Circumstances
from lit_mia.report.membership.scores import Part, RowEvidence, RowScores
from lit_mia.splits import SPLITS, Splits
from lit_mia.targets import AccessLevel

EACH = 120  # of each class in each split
N = 2 * EACH * len(SPLITS)
MEMBERS = np.tile([1, 0], N // 2)
GROUPS = np.array([f"g{row // 4}" for row in range(N)])
PLACES = {name: np.arange(N)[i * 2 * EACH : (i + 1) * 2 * EACH] for i, name in enumerate(SPLITS)}
SHIFTS = {"II-S": 1.0, "II-S blind": 0.2, "II-S caption": 0.0, "II-S placebo": 0.1}

TOP = MembershipColumn(
    name="top_score",
    heading="Largest score",
    short="Top",
    write=lambda row: Cell(f"{row['top_score']:.5f}"),
    value=lambda row: row["top_score"],
    measure=lambda evidence: {"top_score": float(evidence.on(evidence.test).max())},
)


def _no_image(row):
    raise OSError(f"record {row} has no image")


@pytest.fixture(scope="module")
def records():
    ids = tuple(f"r{i}" for i in range(N))
    members = tuple(MEMBERS.tolist())
    return Records(ids, (None,) * N, members, tuple(GROUPS.tolist()), _no_image, stamps=ids)


@pytest.fixture(scope="module")
def splits():
    places = {name: tuple(rows.tolist()) for name, rows in PLACES.items()}
    return Splits(places, dict.fromkeys(SPLITS, EACH), seed=0, fractions=(0.25,) * 4, n_groups=N // 4, digest="d" * 64)


@pytest.fixture(scope="module")
def scores():
    """Row → scores of two seeds on different scales."""
    rng = np.random.default_rng(5)
    scales = np.array([[1.0], [30.0]])
    return {name: scales * (rng.normal(size=(2, N)) + shift * MEMBERS) for name, shift in SHIFTS.items()}


@pytest.fixture
def evaluated(records, splits, scores):
    """Evaluates an attack and its three controls with the columns there are."""

    def rows_of():
        kinds = {name: name.removeprefix("II-S ") if name != "II-S" else "attack" for name in scores}
        rows = [
            RowScores(
                name,
                kinds[name],
                "II-S",
                values,
                protocol="heads",
                setting=SETTING,
                evaluations=7,
                access=AccessLevel.GENERATE if name == "II-S" else None,
            )
            for name, values in scores.items()
        ]
        known = Circumstances("same_source_holdout", placebos={"II-S": PlaceboCheck(True, "It is as good.")})
        return evaluate(rows, records, splits, known)

    return rows_of


def test_every_number_of_a_row_is_that_of_its_metric(evaluated, scores):
    evaluation = evaluated()
    rows = {row.name: row for row in evaluation.rows}
    reference = np.isin(np.arange(N), PLACES["calibration"])
    combined = {name: combine_seeds(values, reference) for name, values in scores.items()}
    calibration, test = (PLACES[name] for name in ("calibration", "test"))
    labels, groups, calibrated = MEMBERS[test], GROUPS[test], MEMBERS[calibration]
    assert list(rows) == list(scores)
    for name, row in rows.items():
        own, fixed = combined[name][test], combined[name][calibration]
        area = auc_estimate(own, labels, groups)
        cut = balanced_threshold(fixed, calibrated)
        accuracy = balanced_accuracy(own, labels, cut, groups)
        nominal = threshold_at_fpr(fixed[calibrated == 0], NOMINAL_FPR)
        frozen = apply_threshold(nominal, NOMINAL_FPR, own, labels, groups=groups)
        rates = [tpr_at_fpr(own, labels, fpr, groups) for fpr in FPRS]
        expected = {
            "protocol": "heads",
            "setting": SETTING,
            "evaluations": 7,
            "auc": area.auc,
            "auc_ci": [area.lo, area.hi],
            "auc_per_seed": [auc(seed[test], labels) for seed in scores[name]],
            "accuracy": accuracy.value,
            "accuracy_ci": [accuracy.lo, accuracy.hi],
            "threshold": cut,
            "n_members": EACH,
            "n_nonmembers": EACH,
            "tpr_at_fpr": [
                {
                    "fpr": fpr,
                    "tpr": rate.tpr,
                    "ci": None if rate.lo is None else [rate.lo, rate.hi],
                    "achieved_fpr": rate.achieved_fpr,
                    "reason": rate.reason,
                }
                for fpr, rate in zip(FPRS, rates, strict=True)
            ],
            "frozen_threshold": {
                "nominal_fpr": NOMINAL_FPR,
                "threshold": nominal,
                "realised_fpr": frozen.realised_fpr,
                "realised_fpr_ci": list(frozen.realised_fpr_ci),
                "tpr": frozen.tpr,
                "tpr_ci": list(frozen.tpr_ci),
                "prior": 0.01,
                "ppv": predictive_value(frozen, 0.01).value,
                "ppv_ci": list(predictive_value(frozen, 0.01)[1:]),
            },
            "reads_base": False,
            "access": "generate" if name == "II-S" else None,
        }
        values = {key: value for key, value in row.values.items() if key not in ("further_thresholds", "histogram")}
        assert {key: value for key, value in values.items() if key not in VALUES} == expected
        if name != "II-S":
            assert {key: row.values[key] for key in VALUES} == dict.fromkeys(VALUES)
    controls = [name for name in scores if name != "II-S"]
    own = combined["II-S"][test]
    differences = {name: auc_difference(own, combined[name][test], labels, groups) for name in controls}
    found = {key: rows["II-S"].values[key] for key in VALUES}
    assert list(found["differences"]) == controls
    for name, of in found["differences"].items():
        assert of["delta"] == pytest.approx(differences[name].delta)
        assert of["ci"] == pytest.approx([differences[name].lo, differences[name].hi])
        both = measure(np.stack([own, combined[name][test]]), labels, groups)
        beyond = compare(both, 0, 1, mirrored=of["mirrored"])
        assert (of["p"], of["p_shift"]) == pytest.approx((beyond.p_better, beyond.p_shift))
        assert of["ratio_lo"] == beyond.ratio_lo
    nearest = min(controls, key=lambda name: differences[name].delta)
    smallest = found["smallest_difference"]
    assert smallest["control"] == nearest
    assert smallest["delta"] == pytest.approx(differences[nearest].delta)
    ends = [min(d.lo for d in differences.values()), min(d.hi for d in differences.values())]
    assert smallest["ci"] == pytest.approx(ends)
    assert found["ratio_lo"] == min(of["ratio_lo"] for of in found["differences"].values()) > 1.5
    assert found["p_own"] <= found["p_adjusted"] <= 0.05
    assert found["outcome"] == evaluation.verdict.kind == "leakage beyond controls"


def test_lower_thresholds_are_those_of_calibration_or_say_why_there_is_none(evaluated, scores):
    evaluation = evaluated()
    calibration, test = PLACES["calibration"], PLACES["test"]
    for row in evaluation.rows:
        hundredth, thousandth = row["further_thresholds"]
        own = evaluation.combined[row.name]
        outside = np.sort(own[calibration][MEMBERS[calibration] == 0])
        assert outside[-2] < hundredth["threshold"] <= outside[-1]  # 1 % of 120: one may be called
        called = own[test] >= hundredth["threshold"]
        assert hundredth["realised_fpr"] == called[MEMBERS[test] == 0].mean()
        assert hundredth["tpr"] == called[MEMBERS[test] == 1].mean()
        assert hundredth["realised_fpr_ci"][0] <= hundredth["realised_fpr"] <= hundredth["realised_fpr_ci"][1]
        assert hundredth["reason"] is None
        assert thousandth["threshold"] is thousandth["tpr"] is thousandth["realised_fpr"] is None
        assert "at least 1000 non-members in calibration" in thousandth["reason"]
        assert f"there are {EACH}" in thousandth["reason"]
        assert hundredth.keys() == thousandth.keys()


def test_a_histogram_counts_every_record_of_test_once_and_only_of_attacks(evaluated):
    evaluation = evaluated()
    (attack,) = [row for row in evaluation.rows if row.kind == "attack"]
    assert {row["histogram"] for row in evaluation.rows if row is not attack} == {None}
    found, test = attack["histogram"], PLACES["test"]
    assert len(found["edges"]) == len(found["members"]) + 1 == len(found["non_members"]) + 1
    for side, key in ((1, "members"), (0, "non_members")):
        scores = evaluation.combined["II-S"][test][MEMBERS[test] == side]
        inner = found["edges"][1:-1]
        expected = [0] * len(found[key])
        for score in scores:
            expected[sum(score >= edge for edge in inner)] += 1
        assert found[key] == expected
        assert sum(found[key]) == EACH


def test_without_an_interval_neither_p_nor_factor_is_said():
    said = Comparison(0.2, 0.1, 0.3, p_better=0.01, p_shift=0.02, ratio_lo=2.0, mirrored=False)
    unsaid = Comparison(0.1, None, None, p_better=1.0, p_shift=1.0, ratio_lo=0.0, mirrored=True)
    verdict = Verdict("confounded", "", {"II-S": "confounded"}, {"II-S": 0.5})
    row = RowScores("II-S", "attack", "II-S", np.zeros((1, 2)), protocol="heads")
    part = Part(*(np.zeros(0),) * 3)
    evidence = RowEvidence(row, {}, part, part, {"a": said, "b": unsaid}, 0.01, verdict)
    found = finding(evidence)
    assert found["differences"]["b"] == {
        "delta": 0.1,
        "ci": None,
        "p": None,
        "p_shift": None,
        "ratio_lo": None,
        "mirrored": True,
    }
    assert found["smallest_difference"] == {"control": "b", "delta": 0.1, "ci": None}
    assert found["ratio_lo"] is None
    alone = finding(replace(evidence, against={}))
    assert (alone["differences"], alone["smallest_difference"], alone["ratio_lo"]) == ({}, None, None)


def test_a_part_holds_rows_labels_and_groups_of_its_split(records, splits):
    part = Part.of(records, splits, "val")
    np.testing.assert_array_equal(part.rows, PLACES["val"])
    np.testing.assert_array_equal(part.labels, MEMBERS[PLACES["val"]])
    numbers = np.unique(GROUPS[PLACES["val"]], return_inverse=True)[1]  # in the order of their names
    np.testing.assert_array_equal(part.groups, numbers)


@pytest.fixture
def with_top(monkeypatch):
    """A column of another package."""
    monkeypatch.setattr(COLUMNS, "_entries", dict(COLUMNS._entries))
    COLUMNS.add(TOP)


@pytest.mark.usefixtures("with_top")
def test_a_column_of_another_package_is_shown_everywhere_from_its_one_entry(
    small, evaluated, scores, tmp_path, read_wandb
):
    result = changed(small, rows=evaluated().rows)
    reference = np.isin(np.arange(N), PLACES["calibration"])
    tops = {name: combine_seeds(values, reference)[PLACES["test"]].max() for name, values in scores.items()}
    texts = [f"{top:.5f}" for top in tops.values()]
    page = result.save(tmp_path).read_text(encoding="utf-8")
    data = json.loads((tmp_path / "audit.json").read_text())
    assert {row["name"]: row["top_score"] for row in data["rows"]} == tops
    assert " Top" in printed(result)
    assert "| Largest score |" in result.markdown()
    assert '<th scope="col">Largest score</th>' in page
    for shown in (printed(result), result.markdown(), page):
        assert all(text in shown for text in texts)
    with (tmp_path / "table.csv").open(encoding="utf-8", newline="") as file:
        assert {line["row"]: float(line["top_score"]) for line in csv.DictReader(file)} == tops
    result.log(lambda: WandbLogger(project="lit-mia", save_dir=str(tmp_path), offline=True))
    (run,) = read_wandb(tmp_path)
    assert {name: run.summary[f"test/top_score/{name}"] for name in tops} == tops
    (table,) = tmp_path.rglob("rows*.table.json")
    rows = json.loads(table.read_text())
    assert [line[rows["columns"].index("top_score")] for line in rows["data"]] == list(tops.values())


@pytest.mark.usefixtures("with_top")
def test_a_column_that_measures_no_number_is_refused_by_name(small):
    rows = [with_values(row, top_score=float("inf")) for row in small.report.rows]
    with pytest.raises(ReportError, match=r"rows\[0\]\.top_score"):
        changed(small, rows=rows).numbers()


def test_two_columns_of_one_name_are_refused():
    with pytest.raises(PluginError, match="column of a membership audit 'auc'"):
        COLUMNS.add(MembershipColumn(name="auc", heading="AUC", write=lambda row: Cell()))
    assert [column.name for column in COLUMNS].count("auc") == 1


def test_rows_scored_in_different_ways_say_how_and_both_are_named(mixed, tmp_path):
    notes = [
        "Heads are trained on pairs (train split); val chooses the epoch.",
        "Scored by a threshold on the statistic; no training.",
        "One correction covers all attacks.",
    ]
    assert mixed.report.protocol == "heads + threshold"
    terminal, markdown, page = " ".join(printed(mixed, 200).split()), mixed.markdown(), mixed.page()
    for shown in (terminal, markdown, page):
        assert all(note in shown for note in notes)
        assert "trained head" in shown
    assert "| Attack | Scored by | Setting | NFE |" in markdown
    assert 'class="words">Scored by</th>' in page
    assert "| **II-S** | trained head |  |  | 0." in markdown
    assert f"| **PIA** | threshold | {SETTING} | 1\u202f010 | 0." in markdown
    mixed.save(tmp_path)
    with (tmp_path / "table.csv").open(encoding="utf-8", newline="") as file:
        protocols = {line["row"]: line["protocol"] for line in csv.DictReader(file)}
    assert (protocols["II-S"], protocols["PIA round trip"]) == ("heads", "threshold")


def test_a_mixed_table_keeps_80_columns(mixed):
    lines = printed(mixed).splitlines()
    assert max(map(len, lines)) <= 80
    text = " ".join("".join(line.ljust(80) for line in lines).split())
    for words in ("trained head", "threshold", "t = 200, k = 100,"):
        assert words in text


@pytest.mark.parametrize("name", ["audit", "statistics"])
def test_rows_scored_alike_do_not_say_how(name, request, tmp_path):
    result = request.getfixturevalue(name)
    assert "| Scored by |" not in result.markdown()
    assert "Scored by</th>" not in result.page()


def test_a_control_is_called_by_what_is_not_its_attack(statistics):
    names = [short_name(row) for row in statistics.report.rows[:4]]
    assert names == ["FreMIA ReDiffuse pixel SSIM", "blind", "round trip", "placebo"]
