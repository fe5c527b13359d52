"""ReDiffuse through an image-variation API; nothing of the model is seen."""

from typing import final

import torch

from lit_mia.attacks.statistics.base import Setting, StatisticAttack, Swept, check_arguments
from lit_mia.attacks.statistics.round_trip import Distance, compare
from lit_mia.queries.requests import Finding, Steps, Subject, Variation
from lit_mia.targets.base import AccessLevel


@final
class ReDiffuseAPI(StatisticAttack):
    """−D(x, x̂), where x̂ is the mean of n images that the target's variation API returns (uint8, clipped).

    Args:
        n: Variations that are averaged, or several numbers to choose from.
        distance: `l2` or `ssim`.
    """

    name = "ReDiffuse-API"
    level = AccessLevel.VARY
    reconstructs = True
    swept = ("n",)

    def __init__(self, n: Swept = 10, distance: Distance = "l2") -> None:
        check_arguments(self.name, at_least=1, n=n)
        self.n, self.distance = n, distance

    def measure(self, subject: Subject, setting: Setting) -> Steps:
        """N variations; the residual is the map of `compare`, its pair is the two images."""
        variations = yield [Variation(index) for index in range(int(setting["n"]))]
        mean = torch.stack(variations).mean(0)
        closeness, residual = compare(self.distance, subject.pixels, mean)
        return Finding(closeness, residual, (subject.pixels, mean))
