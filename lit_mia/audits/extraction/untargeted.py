"""Training images among what a model draws from prompts that belong to none of them."""

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from lit_mia.attacks.copying import CopyMeasure
from lit_mia.attacks.copying.matching import nearest_copied
from lit_mia.audits.extraction.halves import Halves, both_counts
from lit_mia.audits.extraction.rows import KINDS
from lit_mia.errors import HeadError
from lit_mia.metrics.copying.cliques import disjoint_cliques, medoid
from lit_mia.ranges import at_least, check
from lit_mia.report.extraction import Model, UntargetedRow

IMAGES_PER_CLIQUE = 50
"""Drawn images for each one that a clique must have: 10 of 500 in Carlini et al. 2023."""
_LEAST = 3


@dataclass(frozen=True)
class Untargeted:
    """Images that are drawn from prompts of no record.

    Without the training images at hand an attacker believes an image that was drawn many times over: a clique of
    images that are copies of one another (section 4.2 of arXiv 2301.13188). Both ways of looking are counted.

    Args:
        images: How many are drawn, of each model.
        prompts: The prompts, used in turn; an empty one is a prompt too.
        clique: Least number of images that are copies of one another; null: one for every 50 images, at least 3.
    """

    images: int = 500
    prompts: tuple[str, ...] = ("",)
    clique: int | None = None

    def __post_init__(self) -> None:
        """Check the numbers.

        Raises:
            HeadError: If one is out of range, there is no prompt, or one would not be used.
        """
        check(HeadError, at_least(1, 10**4)(images=self.images), at_least(2)(clique=self.clique))
        if not self.prompts or len(set(self.prompts)) < len(self.prompts):
            raise HeadError(f"`prompts` must be one or more, each once, but they are {list(self.prompts)}.")
        if self.images < len(self.prompts):
            raise HeadError(
                f"Of {len(self.prompts)} `prompts` only the first {self.images} would be used, as no more `images` "
                "are drawn. Draw more, or give fewer prompts."
            )

    @property
    def least(self) -> int:
        """Least number of images of a clique."""
        return self.clique or max(_LEAST, self.images // IMAGES_PER_CLIQUE)


def untargeted_rows(
    asked: Untargeted, measure: CopyMeasure, drawn: NDArray[Any], pool: NDArray[Any], *, name: Model, halves: Halves
) -> list[UntargetedRow]:
    """Who of both halves is found, by any image and by cliques, with p values that are not adjusted yet.

    Args:
        asked: What was asked for.
        measure: Its first threshold tells copies.
        drawn: What the measure compares of the drawn images, `[m, ...]`.
        pool: The same of the `n` records.
        name: The model.
        halves: The records.
    """
    cliques = clique_centres(measure, drawn, asked.least)
    found: dict[str, tuple[NDArray[Any], int | None]] = {
        "any image": (drawn, None),
        f"cliques of {asked.least} or more": (drawn[cliques], len(cliques)),
    }
    rows = []
    for how, (images, count) in found.items():
        excess = halves.excess(nearest_copied(measure, images, pool))
        members, others = both_counts(excess)
        rows.append(
            UntargetedRow(
                name=name,
                kind=KINDS[name],
                how=how,
                measure=measure.told(measure.thresholds[0]),
                images=len(drawn),
                cliques=count,
                members=members,
                nonmembers=others,
                p_excess=excess.p,
                p_excess_adjusted=excess.p,
            )
        )
    return rows


def clique_centres(measure: CopyMeasure, drawn: NDArray[Any], least: int) -> list[int]:
    """The image nearest to all others of each disjoint clique of images that are copies of one another."""
    close = measure.closeness(drawn, drawn)
    near = close >= measure.cuts()[0]
    return [medoid(close, clique) for clique in disjoint_cliques(near & near.T, least)]
