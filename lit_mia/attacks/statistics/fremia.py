"""FreMIA (arXiv 2505.20955): any attack that compares two images, with their high frequencies damped first."""

from typing import final

import torch
from torch import Tensor

from lit_mia.attacks.statistics.base import Setting, StatisticAttack, check_arguments, vector_norm
from lit_mia.errors import HeadError
from lit_mia.queries.requests import Finding, Steps, Subject


@final
class FreMIA(StatisticAttack):
    """−‖F(a) − F(b)‖_p for the pair (a, b) that the wrapped attack compares. No evaluations of its own.

    F keeps the frequencies of the centre block [c − r, c + r)² and multiplies the others by s. Loss and SimA compare
    clean images x_0 and x̂_0; PIA compares noise unless its switch `x0_space` is on.

    Args:
        attack: The wrapped attack.
        r: Half side of the block of kept frequencies; from half the side of the maps on nothing is damped (the official
            5 keeps all of 8 × 8 latents).
        s: Factor of the other frequencies.
        p: Order of the norm; the official code has 4 for PIA and 2 for the others.
    """

    def __init__(self, attack: StatisticAttack, r: int = 5, s: float = 0.2, p: float = 2.0) -> None:
        if not attack.reconstructs:
            raise HeadError(f"FreMIA filters the two images that an attack compares, but {attack.name} compares none.")
        check_arguments("FreMIA", at_least=1, r=r, p=p)
        check_arguments("FreMIA", at_least=0, s=s)
        self.attack, self.r, self.s, self.p = attack, r, s, p
        self.name = f"FreMIA {attack.name}"
        self.swept = attack.swept
        self.revision = FreMIA.revision + attack.revision - 1  # grows when either formula changes
        self.level, self.needs_captions = attack.level, attack.needs_captions

    @property
    def parameters(self) -> dict[str, object]:
        """See `StatisticAttack`; those of the wrapped attack among them."""
        return {**self.attack.parameters, "r": self.r, "s": self.s, "norm": self.p}

    @property
    def code_digest(self) -> str | None:
        """That of the wrapped attack."""
        return self.attack.code_digest

    def highest_timestep(self, setting: Setting) -> int:
        """That of the wrapped attack."""
        return self.attack.highest_timestep(setting)

    def measure(self, subject: Subject, setting: Setting) -> Steps:
        """The evaluations of the wrapped attack; the residual is |F(a) − F(b)|."""
        found = yield from self.attack.measure(subject, setting)
        if found.pair is None:
            raise TypeError(f"{self.attack.name} declares `reconstructs`, but its finding holds no pair.")
        a, b = (damp(image, self.r, self.s) for image in found.pair)
        residual = (a - b).abs()
        return Finding(-vector_norm(residual, self.p), residual, (a, b))


def damp(images: Tensor, r: int, s: float) -> Tensor:
    """Multiply all frequencies outside the block [c − r, c + r)² of the shifted spectrum by s; `[b, c, h, w]`."""
    height, width = images.shape[-2:]
    mask = torch.full((height, width), s, dtype=images.dtype, device=images.device)
    rows, columns = (slice(max(0, size // 2 - r), size // 2 + r) for size in (height, width))
    mask[rows, columns] = 1
    spectrum = torch.fft.fftshift(torch.fft.fft2(images), dim=(-2, -1))
    filtered: Tensor = torch.fft.ifft2(torch.fft.ifftshift(spectrum * mask, dim=(-2, -1))).real
    return filtered
