"""Scores of single records: what the numbers of rows are computed from, and the files of an audit that hold them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import ArrayLike, NDArray

from lit_mia.batches import slices
from lit_mia.errors import ReportError
from lit_mia.metrics.evidence import Comparison
from lit_mia.metrics.resampling import group_numbers
from lit_mia.metrics.roc import Roc, roc_curve
from lit_mia.metrics.verdict import Verdict
from lit_mia.records import MEMBER, NON_MEMBER, Records, id_hash
from lit_mia.report.tables import write_curves
from lit_mia.splits import Splits

COMBINED = -1
"""The `seed` of scores that were combined over the seeds of a head."""

_LINES = 2**20
"""Lines that are written at once."""
_DICTIONARY = 2**24
"""Bytes of different names that a part of a file holds once each; of more, every line has its own."""
_LATER = "group"
"""The column that files of earlier versions lack."""
_TYPES = {"label": "int8", "seed": "int64", "score": "float64"}
Scores = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class RowScores:
    """Raw scores of one row of the report, for all records of known membership.

    Attributes:
        name: `II-S` for an attack, `II-S blind` for one of its controls.
        kind: Name of its kind in `ROW_KINDS`.
        attack: Name of the attack it belongs to; of an attack, its own name.
        scores: `[seeds, n]`.
        protocol: How records were scored.
        setting: Timestep and the like, chosen on train and val; of a control, the learner that val chose if it is not
            the network; None where there is none.
        evaluations: Denoiser evaluations per record that the attack makes alone; None where not counted.
        captioned: Of an attack, whether the target, or the attack, was given the records' captions.
        tools: Of an attack, whether it reads what the attacker's encoder or captioner says.
        unequal: Of an attack, what it has seen more than its controls, as a sentence; None if they have seen the same.
        reads_base: Of an attack, whether it reads what the base says of the records.
        access: Of an attack, what it has to be able to ask of the target (`generate`, `vary`, `denoise`); None of what
            asks nothing.
    """

    name: str
    kind: str
    attack: str
    scores: Scores
    protocol: str
    setting: str | None = None
    evaluations: int | None = None
    captioned: bool = False
    tools: bool = False
    unequal: str | None = None
    reads_base: bool = False
    access: str | None = None


@dataclass(frozen=True, eq=False)
class Part:
    """One split: its rows, labels, and groups as numbers, which sort faster than names."""

    rows: NDArray[np.int64]
    labels: NDArray[np.int64]
    groups: NDArray[np.int64]

    @classmethod
    def of(cls, records: Records, splits: Splits, name: str) -> "Part":
        """A split by its name."""
        rows = np.array(splits.rows[name], dtype=np.int64)
        groups = group_numbers([records.groups[row] for row in rows], len(rows))
        return cls(rows, np.array(records.members)[rows], groups)


@dataclass(frozen=True, eq=False)
class RowEvidence:
    """Everything that a column may compute the value of a row from.

    Attributes:
        row: The raw scores.
        combined: One score per record, `[n]`, of this row and all others by name: the mean over seeds, z-scored on
            calibration.
        calibration: The calibration split, which sets thresholds.
        test: The test split, which is measured.
        against: Name of control → comparison on test; empty for a control.
        p_own: Of an attack, one-sided p of its AUC being at most 0.5; None for a control.
        verdict: The verdict.
    """

    row: RowScores
    combined: Mapping[str, Scores]
    calibration: Part
    test: Part
    against: Mapping[str, Comparison]
    p_own: float | None
    verdict: Verdict

    def on(self, part: Part) -> Scores:
        """The combined scores of this row on a split."""
        return self.combined[self.row.name][part.rows]


# ---------------------------------------------------------------------- files


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
        group: SHA-256 of the name of the record's group; empty in files of versions that did not keep it.
    """

    id_hash: NDArray[Any]
    label: NDArray[np.int8]
    split: NDArray[Any]
    row: NDArray[Any]
    kind: NDArray[Any]
    seed: NDArray[np.int64]
    score: NDArray[np.float64]
    group: NDArray[Any]

    def __len__(self) -> int:
        return len(self.score)

    @classmethod
    def join(cls, tables: Sequence[Self]) -> Self:
        """The lines of all tables, one after another."""
        return cls(**{f.name: np.concatenate([getattr(t, f.name) for t in tables]) for f in fields(cls)})

    def select(self, mask: NDArray[np.bool_] | slice) -> Self:
        """The lines where `mask` is true, or those of a slice."""
        return type(self)(**{f.name: getattr(self, f.name)[mask] for f in fields(self)})


@dataclass(frozen=True, eq=False)
class Listed:
    """Records as tables of scores list them; all their tables hold the same hashes.

    Attributes:
        id_hash: As of `ScoreTable`, like the others.
        label: 1, 0 or -1 for each record.
        split: Split of each record.
        group: As of `ScoreTable`.
    """

    id_hash: NDArray[Any]
    label: NDArray[np.int8]
    split: NDArray[Any]
    group: NDArray[Any]

    @classmethod
    def of(
        cls, ids: Sequence[str], labels: Sequence[int], splits: Sequence[str], groups: Sequence[str] | None = None
    ) -> Self:
        """Records by their ids and groups, of which only the hashes are kept.

        Args:
            ids: Their ids.
            labels: 1, 0 or -1 for each.
            splits: The split of each.
            groups: Name of each record's group; None if every record is its own group.

        Raises:
            ReportError: If the columns differ in length.
        """
        named = ids if groups is None else groups
        _check_lengths("Records", ids=len(ids), labels=len(labels), splits=len(splits), groups=len(named))
        hashes, of_groups = (np.array([id_hash(name) for name in names], dtype=object) for names in (ids, named))
        return cls(hashes, np.asarray(labels, np.int8), np.array(splits, dtype=object), of_groups)

    def scored(self, scores: ArrayLike, *, row: str, kind: str, seed: int = COMBINED) -> ScoreTable:
        """The table of one score per record.

        Args:
            scores: Score of each record, higher means more likely a member, `[n]`.
            row: Name of the row of the report.
            kind: Kind of that row.
            seed: Seed of the head, or -1 for the combined score.

        Raises:
            ReportError: If there is not one score per record.
        """
        values, n = np.asarray(scores, np.float64), len(self.label)
        _check_lengths(f"Scores of {row}", records=n, scores=len(values))
        names, kinds = (np.broadcast_to(np.array(name, dtype=object), n) for name in (row, kind))
        seeds = np.broadcast_to(np.int64(seed), n)
        told = {"id_hash": self.id_hash, "label": self.label, "split": self.split, "group": self.group}
        return ScoreTable(**told, row=names, kind=kinds, seed=seeds, score=values)


def write_scores(table: ScoreTable, path: Path) -> None:
    """Write the table as parquet, part by part, as names take far more memory there than here."""
    schema = pa.schema([(f.name, _TYPES.get(f.name, "string")) for f in fields(table)])
    with pq.ParquetWriter(path, schema, dictionary_pagesize_limit=_DICTIONARY) as writer:
        for part in map(table.select, slices(len(table), _LINES)):
            writer.write_table(pa.table([getattr(part, name) for name in schema.names], schema=schema))
            pa.default_memory_pool().release_unused()  # as much as was used


def read_scores(path: Path) -> ScoreTable:
    """Read a table that `write_scores` wrote; equal names are held once.

    Raises:
        ReportError: If the file is missing or is not such a table.
    """
    names = [f.name for f in fields(ScoreTable)]
    try:
        with pq.ParquetFile(path, pre_buffer=False) as file:  # else all of it is in memory
            found = [name for name in file.schema_arrow.names if name in names]
            if found not in (names, [name for name in names if name != _LATER]):
                raise ReportError(f"{path} has the columns {found}, but scores have {names}. Run the audit again.")
            rows = file.metadata.num_rows
            columns = {name: np.empty(rows, _TYPES.get(name, "object")) for name in found}
            columns.setdefault(_LATER, np.full(rows, "", "object"))
            once: dict[str, str] = {}
            start = 0
            for batch in file.iter_batches(columns=found):
                for name in found:
                    columns[name][start : start + len(batch)] = _values(batch[name], once)
                start += len(batch)
        pa.default_memory_pool().release_unused()
    except FileNotFoundError:
        raise ReportError(f"There are no scores at {path}. Give the output folder of a finished audit.") from None
    except pa.ArrowInvalid as error:
        raise ReportError(f"{path} is not a table of scores ({error}). Run the audit again.") from error
    return ScoreTable(**columns)


def _values(column: pa.Array, once: dict[str, str]) -> NDArray[Any]:
    """Numbers, or texts of which equal ones are one object."""
    if not pa.types.is_string(column.type):
        return np.asarray(column)
    coded = column.dictionary_encode()
    texts = [once.setdefault(text, text) for text in coded.dictionary.to_pylist()]
    found: NDArray[Any] = np.array(texts, dtype=object)[np.asarray(coded.indices)]
    return found


def curves(table: ScoreTable) -> dict[str, Roc]:
    """The exact ROC curve of each row's combined test scores, by name in the order of the table."""
    known = (table.label == MEMBER) | (table.label == NON_MEMBER)
    counted = (table.split == "test") & (table.seed == COMBINED) & known
    rows, scores, labels = (column[counted] for column in (table.row, table.score, table.label))
    names = {name: place for place, name in enumerate(dict.fromkeys(rows))}
    places = np.fromiter((names[name] for name in rows), np.int64, len(rows))
    return {str(name): roc_curve(scores[places == of], labels[places == of]) for name, of in names.items()}


def write_roc(table: ScoreTable, path: Path) -> None:
    """Write the exact curves as CSV: row, kind, fpr, tpr, threshold (`inf` at the first point of each curve)."""
    kinds = dict(zip(table.row, table.kind, strict=True))
    write_curves(("row", "kind"), [((name, kinds[name]), roc) for name, roc in curves(table).items()], path)


def _check_lengths(what: str, **lengths: int) -> None:
    if len(set(lengths.values())) > 1:
        raise ReportError(f"{what} need columns of one length, but got {lengths}.")
