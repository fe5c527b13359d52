"""CLiD: how far the loss rises where the caption is reduced."""

from typing import final

import numpy as np
import torch
from numpy.typing import NDArray

from lit_mia.attacks.statistics.base import Setting, StatisticAttack, check_arguments
from lit_mia.errors import HeadError
from lit_mia.queries.requests import Finding, NoisePrediction, Steps, Subject
from lit_mia.ranges import SHARE, check

SHARES = (0.3, 0.5, 0.7)  # of the important words that a reduced caption of CLiD lacks; the fourth is the empty caption


@final
class CLiD(StatisticAttack):
    """(1 − α)·S(−L) + α·S(mean_i D_i), the threshold form; S is robust scaling (median, interquartile range).

    Zhai et al. 2024, arXiv 2405.14800: how much worse is the loss when the caption is taken away?

    L is the loss under the record's own caption, D_i the rise of the loss under reduced caption i, with the same noise.
    Medians and ranges come from train and val records. Right captions betray by themselves: run the caption controls.

    Args:
        timesteps: One timestep per draw of L; [440, 450, 460] if not given.
        reduced_draws: How many of them the reduced captions are also asked at (N).
        alpha: Weight of the caption term, or several to choose from.
    """

    name = "CLiD"
    needs_captions = True
    swept = combined = ("alpha",)

    def __init__(
        self, timesteps: list[int] | None = None, reduced_draws: int = 3, alpha: float | list[float] = 0.9
    ) -> None:
        self.timesteps = [440, 450, 460] if timesteps is None else timesteps
        check_arguments(self.name, at_least=0, timesteps=self.timesteps)
        check_arguments(self.name, at_least=1, reduced_draws=reduced_draws)
        if reduced_draws > len(self.timesteps):
            raise HeadError(f"`reduced_draws` of CLiD must be at most {len(self.timesteps)}, but got {reduced_draws}.")
        check(HeadError, SHARE(self.name, alpha=alpha))
        self.reduced_draws, self.alpha = reduced_draws, alpha

    def highest_timestep(self, setting: Setting) -> int:
        """The last of the timesteps."""
        return max(self.timesteps)

    def measure(self, subject: Subject, setting: Setting) -> Steps:
        """M + K·N evaluations; components L, D_1 … D_K; the residual is |mean_i D_i| per pixel."""
        own = subject.caption_condition
        reduced = [*(subject.reduced_condition(share) for share in SHARES), subject.empty_condition]
        noisy = [(subject.noised(t, draw), t) for draw, t in enumerate(self.timesteps)]
        asked = [NoisePrediction(x, t, own) for x, t in noisy]
        asked += [NoisePrediction(x, t, c) for c in reduced for x, t in noisy[: self.reduced_draws]]
        answers = yield asked
        m, n = len(self.timesteps), self.reduced_draws
        noise = [subject.noise(draw) for draw in range(m)]
        errors = torch.stack(
            [(eps - e).square() for eps, e in zip(answers, noise + noise[:n] * len(reduced), strict=True)]
        )
        under_own = errors[:m].mean(0)
        rises = errors[m:].view(len(reduced), n, *under_own.shape).mean(1) - under_own
        components = [under_own.flatten(1).mean(1), *rises.flatten(2).mean(2)]
        return Finding(torch.stack(components, dim=1), rises.mean(0).abs())

    def combine(
        self, statistic: NDArray[np.float64], setting: Setting, reference: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """The weighted sum of the two scaled terms."""
        alpha, statistic = float(setting["alpha"]), self.oriented(statistic)
        loss, rise = statistic[:, 0], statistic[:, 1:].mean(axis=1)
        return (1 - alpha) * robust_scale(loss, reference) + alpha * robust_scale(rise, reference)

    def oriented(self, statistic: NDArray[np.float64]) -> NDArray[np.float64]:
        """−L, D_1 … D_K."""
        return np.concatenate([-statistic[:, :1], statistic[:, 1:]], axis=1)


def robust_scale(values: NDArray[np.float64], reference: NDArray[np.int64]) -> NDArray[np.float64]:
    """(v − median) / interquartile range, both of the reference rows."""
    low, middle, high = np.quantile(values[reference], [0.25, 0.5, 0.75])
    scaled: NDArray[np.float64] = (values - middle) / max(high - low, np.finfo(np.float64).tiny)
    return scaled
