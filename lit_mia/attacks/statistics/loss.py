"""Loss: the denoising loss at one timestep as a score."""

from typing import final

import torch

from lit_mia.attacks.statistics.base import Setting, StatisticAttack, Swept, check_arguments
from lit_mia.queries.requests import Finding, NoisePrediction, Steps, Subject


@final
class Loss(StatisticAttack):
    """−Σ(e − ε(x_t, t))², the denoising loss at one timestep, averaged over draws of the noise.

    Matsumoto et al. 2023, arXiv 2302.03262.

    Args:
        t: Timestep, or several to choose from.
        draws: Draws of the noise per record.
    """

    name = "Loss"
    reconstructs = True

    def __init__(self, t: Swept = 350, draws: int = 1) -> None:
        check_arguments(self.name, at_least=0, t=t)
        check_arguments(self.name, at_least=1, draws=draws)
        self.t, self.draws = t, draws

    def measure(self, subject: Subject, setting: Setting) -> Steps:
        """One evaluation per draw; the residual is |e − ε|, its pair is x_0 and x̂_0 of the first draw."""
        t = int(setting["t"])
        noisy = [subject.noised(t, draw) for draw in range(self.draws)]
        eps = yield [NoisePrediction(x, t, subject.condition) for x in noisy]
        errors = torch.stack([subject.noise(draw) - answer for draw, answer in enumerate(eps)])
        statistic = -errors.square().flatten(2).sum(2).mean(0)
        return Finding(statistic, errors.abs().mean(0), (subject.x0, subject.schedule.clean(noisy[0], eps[0], t)))
