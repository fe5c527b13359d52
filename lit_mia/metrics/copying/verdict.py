"""What follows from how many training and held-out images are reproduced: the verdict of an extraction audit."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from lit_mia.metrics.copying.top_run import first_are_members
from lit_mia.metrics.evidence import BY_COIN, COIN_LEVEL, LEVEL, Design
from lit_mia.metrics.holm import holm

ExtractionKind = Literal[
    "design violated",
    "training images reproduced",
    "closer than chance, no copies",
    "suggestive (no coin)",
    "confounded",
    "not evidence (post hoc design)",
    "not detected under this protocol",
]


@dataclass(frozen=True)
class CopyTests:
    """One-sided p values of "members are reproduced no more than those held out", by name.

    Attributes:
        counted: Of Fisher's exact tests: the numbers of images that are copies by a threshold.
        free: Of tests without a threshold: top runs, and how often a record is the nearest to what its caption gives.
        base: All of the base, which saw neither half.
    """

    counted: Mapping[str, float]
    free: Mapping[str, float]
    base: Mapping[str, float]

    @property
    def adjusted(self) -> dict[str, float]:
        """Those of the target, adjusted for all of them (Holm)."""
        return holm({**self.counted, **self.free})

    @property
    def base_adjusted(self) -> dict[str, float]:
        """Those of the base, adjusted among themselves (Holm)."""
        return holm(self.base) if self.base else {}


def decide_extraction(tests: CopyTests, design: Design) -> ExtractionKind:
    """The verdict: an excess of the training half over the half that a coin held out.

    A base that reproduces more of the training half contradicts a coin, and without one may be the reason for all that
    the target does. One that reproduces less of it hides a finding, and makes none.

    Args:
        tests: What was tested.
        design: How the halves came about.
    """
    adjusted, by_coin = tests.adjusted, design in BY_COIN
    found = {name for name, p in adjusted.items() if p <= LEVEL}
    base_differs = min(tests.base_adjusted.values(), default=1.0) <= (COIN_LEVEL if by_coin else LEVEL)
    if by_coin and base_differs:
        return "design violated"
    if not found:
        return "not detected under this protocol"
    if design == "post_hoc":
        return "not evidence (post hoc design)"
    if base_differs:
        return "confounded"
    if not by_coin:
        return "suggestive (no coin)"
    return "training images reproduced" if found & tests.counted.keys() else "closer than chance, no copies"


def fewest_found(n1: int, n0: int, tests: int) -> int | None:
    """The fewest reproduced training units that a Fisher test finds if none of those held out is, at `LEVEL`.

    Args:
        n1: Units of the training half.
        n0: Held-out units.
        tests: How many tests it shares the level with (Bonferroni's is Holm's first step).

    Returns:
        The number; None if not even all of them would be found.
    """
    enough = np.flatnonzero(first_are_members(n1, n0) * tests <= LEVEL)  # Fisher's p of k beside none
    return int(enough[0]) if len(enough) else None
