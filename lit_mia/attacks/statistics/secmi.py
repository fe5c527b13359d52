"""SecMI (Duan et al. 2023, arXiv 2302.01316): the error of one step up and one step down a deterministic path."""

from typing import final

from torch import Tensor

from lit_mia.attacks.statistics.base import Setting, StatisticAttack, Swept, check_arguments, check_interval
from lit_mia.queries.requests import Finding, NoisePrediction, Steps, Subject


@final
class SecMI(StatisticAttack):
    """−‖ψ(φ(x̃_t)) − x̃_t‖², the t-error of eq. 9, where x̃_t is the DDIM inversion of x_0.

    With `--protocol resnet` on its residual this is SecMI-NNs, with `threshold` SecMI-stat.

    Args:
        t: Timestep t_SEC, or several to choose from.
        k: Step of the inversion, of φ (t → t + k) and of ψ (t + k → t). Where t is no multiple of k the last step of
            the inversion is shorter.
        off_by_one: The official code stops the inversion one step early, at t − k.
        one_big_step: The variant in the code of PIA and ReDiffuse: x̃ is x_0 and φ, ψ go from 0 to t and back.
    """

    name = "SecMI"
    reconstructs = True

    def __init__(self, t: Swept = 100, k: int = 10, off_by_one: bool = False, one_big_step: bool = False) -> None:
        check_arguments(self.name, at_least=1, t=t, k=k)
        check_interval(self.name, k, t)
        self.t, self.k, self.off_by_one, self.one_big_step = t, k, off_by_one, one_big_step

    def highest_timestep(self, setting: Setting) -> int:
        """Where φ ends."""
        return int(setting["t"]) if self.one_big_step else self._end(int(setting["t"])) + self.k

    def measure(self, subject: Subject, setting: Setting) -> Steps:
        """⌈t/k⌉ evaluations of the inversion and two of φ and ψ; the residual is |ψ(φ(x̃)) − x̃|."""
        t, step = int(setting["t"]), subject.schedule.step
        start, end = (0, t) if self.one_big_step else (self._end(t), self._end(t) + self.k)
        x: Tensor = subject.x0
        here = 0
        while here < start:
            (eps,) = yield [NoisePrediction(x, here, subject.condition)]
            there = min(here + self.k, start)
            x, here = step(x, eps, here, there), there
        (eps,) = yield [NoisePrediction(x, start, subject.condition)]
        up = step(x, eps, start, end)
        (eps,) = yield [NoisePrediction(up, end, subject.condition)]
        back = step(up, eps, end, start)
        residual = (back - x).abs()
        return Finding(-residual.square().flatten(1).sum(1), residual, (x, back))

    def _end(self, t: int) -> int:
        return (t - 1) // self.k * self.k if self.off_by_one else t
