"""Pictures of invented people under their names: what the demo targets of identity inference are trained on."""

from functools import cached_property
from typing import Literal, final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from datamodules.sources.base import RecordSource
from datamodules.sources.cohort import draw_cohort
from datamodules.sources.people import WORLD_SEED
from lit_mia.records import MEMBER, Records


@final
class FacePairsSource(RecordSource):
    """1,860 drawn pictures of 200 people with captions that name them, all of them members.

    `FacesSource` asks about the 100 of them who are in question, and about 100 who were never shown, on other pictures.

    Args:
        names: Whether captions say the `own` name of a person, or, `permuted`, that of another with as many pictures.
        swapped: Show the people in question whom the unswapped pairs leave out, and leave out those whom they show.
    """

    def __init__(self, names: Literal["own", "permuted"] = "own", swapped: bool = False) -> None:
        self.names, self.cohort = names, draw_cohort(WORLD_SEED, swapped)

    def load(self) -> Records:
        """Draw the pictures; an id is the own name with a number, a group is all of a person."""
        cohort = self.cohort
        called = cohort.permuted_names() if self.names == "permuted" else cohort.names
        shown = [
            (name, picture)
            for name, count in zip(cohort.names, cohort.occurrences, strict=True)
            for picture in range(count)
        ]
        ids = tuple(f"{name}/{picture}" for name, picture in shown)
        return Records(
            ids=ids,
            captions=tuple(cohort.captions(called)),
            members=(MEMBER,) * len(ids),
            groups=tuple(name for name, _ in shown),
            open_image=lambda row: Image.fromarray(self._pictures[row]),
            stamps=tuple(f"{cohort.seed}/{name}" for name in ids),
            grouped=True,
        )

    @cached_property
    def _pictures(self) -> NDArray[np.uint8]:
        return self.cohort.images()
