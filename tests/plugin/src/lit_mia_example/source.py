"""A source of records."""

from typing import final

import numpy as np
from PIL import Image

from datamodules.sources.base import RecordSource
from lit_mia.records import Records


@final
class Stripes(RecordSource):
    """Images of stripes, every other one a member.

    Args:
        n: How many.
        size: Side in pixels.
    """

    def __init__(self, n: int = 120, size: int = 16) -> None:
        self.n, self.size = n, size

    def load(self) -> Records:
        """The records, each a group of its own."""
        names = tuple(f"stripes-{number:03d}" for number in range(self.n))
        return Records(
            ids=names,
            captions=tuple(f"stripes number {number} of {self.n}" for number in range(self.n)),
            members=tuple(number % 2 for number in range(self.n)),
            groups=names,
            open_image=self._draw,
            stamps=tuple(f"stripes/{self.size}/{number}" for number in range(self.n)),
        )

    def _draw(self, row: int) -> Image.Image:
        generator = np.random.default_rng(row)
        lines = generator.integers(0, 256, (self.size, 1, 3), dtype=np.uint8)
        return Image.fromarray(lines.repeat(self.size, axis=1))
