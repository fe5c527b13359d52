"""What measures compare of answers and of records: pixels, or an encoder's embeddings."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datamodules import AuxiliaryDataModule
from datamodules.inputs import Pairs, Tools, generated, generated_embedding, image, image_embedding
from datamodules.prompt_draws import PromptDraws
from lit_mia.attacks.copying import CopyMeasure
from lit_mia.queries.generate import read
from lit_mia.records import Records


@dataclass(frozen=True, eq=False)
class Looks:
    """One model's answers.

    Attributes:
        data: The model and its answers.
        asked: The records from whose captions images were drawn.
        further: Images that were drawn from other prompts, if any.
    """

    data: AuxiliaryDataModule
    asked: Records
    further: Sequence[PromptDraws]

    def drawn(self, measure: CopyMeasure) -> NDArray[Any]:
        """What a measure compares of the images that were drawn from captions, those of a record one after another."""
        pairs = _pairs(self.data, self.asked, measure)
        found = generated(pairs) if measure.encoder is None else generated_embedding(pairs)
        return found.reshape(-1, *found.shape[2:])

    def untargeted(self, measure: CopyMeasure) -> NDArray[Any]:
        """The same of the images that were drawn from other prompts, `[m, ...]`; none if all were refused."""
        (draws,) = self.further
        if not draws.keys:
            return np.empty(0)
        return draws.images() if measure.encoder is None else draws.embeddings(measure.encoder)

    def answer(self, row: int, draw: int) -> NDArray[np.uint8]:
        """One of the images that were drawn from the caption of a record, `[h, w, 3]`.

        Args:
            row: The record among all.
            draw: Number of the image among those of the record.
        """
        table = self.data.view.known.select([row])
        queries = self.data.pairs(table).queries
        image: NDArray[np.uint8] = read(self.data.store, queries, table)[0, draw].permute(1, 2, 0).numpy()
        return image


def pool_of(data: AuxiliaryDataModule, measure: CopyMeasure) -> NDArray[Any]:
    """What a measure compares of the records, `[n, ...]`.

    Args:
        data: The records, whichever model was asked about them.
        measure: The measure.
    """
    pairs = _pairs(data, data.view.known, measure)
    return image(pairs) if measure.encoder is None else image_embedding(pairs)


def _pairs(data: AuxiliaryDataModule, records: Records, measure: CopyMeasure) -> Pairs:
    pairs = data.pairs(records)
    return pairs if measure.encoder is None else replace(pairs, tools=Tools(measure.encoder))
