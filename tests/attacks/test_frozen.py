"""The threshold beside a checkpoint."""

import pytest
import torch

from lit_mia.attacks.frozen import HeadThreshold, freeze_threshold, read_threshold, threshold_path
from lit_mia.errors import HeadError
from lit_mia.metrics.auc import Interval
from lit_mia.metrics.threshold import FrozenThreshold

CALIBRATION = {"members": [9.0], "nonmembers": [float(score) for score in range(20)]}


def _frozen(tmp_path, scores, labels):
    return freeze_threshold(CALIBRATION, torch.tensor(scores), torch.tensor(labels), tmp_path / "head.ckpt")


def test_the_threshold_is_set_on_calibration_and_measured_on_test(tmp_path):
    head = _frozen(tmp_path, [18.0, 17.5, 30.0, 5.0, 17.0, 17.5, 3.0, 4.0], [1, 1, 1, 1, 0, 0, 0, 0])
    assert 17.0 < head.frozen.threshold < 17.001  # two of twenty non-members, 18 and 19, lie above
    assert (head.frozen.nominal_fpr, head.frozen.realised_fpr, head.frozen.tpr) == (0.1, 0.25, 0.75)
    assert head.frozen.realised_fpr_ci.lo < 0.25 < head.frozen.realised_fpr_ci.hi
    assert head.nonmembers == (3.0, 4.0, 17.0, 17.5)


def test_a_threshold_is_read_as_it_was_frozen(tmp_path):
    written = _frozen(tmp_path, [1.0, -2.25, 18.0, 0.1], [1, 0, 1, 0])
    assert threshold_path(tmp_path / "head.ckpt").name == "head.threshold.json"
    read = read_threshold(tmp_path / "head.ckpt")
    assert read == written
    assert isinstance(read.frozen.tpr_ci, Interval)


def test_the_share_of_non_members_counts_ties_and_the_record_itself():
    at = FrozenThreshold(0.5, 0.1, 0.1, Interval(0.0, 0.3), 0.5, Interval(0.2, 0.8))
    head = HeadThreshold(at, (-1.0, 0.0, 0.0, 2.0))
    shares = {-5.0: 1.0, -1.0: 1.0, 0.0: 0.8, 1.0: 0.4, 2.0: 0.4, 2.5: 0.2}
    assert {score: head.share_above(score) for score in shares} == pytest.approx(shares)


def test_an_untested_head_has_no_threshold(tmp_path):
    with pytest.raises(HeadError, match=r"head\.ckpt has no frozen threshold .*Run `lit-mia test`"):
        read_threshold(tmp_path / "head.ckpt")
