"""SimA (arXiv 2509.25003): the size of the noise predicted at the clean image, or of its mean over noisy copies."""

from typing import final

import torch

from lit_mia.attacks.statistics.base import Setting, StatisticAttack, Swept, check_arguments, vector_norm
from lit_mia.queries.requests import Finding, NoisePrediction, Steps, Subject


@final
class SimA(StatisticAttack):
    """−‖ε(√ᾱ_t·x_0, t)‖_p: the denoiser is shown the image without noise.

    Args:
        t: Timestep, or several to choose from.
        p: Order of the norm.
        raw_x0: The official code feeds x_0 itself, not √ᾱ_t·x_0.
        no_root: The official code leaves out the p-th root; the ranking is the same.
    """

    name = "SimA"
    reconstructs = True

    def __init__(self, t: Swept = 100, p: float = 4.0, raw_x0: bool = False, no_root: bool = False) -> None:
        check_arguments(self.name, at_least=0, t=t)
        check_arguments(self.name, at_least=1, p=p)
        self.t, self.p, self.raw_x0, self.no_root = t, p, raw_x0, no_root

    def measure(self, subject: Subject, setting: Setting) -> Steps:
        """The residual is |ε|, its pair is x_0 and the clean image that the answer implies."""
        t = int(setting["t"])
        x = subject.x0 if self.raw_x0 else subject.schedule.signal(t) * subject.x0
        (eps,) = yield [NoisePrediction(x, t, subject.condition)]
        residual = eps.abs()
        norm = vector_norm(residual, self.p, root=not self.no_root)
        return Finding(-norm, residual, (subject.x0, subject.schedule.clean(x, eps, t)))


@final
class SimAMC(StatisticAttack):
    """−‖mean over draws of ε(x_t, t)‖_p: the average is over vectors, then one norm.

    Args:
        t: Timestep, or several to choose from.
        p: Order of the norm.
        draws: Noisy copies per record (n_mc).
        mean_of_norms: Average the norms instead, as the paper writes.
    """

    name = "SimA-MC"

    def __init__(self, t: Swept = 100, p: float = 4.0, draws: int = 10, mean_of_norms: bool = False) -> None:
        check_arguments(self.name, at_least=0, t=t)
        check_arguments(self.name, at_least=1, p=p, draws=draws)
        self.t, self.p, self.draws, self.mean_of_norms = t, p, draws, mean_of_norms

    def measure(self, subject: Subject, setting: Setting) -> Steps:
        """The residual is the absolute mean prediction."""
        t = int(setting["t"])
        answers = yield [NoisePrediction(subject.noised(t, draw), t, subject.condition) for draw in range(self.draws)]
        eps = torch.stack(answers)
        mean = eps.mean(0)
        norm = vector_norm(eps.flatten(0, 1), self.p).view(self.draws, -1).mean(0)
        return Finding(-norm if self.mean_of_norms else -vector_norm(mean, self.p), mean.abs())
