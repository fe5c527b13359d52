"""Pairs in memory, with or without a membership signal in what the target answered."""

from typing import Literal

import numpy as np
from PIL import Image

from datamodules.pairs import Loading, PairArrays, PairDataset
from lit_mia.attacks.data import HeadDataModule
from lit_mia.errors import HeadError
from lit_mia.openings import Openings
from lit_mia.records import Records

Signal = Literal["quality", "reconstruction", "faithfulness"]
SIZES = {"train": 200, "val": 60, "calibration": 60, "test": 300}
D, SIDE = 8, 16


class PlantedPairs(HeadDataModule):
    """Half of the records are members.

    Args:
        signal: What betrays a member: its generated images look different (`quality`), are close to the query
            (`reconstruction`) or close to the caption (`faithfulness`); None: nothing does.
        k: Generated images per record.
    """

    def __init__(self, signal: Signal | None = None, k: int = 1, seed: int = 0, batch_size: int = 50) -> None:
        super().__init__()
        rng, n = np.random.default_rng(seed), sum(SIZES.values())
        member = rng.permutation(np.arange(n) % 2)
        edges = np.cumsum([0, *SIZES.values()])
        self.rows = {name: range(*edges[i : i + 2]) for i, name in enumerate(SIZES)}
        self.arrays = PairArrays(member, _images(rng, member, k, signal) | _embeddings(rng, member, k, signal))
        self.loading = Loading(batch_size)
        ids = tuple(f"r{row:03d}" for row in range(n))
        black = Image.new("RGB", (SIDE, SIDE))
        self._table = Records(ids, ids, tuple(member.tolist()), ids, lambda row: black, stamps=("black",) * n)

    @property
    def table(self):
        return self._table

    def check_head(self, head):
        if not self.arrays.hold(head.inputs):
            raise HeadError(f"{head.name} reads what no planted pair holds.")

    def hashes(self):
        return {}

    def count_opening(self, command, config):
        return Openings(1, 1, {command: 1})

    def example(self):
        return self.arrays.batch([0])

    def train_batches(self):
        return PairDataset(self.arrays, self.rows["train"]).batches(self.loading.batch_size)

    def batches(self):
        return PairDataset(self.arrays, range(len(self.table))).batches(self.loading.batch_size)

    def train_dataloader(self):
        return PairDataset(self.arrays, self.rows["train"]).loader(self.loading, shuffle=True)

    def val_dataloader(self):
        return [PairDataset(self.arrays, self.rows[split]).loader(self.loading) for split in ("val", "calibration")]

    def test_dataloader(self):
        return PairDataset(self.arrays, self.rows["test"]).loader(self.loading)

    def predict_dataloader(self):
        return PairDataset(self.arrays, self.rows["test"][::-1]).loader(self.loading)


def _embeddings(rng, member, k, signal):
    n = len(member)
    image, text = rng.normal(size=(2, n, D))
    generated = rng.normal(size=(n, k, D))
    if signal == "quality":
        generated[member == 1] += 1.0
    if signal in ("reconstruction", "faithfulness"):
        source = image if signal == "reconstruction" else text
        generated[member == 1] = (source[:, None] + 0.3 * generated)[member == 1]
    parts = {"image_embedding": image, "text_embedding": text, "generated_embedding": generated}
    return {name: array.astype(np.float32) for name, array in parts.items()}


def _images(rng, member, k, signal):
    n = len(member)
    image, generated = _blocks(rng, (n,)), _blocks(rng, (n, k))
    if signal == "quality":
        generated[member == 1] += 60
    if signal == "reconstruction":
        generated[member == 1] = image[member == 1, None]
    noisy = generated + rng.normal(0, 15, generated.shape)
    return {"image": image.clip(0, 255).astype(np.uint8), "generated": noisy.clip(0, 255).astype(np.uint8)}


def _blocks(rng, shape):
    """Images of 4 x 4 coloured blocks, each image of its own brightness."""
    colours = rng.normal(110, 25, (*shape, 1, 1, 1)) + rng.normal(0, 40, (*shape, 3, 4, 4))
    return colours.repeat(SIDE // 4, axis=-1).repeat(SIDE // 4, axis=-2)
