"""PIAN (Kong et al. 2024, arXiv 2305.18355): PIA with the noise at 0 rescaled to that of a normal draw."""

import math
from typing import final

from lit_mia.attacks.statistics.base import Setting, StatisticAttack, Swept, check_arguments, vector_norm
from lit_mia.queries.requests import Finding, NoisePrediction, Steps, Subject


@final
class PIAN(StatisticAttack):
    """As PIA, with e_0 ← e_0 · √(2/π) / mean|e_0| of each record, so that mean|e_0| is that of N(0, 1).

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
