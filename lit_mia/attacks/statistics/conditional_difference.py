"""Wen's prompt statistic: how far a caption moves the noise that is predicted where there is nothing but noise."""

from typing import final

import torch

from lit_mia.attacks.statistics.base import Setting, StatisticAttack, Swept, check_arguments, vector_norm
from lit_mia.errors import HeadError
from lit_mia.queries.requests import Finding, NoisePrediction, Steps, Subject


@final
class ConditionalDifference(StatisticAttack):
    """Mean over n noises e of ‖ε(e, t, caption) − ε(e, t, ∅)‖₂, at the first step of sampling.

    Wen et al. 2024, arXiv 2407.21720, whose statistic is the mean over all steps, and nearly as good at the first. The
    image is not looked at, and the noises are the same for all records and targets: what differs is the caption. So a
    high score says that the prompt makes the target repeat something, not that this record was trained on, and a
    control that reads the caption alone must stand beside it.

    Args:
        t: Timestep, or several to choose from: the last of the schedule, or where a sampler starts.
        n: Noises that are averaged.
    """

    name = "Wen (conditional difference)"
    needs_captions = True

    def __init__(self, t: Swept = 999, n: int = 4) -> None:
        check_arguments(self.name, at_least=0, t=t)
        check_arguments(self.name, at_least=1, n=n)
        self.t, self.n = t, n

    def measure(self, subject: Subject, setting: Setting) -> Steps:
        """2·n evaluations; the residual is the mean of |ε(e, t, caption) − ε(e, t, ∅)|."""
        if not subject.target.needs_captions:
            raise HeadError(
                f"{self.name} compares what a target predicts with the caption and without, but "
                f"{subject.target.name!r} is told none. Set its `prompt: caption`, if it reads captions, or leave "
                f"{self.name} out."
            )
        t, conditions = int(setting["t"]), (subject.caption_condition, subject.empty_condition)
        noise = [subject.common_noise(draw) for draw in range(self.n)]
        answers = yield [NoisePrediction(e, t, condition) for condition in conditions for e in noise]
        told, untold = torch.stack(answers).chunk(2)
        moved = (told - untold).abs()
        norms = vector_norm(moved.flatten(0, 1), 2).view(self.n, -1)
        return Finding(norms.mean(0), moved.mean(0))
