"""Which widths the networks of diffusion targets can have."""

from collections.abc import Sequence

from lit_mia.errors import TrainingError
from lit_mia.ranges import SIDE

NORM_GROUPS = 16
"""Groups of channels that are normalised together."""


def check_channels(channels: Sequence[int], last: int = NORM_GROUPS) -> None:
    """Refuse widths that cannot be divided into groups or attention heads.

    Args:
        channels: Width of each resolution.
        last: What the last one must be a multiple of.

    Raises:
        TrainingError: If there is none, or one is out of range or no such multiple.
    """
    if SIDE(channels=channels) or any(width % NORM_GROUPS for width in channels) or channels[-1] % last:
        of_last = f", the last one of {last}" if last != NORM_GROUPS else ""
        raise TrainingError(
            f"`channels` must be multiples of {NORM_GROUPS}{of_last}, one for each resolution, but got {[*channels]}."
        )
