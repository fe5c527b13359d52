"""Trained heads at many points: what is asked, what is trained, what is measured, and that test is not."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from sklearn.metrics import roc_auc_score
from small_records import QUARTERS, InkTarget, write_records

from datamodules import AuxiliaryDataModule, CsvSource, StatisticDataModule
from lit_mia.attacks import AttackIIP, AttackIP
from lit_mia.attacks.budgets import FixedBudget
from lit_mia.attacks.statistics import PIA
from lit_mia.attacks.training import train_seeds
from lit_mia.audits.ablation import Ablation, measure
from lit_mia.audits.ablation.points import points_of
from lit_mia.audits.base import Run
from lit_mia.errors import PlanError, SplitError
from lit_mia.features import OpenClipEncoder
from lit_mia.files import key_digest
from lit_mia.metrics.roc import combine_seeds
from lit_mia.splits import assign_splits
from lit_mia.targets.denoiser import DenoiserTarget

pytestmark = pytest.mark.slow

N = 80
LABELS = [str(row % 2) for row in range(N)]
LEAK, BREAKS = (f"data.init_args.target.init_args.{name}" for name in ("leak", "breaks_after"))
IMAGES, FRACTION, DRAW = (f"data.init_args.{name}" for name in ("images_per_record", "train_fraction", "train_draw"))
SOURCE, IMAGE_SIZE = "data.init_args.source", "data.init_args.image_size"
STEPS = 8


class LeakyTarget(InkTarget):
    """Its images of members are darker by a share `leak` of their brightness; records of odd number are members.

    Args:
        notes: Folder in which it makes one for its notes.
        leak: The share.
        breaks_after: Batches after which it breaks down.
    """

    def __init__(self, notes: str, leak: float = 0.0, breaks_after: int | None = None) -> None:
        super().__init__(Path(notes) / f"asked {leak}", leak, breaks_after)

    def fingerprint(self):
        return {"kind": "ink", "leak": self.ink}

    def _draw(self, prompt, seed):
        share = self.ink if int(prompt[-2:]) % 2 else 0
        return (super()._draw(prompt, seed) * (1 - share)).to(torch.uint8)


def block(kind, **arguments):
    return {"class_path": f"{kind.__module__}.{kind.__name__}", "init_args": arguments}


def source_block(source):
    return block(CsvSource, path=source.path, group_column="artist")


@pytest.fixture
def study(tmp_path, tiny_clip_folder):
    """Makes ablations of one audit over one store; what targets are asked is noted by their leak."""
    source = source_block(write_records(tmp_path / "records", LABELS))

    def make(points, axis=LEAK, attacks=(AttackIP,), seeds=1, attacks_measured=None, **options):
        data = block(
            AuxiliaryDataModule,
            source=source,
            target=block(LeakyTarget, notes=str(tmp_path)),
            store=str(tmp_path / "store"),
            encoder=block(OpenClipEncoder, model=str(tiny_clip_folder), device="cpu"),
            image_size=8,
            fractions=list(QUARTERS),
        )
        audit = {
            "data": data,
            "attacks": [block(attack, lr=1.0e-2) for attack in attacks],
            "budget": {"seeds": seeds, "accelerator": "cpu"},
        }
        grids = [{key: [value] for key, value in settings.items()} for settings in points]
        return Ablation(audit, axis, grids, STEPS, attacks_measured, **options)

    return make


def run(ablation):
    return ablation.run(Run("study", {}, Path("nowhere")))


def asked(tmp_path, leak):
    return LeakyTarget(str(tmp_path), leak).asked()


def rows_of_splits(tmp_path, *names):
    splits = assign_splits(CsvSource(str(tmp_path / "records/r.csv"), group_column="artist").load(), QUARTERS, 0)
    return [row for name in names for row in splits.rows[name]]


def numbers(report):
    return [(row.attack, row.kind, row.auc, row.auc_lo, row.auc_hi) for row in report.rows]


LEAKS = [{LEAK: 0.0}, {LEAK: 0.9}]


def test_another_remote_target_would_multiply_the_budget(tmp_path, study, monkeypatch):
    monkeypatch.setattr(LeakyTarget, "remote", True)
    with pytest.raises(PlanError, match=r"At leak = 0.9 the remote target .*the budget would hold for each store"):
        study(LEAKS)
    study([{LEAK: 0.0, IMAGES: images} for images in (1, 2)], IMAGES)  # one store, one budget


def test_the_axis_is_what_moves_the_attack_and_not_its_control(study):
    report = run(study(LEAKS, baseline=0.0))
    found = {(line.kind, line.value): line for line in report.summary}
    assert found["attack", 0.0].auc_lo < 0.5 < found["attack", 0.0].auc_hi
    assert found["attack", 0.9].auc > 0.95
    assert found["attack", 0.9].delta_lo > 0
    assert found["blind", 0.0].auc == found["blind", 0.9].auc
    assert report.baseline == 0.0
    assert [row.point.settings for row in report.rows] == [settings for settings in LEAKS for _ in range(2)]


def test_the_scores_are_those_of_heads_of_a_fixed_budget_on_val(tmp_path, study):
    ablation = study([{LEAK: 0.9}], seeds=2)
    report = run(ablation)
    ((_, audit, data),) = ablation._opened()
    data.prepare(frozenset({"generated"}))
    raw = train_seeds(audit.attacks[0], data, FixedBudget(2, STEPS, "cpu"))
    rows = list(data.view.splits.rows["val"])
    scaled = combine_seeds(raw, np.isin(np.arange(len(data.view.known)), rows))
    labels = np.array(data.view.known.members)[rows]
    assert report.rows[0].auc == pytest.approx(roc_auc_score(labels, scaled[rows]), abs=1e-12)
    assert report.n_members + report.n_nonmembers == len(rows_of_splits(tmp_path, "val"))
    assert (report.n_members, report.rows[0].point.n_train) == (labels.sum(), len(rows_of_splits(tmp_path, "train")))


def test_nothing_is_asked_twice_and_nothing_about_test(tmp_path, study):
    points = [{LEAK: leak, IMAGES: images} for leak in (0.0, 0.9) for images in (1, 2)]
    report = run(study(points, IMAGES))
    learned = rows_of_splits(tmp_path, "train", "val", "calibration")
    for leak in (0.0, 0.9):
        queries = asked(tmp_path, leak)
        assert len(queries) == len(set(queries)) == 2 * len(learned)
        assert {prompt for prompt, _ in queries} == {f"picture r{row:02d}" for row in learned}
    assert report.cost.queries == 2 * 2 * len(learned)
    assert report.cost.nfe == 3 * report.cost.queries
    assert [(row.point.images_per_record, row.point.nfe_per_record) for row in report.rows[::2]] == [
        (k, 3 * k) for k in (1, 2) * 2
    ]


def test_another_target_has_a_store_below_the_audits(tmp_path, study):
    report = run(study(LEAKS))
    own, other = (key_digest({"kind": "ink", "leak": leak})[:16] for leak in (0.0, 0.9))
    assert [row.point.target for row in report.rows] == [own, own, other, other]
    assert list((tmp_path / "store").glob("shard-*.parquet"))
    assert list((tmp_path / "store/ablation" / other).glob("shard-*.parquet"))
    assert sorted(path.name for path in (tmp_path / "store/ablation").iterdir()) == sorted([other, "heads"])
    assert set(report.stores) == {own, other}


def test_an_estimate_counts_each_missing_query_of_a_target_once(tmp_path, study):
    ablation = study([{LEAK: leak, IMAGES: images} for leak in (0.0, 0.9) for images in (1, 2)], IMAGES)
    n = len(rows_of_splits(tmp_path, "train", "val", "calibration"))
    first, second = ablation.estimate().items()
    assert "(images_per_record 1, 2)" in first[0]
    assert first[1].missing == second[1].missing == 2 * n
    assert asked(tmp_path, 0.0) == asked(tmp_path, 0.9) == []
    run(study([{LEAK: 0.9}]))
    assert [estimate.missing for estimate in ablation.estimate().values()] == [2 * n, n]


def test_the_same_ablation_again_asks_and_trains_nothing(study, monkeypatch):
    first = run(study(LEAKS))
    monkeypatch.setattr(measure, "train_seeds", None)
    again = run(study(LEAKS))
    assert again.cost.queries == 0
    assert numbers(again) == numbers(first)
    with pytest.raises(TypeError):  # it would have been called
        run(study([{LEAK: 0.9, FRACTION: 0.5}]))


def test_after_an_interruption_only_the_rest_is_asked_and_trained(tmp_path, study):
    with pytest.raises(RuntimeError, match="out of ink"):
        run(study([{LEAK: leak, BREAKS: breaks} for leak, breaks in ((0.0, None), (0.9, 5))]))
    heads = set((tmp_path / "store/ablation/heads").iterdir())
    n = len(rows_of_splits(tmp_path, "train", "val", "calibration"))
    assert (len(asked(tmp_path, 0.0)), len(asked(tmp_path, 0.9)), len(heads)) == (n, 5 * 4, 2)
    run(study(LEAKS))
    for leak in (0.0, 0.9):
        queries = asked(tmp_path, leak)
        assert len(queries) == len(set(queries)) == n
    assert heads < set((tmp_path / "store/ablation/heads").iterdir())


def test_a_control_that_the_axis_does_not_change_is_trained_once(tmp_path, study):
    run(study(LEAKS, attacks=(AttackIP, AttackIIP)))
    heads = list((tmp_path / "store/ablation/heads").iterdir())
    assert len(heads) == 2 * 2 + 1  # two attacks at two points, and the blind control that they share


def test_repetitions_are_other_draws_of_the_training_records(study):
    draws = [{LEAK: 0.9, FRACTION: 0.5, DRAW: draw} for draw in range(2)]
    report = run(study([*draws, {LEAK: 0.9, FRACTION: 1.0, DRAW: 0}], FRACTION))
    few, full = report.summary[:2]
    assert (few.value, few.n, full.value, full.n) == (0.5, 2, 1.0, 1)
    assert few.auc_min <= few.auc <= few.auc_max
    sizes = [row.point.n_train for row in report.rows if row.kind == "attack"]
    assert max(sizes[:2]) < sizes[2]


@pytest.mark.parametrize(("split", "same"), [("test", True), ("val", False)])
def test_test_records_change_nothing_and_test_is_not_opened(tmp_path, study, split, same):
    before = run(study([{LEAK: 0.9}]))
    table = tmp_path / "records/r.csv"
    changed = {f"r{row:02d}.png" for row in rows_of_splits(tmp_path, split)}
    lines = [line.split(",") for line in table.read_text().splitlines()]
    lines = [[*line[:2], str(1 - int(line[2])), line[3]] if line[0] in changed else line for line in lines]
    table.write_text("\n".join(",".join(line) for line in lines))
    assert not list((tmp_path / "store").rglob("openings"))
    shutil.rmtree(tmp_path / "store")
    assert (numbers(run(study([{LEAK: 0.9}]))) == numbers(before)) is same


def test_records_of_another_kind_are_refused(tmp_path, study):
    other = write_records(tmp_path / "other", LABELS, prefix="q")
    with pytest.raises((PlanError, SplitError), match="splits"):
        run(study([{LEAK: 0.9, SOURCE: source_block(other)}]))
    assert asked(tmp_path, 0.9) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"baseline": 0.5}, r"`baseline` must be one of 0\.0, 0\.9, but got '0\.5'"),
        ({"baseline_attack": "II-S"}, "`baseline_attack` must be one of I-P, but got 'II-S'"),
    ],
)
def test_a_baseline_that_is_not_measured_is_refused(study, options, message):
    with pytest.raises(PlanError, match=message):
        study(LEAKS, **options)


def test_points_come_in_the_order_of_grids_keys_and_values(study):
    ablation = study([{LEAK: 0.0}])
    grids = [{IMAGES: [1, 2], DRAW: [0, 1]}, {IMAGES: [3]}]
    points = points_of(ablation.config, grids)
    assert [(point.settings[IMAGES], point.settings[DRAW]) for point in points] == [
        (1, 0),
        (1, 1),
        (2, 0),
        (2, 1),
        (3, 0),  # the audit's value of what only the other grid names
    ]


def test_a_block_in_a_file_is_a_value_that_is_called_by_its_name(tmp_path, study):
    file = tmp_path / "leaky.yaml"
    file.write_text(yaml.safe_dump(block(LeakyTarget, notes=str(tmp_path), leak=0.9)))
    target = "data.init_args.target"
    ablation = study([{target: str(file)}], target, baseline="elsewhere/leaky.yaml")
    assert [point.settings[target] for point in ablation.points] == ["leaky"]
    assert ablation.points[0].make().data.target.ink == 0.9
    with pytest.raises(PlanError, match=r"names the block '.*nowhere\.yaml', but there is no such file"):
        study([{target: str(tmp_path / "nowhere.yaml")}], target)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"axis": "y"}, r"`axis` must be a key of `points` \(x\), but got 'y'"),
        ({"points": []}, "at least one grid"),
        ({"points": [{}]}, "at least one grid"),
        ({"points": [{"x": []}]}, "lists of at least one value"),
        ({"steps": 0}, "`steps` must be at least 1, but got 0"),
        ({"baseline": 1, "baseline_attack": "II-S"}, "not both"),
        ({}, "`audit` is no config of an audit"),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(changes, message):
    with pytest.raises(PlanError, match=message):
        Ablation(**({"audit": {"a": 1}, "axis": "x", "points": [{"x": [1]}]} | changes))


@pytest.mark.parametrize(
    ("points", "options", "message"),
    [
        ([{LEAK: 0.0}], {"attacks_measured": ["II-S"]}, r"`attacks` must be some of the audit's \(I-P\), but got"),
        ([{LEAK: 0.0}], {"attacks_measured": []}, "`attacks` must be some of the audit's"),
        ([{LEAK: "much"}], {}, "A point of the ablation is no audit"),
        ([{LEAK: 0.0}, {LEAK: 0.0}], {}, "holds 2 points, but only 1 differ"),
        ([{"data.x.y": 1}], {"axis": "data.x.y"}, "leads nowhere"),
    ],
)
def test_points_and_attacks_that_are_none_are_refused_before_anything_is_asked(
    tmp_path, study, points, options, message
):
    with pytest.raises(PlanError, match=message):
        study(points, **options)
    assert not (tmp_path / "store").exists()


def test_training_free_attacks_are_refused(tmp_path, tiny_ddpm_folder):
    data = block(
        StatisticDataModule,
        source=source_block(write_records(tmp_path / "records", LABELS)),
        target=block(DenoiserTarget, path=str(tiny_ddpm_folder)),
        store=str(tmp_path / "store"),
        image_size=8,
    )
    with pytest.raises(PlanError, match="An ablation needs an AuxiliaryDataModule"):
        Ablation(
            {"data": data, "attacks": [block(PIA)]}, "data.init_args.image_size", [{"data.init_args.image_size": [8]}]
        )
