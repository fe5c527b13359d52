"""The metrics as `torchmetrics.Metric`, for logging while heads train.

torchmetrics' own AUROC applies a sigmoid, batch by batch, to scores outside [0, 1]; these keep scores raw.
"""

from abc import ABC, abstractmethod
from typing import final

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat

from lit_mia.errors import MetricError
from lit_mia.metrics.auc import auc
from lit_mia.metrics.roc import BoolArray, FloatArray, check_fractions
from lit_mia.metrics.threshold import floor_reason, operating_point


class RawScoreMetric(Metric, ABC):
    """Keeps raw scores and labels of all batches and computes one number from them.

    The value is NaN as long as a class is missing (as in Lightning's sanity check) or nothing was seen.
    """

    is_differentiable: bool = False
    higher_is_better: bool = True
    full_state_update: bool = False
    scores: list[Tensor]
    labels: list[Tensor]

    def __init__(self) -> None:
        super().__init__()
        self.add_state("scores", default=[], dist_reduce_fx="cat")
        self.add_state("labels", default=[], dist_reduce_fx="cat")

    def update(self, scores: Tensor, labels: Tensor) -> None:
        """Add a batch.

        Args:
            scores: Raw scores of any finite range, higher = more likely a member, `[b]`.
            labels: 1 = member, 0 = non-member, `[b]`.

        Raises:
            MetricError: If the shapes differ.
        """
        if scores.shape != labels.shape:
            raise MetricError(
                f"Scores and labels must have one shape, but have {tuple(scores.shape)} and {tuple(labels.shape)}."
            )
        self.scores.append(scores.detach().flatten())
        self.labels.append(labels.detach().flatten())

    def compute(self) -> Tensor:
        """The metric over all batches, a scalar; NaN if a class is missing.

        Raises:
            MetricError: If a score is not finite or a label is not 0 or 1.
        """
        value = float("nan")
        if len(self.labels):
            labels = dim_zero_cat(self.labels).cpu()
            if (labels == 1).any() and (labels == 0).any():
                value = self._value(dim_zero_cat(self.scores).cpu().double().numpy(), labels.numpy())
        return torch.tensor(value, device=self.device)

    @abstractmethod
    def _value(self, scores: FloatArray, labels: BoolArray) -> float:
        """The metric of all scores `[n]` and labels `[n]`, both classes being present."""


@final
class RawAUROC(RawScoreMetric):
    """Area under the ROC curve of raw scores, see `lit_mia.metrics.auc.auc`."""

    def _value(self, scores: FloatArray, labels: BoolArray) -> float:
        return auc(scores, labels)


@final
class TPRAtFPR(RawScoreMetric):
    """TPR at the largest achieved FPR <= `fpr` (see `lit_mia.metrics.threshold`); NaN below 10 / `fpr` non-members.

    Args:
        fpr: Target false-positive rate in (0, 1).

    Raises:
        MetricError: If `fpr` is out of range.
    """

    def __init__(self, fpr: float) -> None:
        super().__init__()
        check_fractions(fpr=fpr)
        self.fpr = fpr

    def _value(self, scores: FloatArray, labels: BoolArray) -> float:
        if floor_reason(int((labels == 0).sum()), self.fpr):
            return float("nan")
        return operating_point(scores, labels, self.fpr).tpr
