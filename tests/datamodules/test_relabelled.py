"""The same answers with other labels: labels change, everything else stays, and the original is untouched."""

import numpy as np
import pytest
from memory_source import MemorySource
from optimal_denoiser import OptimalTarget, smooth_images
from small_records import LABELS, N

from datamodules import ShadowDataModule, StatisticDataModule, Wanted
from lit_mia.attacks.statistics import Loss
from lit_mia.errors import HeadError, SplitError

OWN = tuple(int(label) for label in LABELS)
OTHER = tuple(1 - label for label in OWN)
INPUTS = frozenset({"image", "generated"})


def test_only_the_labels_are_others(data, ink):
    one = data()
    one.query()
    one.prepare(INPUTS)
    spent, answers, splits = ink().asked(), one.arrays.inputs["generated"], one.view.splits
    other = one.relabelled(OTHER)
    other.query()
    other.prepare(INPUTS)
    assert ink().asked() == spent
    assert other.view.known.members == other.view.labelled.members == other.view.everyone.members == OTHER
    assert other.table.members == OTHER
    assert other.arrays.member.tolist() == [*OTHER]
    for name, inputs in one.arrays.inputs.items():
        assert np.array_equal(other.arrays.inputs[name], inputs)
    assert other.view.splits.rows == splits.rows
    assert other.view.splits.digest == splits.digest
    assert other.train_rows == one.train_rows
    for name in ("ids", "captions", "groups"):
        assert getattr(other.view.known, name) == getattr(one.view.known, name)
    assert one.view.known.members == one.table.members == OWN
    assert one.arrays.member.tolist() == [*OWN]
    assert one.arrays.inputs["generated"] is answers
    assert one.view.splits is splits


def test_members_of_splits_are_counted_anew(data):
    one = data()
    of, other = one.view.splits.sizes(), one.relabelled(OTHER).view.splits.sizes()
    assert other == {name: {"member": size["non_member"], "non_member": size["member"]} for name, size in of.items()}
    one_class = list(OWN)
    for row in one.view.splits.rows["val"]:
        one_class[row] = 1
    with pytest.raises(SplitError, match=r"val \d \+ 0"):
        _ = one.relabelled(one_class).view.splits


def test_who_was_left_out_stays_out(data):
    one = data()
    one.query()
    one.leave_out({"r03.png": "refused"})
    left = [label for row, label in enumerate(OTHER) if one.view.labelled.ids[row] != "r03.png"]
    other = one.relabelled(left)
    other.prepare(INPUTS)
    assert len(one.view.known) == len(other.table) == len(other.view.everyone) == N - 1
    assert other.view.known.ids == one.view.known.ids
    assert other.view.splits.rows == one.view.splits.rows


def test_labels_of_another_number_of_records_are_refused(data):
    with pytest.raises(Exception, match="must have one length"):
        data().relabelled(OTHER[1:])


def test_labels_of_two_targets_are_not_drawn_anew(data, ink):
    both = ShadowDataModule(data(), data(target=ink("other", ink=1), store="elsewhere"))
    with pytest.raises(HeadError, match="ShadowDataModule cannot be drawn anew: it holds those of several models"):
        both.relabelled(OTHER)


def test_the_base_has_the_same_labels(tmp_path):
    images, members = smooth_images(80, 0), [1, 0] * 40
    target, base = OptimalTarget(images[::2]), OptimalTarget(smooth_images(20, 7))
    data = StatisticDataModule(MemorySource(images, members), target, str(tmp_path / "store"), 8, base=base)
    asked = Wanted(((Loss(t=100), {"t": 100}),))
    for side in (data, data.base):
        side.ask(asked)
        side.query()
    other = data.relabelled([0, 1] * 40)
    assert other.base.view.known.members == other.view.known.members == (0, 1) * 40
    assert other.base.folder == data.base.folder
    assert data.base.view.known.members == tuple(members)
    assert data.base is not other.base
    for side in (other, other.base):
        side.query()
    assert (target.nfe, base.nfe) == (80, 80)
    found = [side.statistics(Loss(t=100), {"t": 100}) for side in (data.base, other.base)]
    assert np.array_equal(*found)
