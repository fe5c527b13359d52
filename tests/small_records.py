"""Small records on disk, and a target that costs nothing and notes what it is asked."""

import csv
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from datamodules.sources import CsvSource
from lit_mia.targets.base import GenerateTarget

QUARTERS = (0.25, 0.25, 0.25, 0.25)
ALL = frozenset({"image", "generated", "image_embedding", "generated_embedding", "text_embedding"})
N = 28
LABELS = ["1", "0"] * (N // 2)
SEED = 62  # of the splits: at this one each quarter of the labels holds three records of each class or more
COLUMNS = ("image", "caption", "member", "artist")


def write_records(folder: Path, members: Sequence[str], prefix: str = "r", per_group: int = 1) -> CsvSource:
    """Write one coloured PNG of 20 x 20 per label and the CSV file that lists them.

    Args:
        folder: Where to write; made if it is missing.
        members: The label of each record.
        prefix: Start of all ids.
        per_group: Records in a row that are of one group and one label.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for number, member in enumerate(members):
        name = f"{prefix}{number:02d}"
        pixels = np.random.default_rng(hash_of(name)).integers(0, 256, (5, 5, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize((20, 20), Image.Resampling.NEAREST).save(folder / f"{name}.png")
        rows.append((f"{name}.png", f"picture {name}", member, f"artist {prefix}{number // per_group}"))
    return write_table(folder / f"{prefix}.csv", rows)


def write_table(path: Path, rows: Sequence[Sequence[str]]) -> CsvSource:
    """Write the rows of a CSV file of records."""
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([COLUMNS, *rows])
    return CsvSource(str(path), group_column="artist")


def hash_of(text: str) -> int:
    return int(hashlib.sha256(text.encode()).hexdigest()[:12], 16)


class InkTarget(GenerateTarget):
    """Draws noise from prompt, seed and its ink, and notes every request in a file of its process.

    Args:
        notes: Folder of the notes.
        ink: Another ink is another target.
        breaks_after: Batches after which it breaks down.
    """

    name = "ink"
    nfe_per_image = 3

    def __init__(self, notes: Path, ink: int = 0, breaks_after: int | None = None) -> None:
        notes.mkdir(parents=True, exist_ok=True)
        self.notes, self.ink, self.breaks_after = notes, ink, breaks_after
        self.batch_size = 4

    def fingerprint(self):
        return {"kind": "ink", "weights": self.ink}

    def generate(self, prompts, seeds):
        if self.breaks_after == 0:
            raise RuntimeError("out of ink")
        if self.breaks_after is not None:
            self.breaks_after -= 1
        with (self.notes / f"{os.getpid()}.txt").open("a") as file:
            file.writelines(f"{prompt}\t{seed}\n" for prompt, seed in zip(prompts, seeds, strict=True))
        return torch.stack([self._draw(*pair) for pair in zip(prompts, seeds, strict=True)])

    def asked(self) -> list[tuple[str, int]]:
        """Everything that was asked so far, by any process."""
        lines = [line.split("\t") for file in sorted(self.notes.iterdir()) for line in file.read_text().splitlines()]
        return [(prompt, int(seed)) for prompt, seed in lines]

    def _draw(self, prompt, seed):
        generator = torch.Generator().manual_seed(hash_of(f"{prompt}/{seed}/{self.ink}"))
        return torch.randint(0, 256, (3, 8, 8), dtype=torch.uint8, generator=generator)
