"""A training-free attack."""

from typing import final

from lit_mia.attacks.statistics.base import Setting, StatisticAttack, Swept, check_arguments, vector_norm
from lit_mia.queries.requests import Finding, NoisePrediction, Steps, Subject


@final
class SecondNoise(StatisticAttack):
    """−‖e − ε(x_t, t)‖₂ for the second draw of the noise.

    Args:
        t: Timestep, or several to choose from.
    """

    name = "second noise"

    def __init__(self, t: Swept = 100) -> None:
        check_arguments(self.name, at_least=0, t=t)
        self.t = t

    def measure(self, subject: Subject, setting: Setting) -> Steps:
        """One evaluation."""
        t = int(setting["t"])
        (eps,) = yield [NoisePrediction(subject.noised(t, 1), t, subject.condition)]
        residual = (subject.noise(1) - eps).abs()
        return Finding(-vector_norm(residual, 2.0), residual)
