"""PIA and PIAN (Kong et al. 2024, arXiv 2305.18355): is the prediction at t the noise that the model sees at 0?"""

import math
from typing import final

from lit_mia.attacks.statistics.base import Setting, StatisticAttack, Swept, check_arguments, vector_norm
from lit_mia.queries.requests import Finding, NoisePrediction, Steps, Subject


@final
class PIA(StatisticAttack):
    """−‖e_0 − ε(√ᾱ_t·x_0 + √(1 − ᾱ_t)·e_0, t)‖_p with e_0 = ε(x_0, 0) (eq. 9). Two evaluations, no randomness.

    Args:
        t: Timestep, or several to choose from.
        p: Order of the norm.
        no_root: The official code leaves out the p-th root; the ranking is the same.
        x0_space: FreMIA's code compares x_0 with the clean image that the second answer implies.
    """

    name = "PIA"
    reconstructs = True

    def __init__(self, t: Swept = 200, p: float = 4.0, no_root: bool = False, x0_space: bool = False) -> None:
        check_arguments(self.name, at_least=0, t=t)
        check_arguments(self.name, at_least=1, p=p)
        self.t, self.p, self.no_root, self.x0_space = t, p, no_root, x0_space

    def measure(self, subject: Subject, setting: Setting) -> Steps:
        """The residual is |e_0 − ε|, its pair is e_0 and ε."""
        t = int(setting["t"])
        (first,) = yield [NoisePrediction(subject.x0, 0, subject.condition)]
        x = subject.schedule.noised(subject.x0, first, t)
        (second,) = yield [NoisePrediction(x, t, subject.condition)]
        pair = (subject.x0, subject.schedule.clean(x, second, t)) if self.x0_space else (first, second)
        residual = (pair[0] - pair[1]).abs()
        norm = vector_norm(residual, self.p, root=not self.no_root)
        return Finding(-norm, residual, pair)


@final
class PIAN(StatisticAttack):
    """As PIA, with e_0 rescaled to a normal draw: e_0 ← e_0 · √(2/π) / mean|e_0| of each record, as of N(0, 1).

    Args:
        t: Timestep, or several to choose from.
        p: Order of the norm.
        paper_factor: Use √(π/2), which the paper's eq. 10 prints; the official code has √(2/π).
    """

    name = "PIAN"
    reconstructs = True

    def __init__(self, t: Swept = 200, p: float = 4.0, paper_factor: bool = False) -> None:
        check_arguments(self.name, at_least=0, t=t)
        check_arguments(self.name, at_least=1, p=p)
        self.t, self.p, self.paper_factor = t, p, paper_factor

    def measure(self, subject: Subject, setting: Setting) -> Steps:
        """The residual is |e_0 − ε|, its pair is e_0 and ε."""
        t = int(setting["t"])
        (first,) = yield [NoisePrediction(subject.x0, 0, subject.condition)]
        mean = first.abs().mean(dim=tuple(range(1, first.ndim)), keepdim=True)
        factor = math.sqrt(math.pi / 2 if self.paper_factor else 2 / math.pi)
        noise = first * (factor / mean.clamp(min=1e-12))
        x = subject.schedule.noised(subject.x0, noise, t)
        (second,) = yield [NoisePrediction(x, t, subject.condition)]
        residual = (noise - second).abs()
        return Finding(-vector_norm(residual, self.p), residual, (noise, second))
