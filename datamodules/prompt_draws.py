"""What a target draws from prompts that belong to no record, such as the empty one."""

from collections.abc import Iterator, Sequence
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from datamodules.auxiliary import AuxiliaryDataModule
from datamodules.inputs import CHUNK, embed_kept
from lit_mia.batches import slices
from lit_mia.cost import Cost
from lit_mia.features import Encoder
from lit_mia.features.pixels import RESIZING, resize
from lit_mia.files import cached_rows
from lit_mia.queries.generate import GenerateQuery, fill, record_seed


@final
class PromptDraws:
    """Images that the target of a datamodule draws from some prompts, in its store.

    Args:
        data: Target, store, seed of the queries and size of the images.
        prompts: The prompts, used in turn; an empty one is a prompt too.
        images: How many images are drawn.
    """

    def __init__(self, data: AuxiliaryDataModule, prompts: Sequence[str], images: int) -> None:
        self.data = data
        self.queries = [_query(data.query_seed, prompts[i % len(prompts)], i // len(prompts)) for i in range(images)]

    def fill(self) -> Cost:
        """Draw what is missing, and say what was spent."""
        return fill(self.data.store, self.data.target, self.queries)

    @property
    def keys(self) -> list[str]:
        """What the images are found by, without those that the target refused."""
        refused = self.data.store.refused()
        return [query.key for query in self.queries if query.key not in refused]

    def images(self) -> NDArray[np.uint8]:
        """The images, uint8 `[n, 3, s, s]`, at the size at which the datamodule compares."""
        keys, size = self.keys, self.data.image_size

        def chunks() -> Iterator[NDArray[np.uint8]]:
            for part in slices(len(keys), CHUNK):
                yield resize(self.data.store.read(keys[part]), size).numpy()

        return cached_rows(self.data.folder, self._key(keys), len(keys), np.uint8, chunks=chunks)

    def embeddings(self, encoder: Encoder) -> NDArray[np.float32]:
        """What an encoder makes of the images, `[n, d]`."""
        return embed_kept(encoder, self._key(self.keys), self.images(), self.data.folder)

    def _key(self, keys: Sequence[str]) -> dict[str, Any]:
        return {"what": "drawn", "keys": list(keys), "size": self.data.image_size, "resizing": RESIZING}


def _query(seed: int, prompt: str, index: int) -> GenerateQuery:
    name = f"prompt {prompt!r}"
    return GenerateQuery(name, prompt, record_seed(seed, name, index))
