"""Invented people with drawn faces: the people of the shipped demo models for identity inference."""

from functools import lru_cache
from typing import final

from PIL import Image

from datamodules.sources.people import PeopleSource
from lit_mia.records import MEMBER, NON_MEMBER, People
from lit_mia.shadow.cohort import Cohort, draw_cohort

WORLD_SEED = 20220915  # fixed before any training: it made the shipped models


@final
class FacesSource(PeopleSource):
    """200 invented people: 20 were shown 1, 2, 5, 10 or 25 times in training each, 100 never.

    Who was shown was drawn at random. The images at hand were not trained on.

    Args:
        swapped: Ask about the model of swapped membership (`shipped:faces-clip-swapped`): whoever was shown to
            `shipped:faces-clip` was not shown to it, and the other way round.
        images: Images at hand per person.
    """

    def __init__(self, swapped: bool = False, images: int = 30) -> None:
        self.swapped = swapped
        self.image_count = images

    def load(self) -> People:
        """The people in question, in an order that tells nothing about their membership."""
        cohort = self._cohort()
        shown = cohort.occurrences[: cohort.questioned]
        album = lru_cache(maxsize=8)(lambda row: cohort.held_out(row, self.image_count))
        return People(
            names=cohort.names[: cohort.questioned],
            members=tuple(MEMBER if count else NON_MEMBER for count in shown),
            occurrences=shown,
            image_counts=(self.image_count,) * cohort.questioned,
            open_image=lambda row, image: Image.fromarray(album(row)[image]),
        )

    def names_in_pool(self) -> tuple[str, ...]:
        """Names of 100 background people in the training set and 700 names of nobody: with the people 1000."""
        cohort = self._cohort()
        return (*cohort.names[cohort.questioned :], *cohort.unused)

    def _cohort(self) -> Cohort:
        return draw_cohort(WORLD_SEED, self.swapped)
