"""The threshold of a trained head: chosen on calibration records, frozen beside the checkpoint, measured on test."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike
from torch import Tensor

from lit_mia.errors import HeadError
from lit_mia.metrics.auc import Interval
from lit_mia.metrics.threshold import NOMINAL_FPR, FrozenThreshold, apply_threshold, threshold_at_fpr


@dataclass(frozen=True)
class HeadThreshold:
    """What is known of a trained head's scores.

    Attributes:
        frozen: The threshold, and its rates on the test split.
        nonmembers: Raw scores of the test split's non-members, ascending.
    """

    frozen: FrozenThreshold
    nonmembers: tuple[float, ...]

    def share_above(self, score: float) -> float:
        """Share of known non-members that score at least as high, counting this record in: (1 + #) / (1 + n)."""
        above = len(self.nonmembers) - int(np.searchsorted(self.nonmembers, score, side="left"))
        return (1 + above) / (1 + len(self.nonmembers))


def freeze_threshold(
    calibration: Mapping[str, Sequence[float]],
    scores: Tensor,
    labels: Tensor,
    checkpoint: Path,
    *,
    groups: ArrayLike | None = None,
) -> HeadThreshold:
    """Set the threshold at a nominal false-positive rate of 10 % on calibration, and measure it on test.

    Args:
        calibration: Scores of the `nonmembers` of the calibration split.
        scores: Raw scores of the test split, `[n]`.
        labels: 1 = member, 0 = non-member, `[n]`.
        checkpoint: The head's checkpoint; the result is written beside it as `<name>.threshold.json`.
        groups: Name of each test record's group, `[n]`; None if every record is its own group.
    """
    threshold = threshold_at_fpr(calibration["nonmembers"], NOMINAL_FPR)
    frozen = apply_threshold(threshold, NOMINAL_FPR, scores.double().numpy(), labels.numpy(), groups=groups)
    result = HeadThreshold(frozen, tuple(sorted(scores[labels == 0].tolist())))
    threshold_path(checkpoint).write_text(json.dumps(asdict(result)), encoding="utf-8")
    return result


def read_threshold(checkpoint: Path) -> HeadThreshold:
    """The frozen threshold of a checkpoint.

    Raises:
        HeadError: If the head was not tested yet.
    """
    path = threshold_path(checkpoint)
    if not path.is_file():
        raise HeadError(
            f"{checkpoint} has no frozen threshold ({path.name} is not beside it), so a score of it could not be read. "
            "Run `lit-mia test` with the same config and this `--ckpt_path` once; an audit does it by itself."
        )
    data = json.loads(path.read_text(encoding="utf-8"))
    frozen = data["frozen"]
    intervals = {name: Interval(*frozen[name]) for name in ("realised_fpr_ci", "tpr_ci")}
    return HeadThreshold(FrozenThreshold(**{**frozen, **intervals}), tuple(data["nonmembers"]))


def threshold_path(checkpoint: Path) -> Path:
    """Where the threshold of a checkpoint is written."""
    return checkpoint.with_suffix(".threshold.json")
