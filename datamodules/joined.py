"""Several datamodules as one table: heads learn from the records of one, and are judged by those of another."""

from abc import ABC
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from datamodules.auxiliary import AuxiliaryDataModule
from datamodules.judged import JudgedDataModule
from datamodules.pairs import JoinedRows, PairArrays
from datamodules.sources.concat import join_records, prefixed
from datamodules.view import RecordView
from lit_mia.attacks.data import Reader
from lit_mia.attacks.origins import Origin
from lit_mia.files import key_digest
from lit_mia.openings import Openings
from lit_mia.records import Records
from lit_mia.splits import LEARNED, Splits, members_in


class JoinedDataModule(JudgedDataModule, ABC):
    """The records of several datamodules, one after the other; each part keeps its own target, store and lock.

    Args:
        parts: The datamodules.
        learned: The one whose records are learned from, chosen and calibrated on.
        judged: The one whose test split is judged.
        numbered: Whether ids begin with the place of their part, where one record may be in several parts.
    """

    scored_by = frozenset({"head"})

    def __init__(
        self,
        parts: Sequence[AuxiliaryDataModule],
        *,
        learned: AuxiliaryDataModule,
        judged: AuxiliaryDataModule,
        numbered: bool = False,
    ) -> None:
        super().__init__()
        self.parts, self._learned, self._judged, self._numbered = parts, learned, judged, numbered
        self.source, self.target, self.store_path = judged.source, judged.target, judged.store_path
        self.loading, self.prompts = learned.loading, judged.prompts
        self._views: list[RecordView] = []

    @property
    def view(self) -> RecordView:
        """The records of all parts; those that are neither learned from nor judged are in no split."""
        views = [part.view for part in self.parts]
        if [*map(id, views)] != [*map(id, self._views)]:
            self._views, self._view = views, self._joined(views)
        return self._view

    @property
    def table(self) -> Records:
        """The records of all parts."""
        return self.view.known

    @property
    def arrays(self) -> PairArrays | None:
        """What all parts hold, without a copy of it."""
        held = [part.arrays for part in self.parts if part.arrays is not None]
        if len(held) < len(self.parts):
            return None
        names = sorted(set.intersection(*({*arrays.inputs} for arrays in held)))
        return PairArrays(
            np.concatenate([arrays.member for arrays in held]),
            {name: JoinedRows([np.asarray(arrays.inputs[name]) for arrays in held]) for name in names},
        )

    @property
    def train_rows(self) -> list[int]:
        """Those of the part that is learned from."""
        return self._placed(self._learned, self._learned.train_rows)

    def sides(self) -> Mapping[str, AuxiliaryDataModule]:
        """The attacked target and the shadow."""
        return {"target": self._judged, "shadow": self._learned}

    def provides(self) -> frozenset[str]:
        """See `JudgedDataModule`."""
        return self._judged.provides()

    def encoder_fingerprint(self) -> dict[str, Any]:
        """See `JudgedDataModule`."""
        return self._judged.encoder_fingerprint()

    def captioner_fingerprint(self) -> dict[str, Any]:
        """See `JudgedDataModule`."""
        return self._judged.captioner_fingerprint()

    def check_head(self, head: Reader) -> None:
        """Refuse a head that one of the parts cannot serve."""
        for part in self.parts:
            part.check_head(head)

    def hashes(self) -> dict[str, str]:
        """What the splits and the answers of both sides are, as hashes."""
        sides = {"shadow": self._learned, "attacked": self._judged}
        return {f"{side}_{name}": value for side, data in sides.items() for name, value in data.hashes().items()}

    def origin(self, head: Reader) -> Origin:
        """What the part is made of that heads learn from."""
        return self._learned.origin(head)

    def count_opening(self, command: str, config: Mapping[str, Any]) -> Openings:
        """Put down that the judged part's test split is opened."""
        return self._judged.count_opening(command, config)

    def check_openings(self) -> None:
        """See `JudgedDataModule`."""
        self._judged.check_openings()

    def _joined(self, views: Sequence[RecordView]) -> RecordView:
        tables = [view.known for view in views]
        if self._numbered:
            tables = [prefixed(str(number), table) for number, table in enumerate(tables)]
        known = join_records(tables)
        return RecordView(
            everyone=known,
            labelled=known,
            unlabelled=self._judged.view.unlabelled,
            lock=lambda *_: self._splits(known),
            skipped={name: reason for view in views for name, reason in view.skipped.items()},
            duplicates=[same for view in views for same in view.duplicates],
        )

    def _splits(self, known: Records) -> Splits:
        learned, judged = self._learned.view.splits, self._judged.view.splits
        rows = {name: tuple(self._placed(self._learned, learned.rows[name])) for name in LEARNED}
        rows["test"] = tuple(self._placed(self._judged, judged.rows["test"]))
        return Splits(
            rows=rows,
            members=members_in(rows, known),
            seed=judged.seed,
            fractions=judged.fractions,
            n_groups=len({known.groups[row] for of_split in rows.values() for row in of_split}),
            digest=key_digest([learned.digest, judged.digest]),
        )

    def _placed(self, part: AuxiliaryDataModule, rows: Sequence[int]) -> list[int]:
        """Rows of a part as rows of this table."""
        place = next(number for number, one in enumerate(self.parts) if one is part)
        start = sum(len(one.view.known) for one in self.parts[:place])
        return [start + row for row in rows]
