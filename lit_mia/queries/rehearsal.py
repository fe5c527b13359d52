"""Counts what a sweep would ask, without asking: attacks run on one blank record against random noise."""

from collections.abc import Sequence
from typing import final

import torch
from torch import Tensor

from lit_mia.models.condition import Condition
from lit_mia.models.digest import Fingerprint
from lit_mia.models.schedule import Schedule
from lit_mia.queries.denoise import AskedTarget, PassResult, Subject, run_pass
from lit_mia.queries.sweep import Plan
from lit_mia.targets.base import DenoiseTarget, GenerateTarget


def rehearse(target: AskedTarget, plans: Sequence[Plan], caption: str | None, image_size: int) -> PassResult:
    """One pass about one record whose denoiser answers are random noise.

    Args:
        target: The target; its network is not called, but its files are read.
        plans: The attacks.
        caption: A caption that the target accepts.
        image_size: Side of the images in pixels.
    """
    stand_in = _Rehearsal(target, image_size)
    blank = torch.full((1, 3, image_size, image_size), 127, dtype=torch.uint8)
    subject = Subject(stand_in, ("rehearsal",), blank, (caption,))
    return run_pass(subject, [plan.begin(subject) for plan in plans])


@final
class _Rehearsal(DenoiseTarget, GenerateTarget):
    """A target of the same shapes and schedule that answers with noise."""

    nfe_per_image = 0

    def __init__(self, target: AskedTarget, image_size: int) -> None:
        self._target, self._image_size = target, image_size
        self.name, self.batch_size, self.nfe = target.name, target.batch_size, 0

    @property
    def _denoiser(self) -> DenoiseTarget:
        if not isinstance(self._target, DenoiseTarget):
            raise TypeError(f"{type(self._target).__name__} has no denoiser; `Target.require` refuses it earlier.")
        return self._target

    def fingerprint(self) -> Fingerprint:
        return self._target.fingerprint()

    @property
    def image_size(self) -> int:
        return self._image_size

    @property
    def schedule(self) -> Schedule:
        return self._denoiser.schedule

    @property
    def is_latent(self) -> bool:
        return self._denoiser.is_latent

    @property
    def needs_captions(self) -> bool:
        return self._denoiser.needs_captions

    @property
    def evaluations_per_call(self) -> int:
        return self._denoiser.evaluations_per_call

    @property
    def evaluations_per_variation(self) -> int:
        return self._denoiser.evaluations_per_variation

    def check_variation(self) -> None:
        self._denoiser.check_variation()

    def encode(self, images: Tensor, seeds: Sequence[int], sample: bool = False) -> Tensor:
        if not isinstance(self._target, DenoiseTarget):
            return images.float() / 127.5 - 1
        return self._denoiser.encode(images, seeds, sample)

    def decode(self, x: Tensor) -> Tensor:
        return self._denoiser.decode(x)

    def condition(self, captions: Sequence[str | None]) -> Condition:
        return self._denoiser.condition(captions)

    def reduced_condition(self, captions: Sequence[str], share: float) -> Condition:
        return self._denoiser.reduced_condition(captions, share)

    def predict_noise(self, x: Tensor, t: Tensor, condition: Condition) -> Tensor:
        return torch.randn_like(x)

    def vary(self, images: Tensor, captions: Sequence[str | None], seeds: Sequence[int]) -> Tensor:
        return images

    def generate(self, prompts: Sequence[str], seeds: Sequence[int]) -> Tensor:
        return torch.zeros(len(prompts), 3, self._image_size, self._image_size, dtype=torch.uint8)
