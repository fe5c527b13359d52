"""The autoencoder's round trip: a control of ReDiffuse, because it says nothing about the denoiser."""

from typing import Literal, final

import torch
from torch import Tensor

from lit_mia.attacks.statistics.base import Setting, StatisticAttack
from lit_mia.queries.requests import Finding, Steps, Subject

Distance = Literal["l2", "ssim"]


@final
class RoundTrip(StatisticAttack):
    """−‖x − D(E(x))‖₂: images that the autoencoder keeps well look like members to attacks that compare images."""

    name = "round trip"
    reconstructs = True
    swept = ()

    def measure(self, subject: Subject, setting: Setting) -> Steps:
        """No evaluations; the residual is |x − D(E(x))|."""
        yield from ()
        decoded = subject.denoiser.decode(subject.x0)
        closeness, residual = compare("l2", subject.pixels, decoded)
        return Finding(closeness, residual, (subject.pixels, decoded))


def compare(distance: Distance, x: Tensor, reconstruction: Tensor) -> tuple[Tensor, Tensor]:
    """Closeness of two images, and a map of where they differ.

    Args:
        distance: `l2`: −‖x − x̂‖₂ and |x − x̂|. `ssim`: the structural similarity (Wang et al. 2004; Gaussian window of
            11 pixels, mirrored at the borders) of images in [−1, 1], and one minus its map.
        x: `[b, c, h, w]`.
        reconstruction: The same shape.

    Returns:
        Closeness `[b]`, higher is closer; map `[b, c, h, w]`, non-negative up to rounding.
    """
    if distance == "l2":
        residual = (x - reconstruction).abs()
        return -torch.linalg.vector_norm(residual.flatten(1), dim=1), residual
    from torchmetrics.functional.image import structural_similarity_index_measure

    score, full = structural_similarity_index_measure(
        reconstruction, x, data_range=2.0, reduction="none", return_full_image=True
    )
    return score, (1 - full).clamp(min=0)
