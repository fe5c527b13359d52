"""Scores of single records: the tidy table `scores.parquet`, and the exact curves `roc.csv`."""

import csv
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from lit_mia.errors import ReportError
from lit_mia.metrics.roc import Roc, roc_curve
from lit_mia.records import MEMBER, NON_MEMBER

COMBINED = -1
"""The `seed` of scores that were combined over the seeds of a head."""

_TYPES = {"label": "int8", "seed": "int64", "score": "float64"}


@dataclass(frozen=True, eq=False)
class ScoreTable:
    """One line per record, row of the report and seed.

    Attributes:
        id_hash: SHA-256 of the record's id. Who knows the ids can undo it: it shortens, it does not anonymise.
        label: 1 member, 0 non-member, -1 unknown.
        split: Split of the record.
        row: Name of the row of the report.
        kind: Kind of that row.
        seed: Seed of the head, or -1 for the combined score.
        score: Higher means more likely a member.
    """

    id_hash: NDArray[Any]
    label: NDArray[np.int8]
    split: NDArray[Any]
    row: NDArray[Any]
    kind: NDArray[Any]
    seed: NDArray[np.int64]
    score: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.score)

    @classmethod
    def join(cls, tables: Sequence[Self]) -> Self:
        """The lines of all tables, one after another."""
        return cls(**{f.name: np.concatenate([getattr(t, f.name) for t in tables]) for f in fields(cls)})

    def select(self, mask: NDArray[np.bool_]) -> Self:
        """The lines where `mask` is true."""
        return type(self)(**{f.name: getattr(self, f.name)[mask] for f in fields(self)})


def score_table(
    ids: Sequence[str],
    labels: Sequence[int],
    splits: Sequence[str],
    scores: Sequence[float],
    *,
    row: str,
    kind: str,
    seed: int = COMBINED,
) -> ScoreTable:
    """The table of one score per record.

    Args:
        ids: Ids of the records; only their hashes are kept.
        labels: 1, 0 or -1 for each record.
        splits: Split of each record.
        scores: Score of each record, higher means more likely a member.
        row: Name of the row of the report.
        kind: Kind of that row.
        seed: Seed of the head, or -1 for the combined score.

    Raises:
        ReportError: If the columns differ in length.
    """
    lengths = {"ids": len(ids), "labels": len(labels), "splits": len(splits), "scores": len(scores)}
    if len(set(lengths.values())) != 1:
        raise ReportError(f"The scores of {row} need one id, label, split and score per record, but got {lengths}.")
    n = len(ids)
    return ScoreTable(
        id_hash=np.array([hashlib.sha256(i.encode()).hexdigest() for i in ids], dtype=object),
        label=np.asarray(labels, np.int8),
        split=np.array(splits, dtype=object),
        row=np.array([row] * n, dtype=object),
        kind=np.array([kind] * n, dtype=object),
        seed=np.full(n, seed, np.int64),
        score=np.asarray(scores, np.float64),
    )


def write_scores(table: ScoreTable, path: Path) -> None:
    """Write the table as parquet."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {f.name: pa.array(getattr(table, f.name), type=_TYPES.get(f.name, "string")) for f in fields(table)}
    pq.write_table(pa.table(columns), path)


def read_scores(path: Path) -> ScoreTable:
    """Read a table that `write_scores` wrote.

    Raises:
        ReportError: If the file is missing or is not such a table.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = [f.name for f in fields(ScoreTable)]
    try:
        table = pq.read_table(path, columns=names)
    except FileNotFoundError:
        raise ReportError(f"There are no scores at {path}. Give the output folder of a finished audit.") from None
    except pa.ArrowInvalid as error:
        raise ReportError(f"{path} is not a table of scores ({error}). Run the audit again.") from error
    if table.column_names != names:
        raise ReportError(f"{path} has the columns {table.column_names}, but scores have {names}. Run the audit again.")
    return ScoreTable(**{n: table[n].to_numpy().astype(_TYPES.get(n, "object")) for n in names})


def curves(table: ScoreTable) -> dict[str, Roc]:
    """The exact ROC curve of each row's combined test scores, by name in the order of the table."""
    counted = table.select(
        (table.split == "test") & (table.seed == COMBINED) & np.isin(table.label, (MEMBER, NON_MEMBER))
    )
    return {
        str(name): roc_curve(counted.score[counted.row == name], counted.label[counted.row == name])
        for name in dict.fromkeys(counted.row)
    }


def write_roc(table: ScoreTable, path: Path) -> None:
    """Write the exact curves as CSV: row, kind, fpr, tpr, threshold (`inf` at the first point of each curve)."""
    kinds = dict(zip(table.row, table.kind, strict=True))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["row", "kind", "fpr", "tpr", "threshold"])
        for name, roc in curves(table).items():
            points = zip(roc.fpr.tolist(), roc.tpr.tolist(), roc.thresholds.tolist(), strict=True)
            writer.writerows((name, kinds[name], *point) for point in points)
