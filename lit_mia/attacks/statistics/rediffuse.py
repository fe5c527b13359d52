"""ReDiffuse (Li et al. 2025, arXiv 2405.20771): does the mean of several variations come back to the image?"""

from typing import Literal, final

import torch
from torch import Tensor

from lit_mia.attacks.statistics.base import Setting, StatisticAttack, Swept, check_arguments, check_interval
from lit_mia.attacks.statistics.round_trip import Distance, compare
from lit_mia.errors import HeadError
from lit_mia.queries.requests import Finding, NoisePrediction, Steps, Subject


@final
class ReDiffuse(StatisticAttack):
    """−D(x, x̂), where x̂ is the mean of n variations: noise to t, then DDIM back to 0 in steps of k (algorithm 1).

    The variations are computed here from the denoiser, so that other attacks share their evaluations; `ReDiffuseAPI`
    asks the target's own variation API instead.

    Args:
        t: Diffusion time, or several to choose from.
        k: Sampling interval, or several. Where t is no multiple of k the last step is shorter.
        n: Variations that are averaged, or several numbers.
        space: `denoiser`: compare where the denoiser works, pixels or latents. `pixel`: compare images; for a latent
            target each variation is decoded and compared with the query image.
        distance: `l2`, or `ssim` (the paper's choice for Stable Diffusion; `space` must be `pixel`).
        two_samples: The form for DiT: each variation starts from a draw of the autoencoder's posterior, and the last
            draw is what the mean is compared with. Without effect on pixel targets.
        ssim_vs_decoded: The official code compares with the autoencoder's round trip of the image, not the image.
        negative_index_wrap: In the official code the last step wraps round to ᾱ_{T+t−mk} where t is no multiple of k.
    """

    reconstructs = True
    swept = ("t", "k", "n")

    def __init__(
        self,
        t: Swept = 200,
        k: Swept = 100,
        n: Swept = 10,
        space: Literal["denoiser", "pixel"] = "denoiser",
        distance: Distance = "l2",
        two_samples: bool = False,
        ssim_vs_decoded: bool = False,
        negative_index_wrap: bool = False,
    ) -> None:
        check_arguments("ReDiffuse", at_least=1, t=t, k=k, n=n)
        check_interval("ReDiffuse", k, t)
        if distance == "ssim" and space != "pixel":
            raise HeadError("`distance: ssim` of ReDiffuse compares images; set `space: pixel`.")
        self.name = "ReDiffuse" + (" pixel" if space == "pixel" else "") + (" SSIM" if distance == "ssim" else "")
        self.t, self.k, self.n, self.space, self.distance = t, k, n, space, distance
        self.two_samples, self.ssim_vs_decoded = two_samples, ssim_vs_decoded
        self.negative_index_wrap = negative_index_wrap

    def measure(self, subject: Subject, setting: Setting) -> Steps:
        """n·⌈t/k⌉ evaluations; the residual is the map of `compare`, its pair is the two images."""
        here, k, n = int(setting["t"]), int(setting["k"]), int(setting["n"])
        schedule = subject.schedule
        starts = [subject.drawn(i) if self.two_samples else subject.x0 for i in range(n)]
        path = [schedule.noised(start, subject.noise(i), here) for i, start in enumerate(starts)]
        while here > 0:
            there = here - k
            if there < 0:
                there = len(schedule) + there if self.negative_index_wrap else 0
            answers = yield [NoisePrediction(x, here, subject.condition) for x in path]
            path = [schedule.step(x, eps, here, there) for x, eps in zip(path, answers, strict=True)]
            here = max(here - k, 0)
        x, mean = self._compared(subject, starts[-1], path)
        closeness, residual = compare(self.distance, x, mean)
        return Finding(closeness, residual, (x, mean))

    def _compared(self, subject: Subject, start: Tensor, variations: list[Tensor]) -> tuple[Tensor, Tensor]:
        """The image and the mean of its variations, not clipped."""
        if self.space == "denoiser":
            return start, torch.stack(variations).mean(0)
        decode = subject.denoiser.decode
        image = decode(start) if self.ssim_vs_decoded else subject.pixels
        return image, torch.stack([decode(x) for x in variations]).mean(0)
