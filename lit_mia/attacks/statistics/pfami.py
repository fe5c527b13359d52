"""PFAMI: how far the loss rises where the image is cropped."""

from typing import final

import torch
from torch import Tensor

from lit_mia.attacks.statistics.base import Setting, StatisticAttack, check_arguments
from lit_mia.queries.requests import Finding, NoisePrediction, Steps, Subject

WEAKEST, STRONGEST = 0.95, 0.70  # share of the side that a crop of PFAMI keeps


@final
class PFAMI(StatisticAttack):
    """Mean loss of centre crops, resized back, minus the loss of the image; each a mean over timesteps.

    Is the loss of the image below that of its neighbours? Known through the code of SimA, arXiv 2509.25003.

    Args:
        timesteps: Timesteps over which a loss is averaged; [0, 50, …, 450] if not given.
        crops: Neighbours, whose crops keep 0.95 to 0.70 of the side.
        unpaired_noise: The official code draws new noise for every term.
    """

    name = "PFAMI"
    swept = ()

    def __init__(self, timesteps: list[int] | None = None, crops: int = 10, unpaired_noise: bool = False) -> None:
        self.timesteps = list(range(0, 500, 50)) if timesteps is None else timesteps
        check_arguments(self.name, at_least=0, timesteps=self.timesteps)
        check_arguments(self.name, at_least=1, crops=crops)
        self.crops, self.unpaired_noise = crops, unpaired_noise

    def highest_timestep(self, setting: Setting) -> int:
        """The last of the timesteps."""
        return max(self.timesteps)

    def measure(self, subject: Subject, setting: Setting) -> Steps:
        """At most (1 + crops) evaluations per timestep: crops of equal size are one. The residual is |e − ε| of x_0."""
        seeds = subject.seeds("encode", 0)
        shares = torch.linspace(WEAKEST, STRONGEST, self.crops).tolist()
        images = [subject.x0, *(subject.denoiser.encode(crop(subject.images, share), seeds) for share in shares)]
        terms = [(which, t) for which in range(len(images)) for t in self.timesteps]
        draws = [place if self.unpaired_noise else 0 for place in range(len(terms))]
        noise = [subject.noise(draw) for draw in draws]
        answers = yield [
            NoisePrediction(subject.schedule.noised(images[which], e, t), t, subject.condition)
            for (which, t), e in zip(terms, noise, strict=True)
        ]
        errors = torch.stack([e - eps for e, eps in zip(noise, answers, strict=True)])
        losses = errors.square().flatten(2).mean(2).view(len(images), len(self.timesteps), -1).mean(1)
        return Finding(losses[1:].mean(0) - losses[0], errors[: len(self.timesteps)].abs().mean(0))


def crop(images: Tensor, share: float) -> Tensor:
    """The centre of uint8 images `[b, 3, s, s]`, resized back bilinearly; at least two pixels are kept."""
    size = images.shape[-1]
    kept = max(2, round(share * size))
    first = (size - kept) // 2
    centre = images[..., first : first + kept, first : first + kept].float()
    return torch.nn.functional.interpolate(centre, (size, size), mode="bilinear").round().clamp(0, 255).to(torch.uint8)
