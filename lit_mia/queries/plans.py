"""What shall be found out: attacks at a setting each, and the records that they are about."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray

from lit_mia.queries.requests import Steps, Subject
from lit_mia.queries.store import Store
from lit_mia.records import Records
from lit_mia.targets.base import Target


@dataclass(frozen=True, eq=False)
class Plan:
    """One attack at one setting.

    Attributes:
        key: Hash of everything that changes its findings.
        begin: Starts it on a batch of records.
    """

    key: str
    begin: Callable[[Subject], Steps]


@dataclass(frozen=True, eq=False)
class Questions:
    """The records that attacks are about.

    Attributes:
        records: The records.
        images: Their images, uint8 `[n, 3, s, s]`.
        seed: Seed of the audit.
    """

    records: Records
    images: NDArray[np.uint8]
    seed: int

    @cached_property
    def keys(self) -> list[str]:
        """What the findings about each record are found by: id, pixels, caption and seed."""
        rows = zip(self.records.ids, self.images, self.records.captions, strict=True)
        return [
            hashlib.sha256(
                json.dumps([name, hashlib.sha256(image.tobytes()).hexdigest(), caption, self.seed]).encode()
            ).hexdigest()
            for name, image, caption in rows
        ]

    def subject(self, target: Target, rows: Sequence[int], kept: Store | None = None) -> Subject:
        """Some of the records, as attacks see them."""
        table, images = self.records.select(rows), torch.from_numpy(self.images[list(rows)])
        return Subject(target, table.ids, images, table.captions, self.seed, kept)
