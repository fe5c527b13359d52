"""A trained head that reads something new, and its control of a new kind."""

from typing import ClassVar, final

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from datamodules.inputs import PAIR_INPUTS, Input, Pairs, generated
from lit_mia.attacks.semantic import SemanticAttack
from lit_mia.pair_batch import PairBatch
from lit_mia.row_kinds import ROW_KINDS, RowKind


def generated_spread(pairs: Pairs) -> NDArray[np.float32]:
    """Mean and deviation of each channel of the generated images, float32 `[n, k, 6]`."""
    images = generated(pairs).astype(np.float32) / 255
    return np.concatenate([images.mean(axis=(-1, -2)), images.std(axis=(-1, -2))], axis=-1)


def caption_length(pairs: Pairs) -> NDArray[np.float32]:
    """Characters of the caption, float32 `[n, 1]`."""
    return np.array([[len(str(caption))] for caption in pairs.records.captions], dtype=np.float32)


PAIR_INPUTS.add(Input("generated_spread", generated_spread))
PAIR_INPUTS.add(Input("caption_length", caption_length))
ROW_KINDS.add(RowKind("length", "sees the length of the caption alone", "#5d4a9a", "#b3a3e6", "X", (0, (3, 1))))


@final
class CaptionLength(SemanticAttack):
    """Control: the length of the caption."""

    name = "caption length"
    level = None
    inputs = frozenset({"caption_length"})

    def features(self, batch: PairBatch) -> Tensor:
        """`[b, 1, 1]`."""
        return batch["caption_length"].unsqueeze(1)


@final
class ImageSpread(SemanticAttack):
    """Brightness and contrast of the generated images."""

    name = "spread"
    inputs = frozenset({"generated_spread"})
    controls: ClassVar = {"length": CaptionLength}

    def features(self, batch: PairBatch) -> Tensor:
        """`[b, k, 6]`."""
        return batch["generated_spread"]
