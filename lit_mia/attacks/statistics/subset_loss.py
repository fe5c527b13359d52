"""Subset loss: the denoising loss over many small random parts of a record."""

from typing import final

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from lit_mia.attacks.statistics.base import Setting, StatisticAttack, Swept, check_arguments
from lit_mia.errors import HeadError
from lit_mia.models.draws import uniform
from lit_mia.queries.requests import Finding, NoisePrediction, Steps, Subject


@final
class SubsetLoss(StatisticAttack):
    """−Σ(e − ε(x_t, t))² over random subsets of positions, all channels of each; alone, the mean over the subsets.

    The noise is that of `Loss`. The subsets of a record follow from its id, the audit's seed and t alone, so that all
    models are compared on the same ones. They are dealt out from shuffled positions until these run short, and then
    from shuffled ones again.
    The components are for `BaseSignVote`, after SAMA (arXiv 2601.20125).

    Args:
        t: Timestep, or several to choose from.
        subsets: Subsets per record.
        size: Positions of each.
    """

    name = "Subset loss"

    def __init__(self, t: Swept = 350, subsets: int = 128, size: int = 10) -> None:
        check_arguments(self.name, at_least=0, t=t)
        check_arguments(self.name, at_least=1, subsets=subsets, size=size)
        self.t, self.subsets, self.size = t, subsets, size

    def measure(self, subject: Subject, setting: Setting) -> Steps:
        """One evaluation; a component for each subset, and the residual is |e − ε|."""
        t = int(setting["t"])
        height, width = subject.x0.shape[-2:]
        if height * width < self.size:
            raise HeadError(
                f"`size` of {self.name} must be at most {height * width}, since this target's maps have {height} × "
                f"{width} positions, but got {self.size}."
            )
        rows = dealt(subject.seeds("subsets", t), height * width, (self.subsets, self.size))
        (eps,) = yield [NoisePrediction(subject.noised(t, 0), t, subject.condition)]
        error = subject.noise(0) - eps
        at_positions = error.square().sum(1).flatten(1)
        sums = at_positions.gather(1, rows.flatten(1).to(error.device)).view(rows.shape).sum(2)
        return Finding(-sums, error.abs())

    def combine(
        self, statistic: NDArray[np.float64], setting: Setting, reference: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """The mean over the subsets."""
        mean: NDArray[np.float64] = statistic.mean(axis=1)
        return mean


def dealt(seeds: list[int], positions: int, shape: tuple[int, int]) -> Tensor:
    """Random subsets of positions, each of different ones.

    Args:
        seeds: One per record.
        positions: How many positions there are.
        shape: Number of subsets of a record, and positions of each, at most `positions`.

    Returns:
        Long `[b, subsets, size]`, on the CPU.
    """
    subsets, size = shape
    per_deal = positions // size
    deals = -(-subsets // per_deal)
    shuffled = uniform((deals, positions), seeds).argsort(dim=-1, stable=True)
    return shuffled[..., : per_deal * size].reshape(len(seeds), -1, size)[:, :subsets]
