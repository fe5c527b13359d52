"""The tables of an extraction audit."""

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import TypeVar

from lit_mia.report.columns import READ, Cell, Column, Place, Table, file_column, table_of
from lit_mia.report.extraction.schema import CanaryTier, CopyRow, Counted, Eidetic, RecordLine, UntargetedRow
from lit_mia.report.words import NOTHING, bare_p, bounds, number, percent, percent_interval

R = TypeVar("R", CopyRow, UntargetedRow)
N = TypeVar("N", CanaryTier, Eidetic)
_LISTED: frozenset[Place] = frozenset({"page", "markdown"})


def _half(half: Counted) -> Cell:
    return Cell(f"{half.k} of {half.n}", percent_interval(half.ci))


def _own(row: CopyRow) -> Cell:
    """`83.7 % / 2.25 %, < 0.001`: of both halves, and the p of the excess."""
    if not row.is_first or row.own_nearest is None:
        return Cell(NOTHING if row.is_first else "")
    return Cell(" / ".join(map(percent, row.own_nearest)), note=f"p {bare_p(row.p_own_nearest_adjusted)}")


def _run(row: CopyRow) -> Cell:
    """How many are above all that were held out, and the p of it."""
    return Cell(f"{row.top_run}, {bare_p(row.p_top_run_adjusted)}" if row.is_first else "")


COLUMNS: tuple[Column[CopyRow], ...] = (
    Column("measure", "Copy if", lambda row: Cell(row.measure), lambda row: row.measure, left=True),
    file_column("threshold"),
    Column("members", "Training images [95 % CI]", lambda row: _half(row.members), short="Training", shown=READ),
    Column("nonmembers", "Held out [95 % CI]", lambda row: _half(row.nonmembers), short="Held out", shown=READ),
    *(
        file_column(f"{side}_{name}", lambda row, side=side, name=name: getattr(getattr(row, side), name))  # type: ignore[misc]
        for side in ("members", "nonmembers")
        for name in ("k", "n", "rate", "lo", "hi")
    ),
    Column(
        "p_excess_adjusted",
        "p of the excess",
        lambda row: Cell(bare_p(row.p_excess_adjusted), good=False),
        lambda row: row.p_excess_adjusted,
        short="p excess",
    ),
    file_column("p_excess"),
    Column("top_run", "Above all held out, p", _run, lambda row: row.top_run, short="Above, p"),
    file_column("p_top_run"),
    file_column("p_top_run_adjusted"),
    Column("own_nearest", "Own is nearest, training / held out", _own, shown=_LISTED),
    *(
        file_column(f"own_nearest_{name}", lambda row, side=side: row.own_nearest and row.own_nearest[side])  # type: ignore[misc]
        for side, name in enumerate(("members", "nonmembers"))
    ),
    file_column("p_own_nearest"),
    file_column("p_own_nearest_adjusted"),
    Column(
        "auc",
        "AUC of closeness [95 % CI]",
        lambda row: Cell(number(row.auc), bounds(row.auc_ci)) if row.is_first else Cell(),
        lambda row: row.auc,
        shown=frozenset({"page", "markdown", "csv", "wandb"}),
    ),
)

UNTARGETED_COLUMNS: tuple[Column[UntargetedRow], ...] = (
    Column("how", "Seen by", lambda row: Cell(row.how), left=True),
    Column("images", "Images", lambda row: Cell(str(row.images))),
    Column("cliques", "Cliques", lambda row: Cell(NOTHING if row.cliques is None else str(row.cliques))),
    Column("members", "Training images [95 % CI]", lambda row: _half(row.members)),
    Column("nonmembers", "Held out [95 % CI]", lambda row: _half(row.nonmembers)),
    Column("p", "p of the excess", lambda row: Cell(bare_p(row.p_excess_adjusted))),
)

TIER_COLUMNS: tuple[Column[CanaryTier], ...] = (
    Column("members", "Put in [95 % CI]", lambda tier: _half(tier.members)),
    Column("nonmembers", "Kept out [95 % CI]", lambda tier: _half(tier.nonmembers)),
)
EIDETIC_COLUMNS: tuple[Column[Eidetic], ...] = (
    Column("images", "Reproduced training images", lambda of: Cell(str(of.images))),
)

RECORD_COLUMNS: tuple[Column[RecordLine], ...] = tuple(
    map(file_column, ("row", "measure", "id_hash", "member", "value", "own_nearest", "reproduced"))
)


def copy_table(rows: Sequence[CopyRow], place: Place) -> Table:
    """Target, target less base, and base, side by side for each measure and threshold."""
    return _by_model(COLUMNS, [list(block) for _, block in groupby(rows, lambda row: row.measure)], place)


def untargeted_table(rows: Sequence[UntargetedRow]) -> Table:
    """The same of what was drawn from other prompts, model by model."""
    blocks = [list(block) for _, block in groupby(rows, lambda row: row.name)]
    return _by_model(UNTARGETED_COLUMNS, blocks, "page")


def tier_table(tiers: Sequence[CanaryTier]) -> Table:
    """Canaries by their copies."""
    return _by_number("Copies", TIER_COLUMNS, tiers, lambda tier: tier.copies)


def eidetic_table(counts: Sequence[Eidetic]) -> Table:
    """Reproductions by the number of training images that they are copies of."""
    return _by_number("Training images within the threshold", EIDETIC_COLUMNS, counts, lambda of: of.seen)


def _by_model(columns: Sequence[Column[R]], blocks: Sequence[Sequence[R]], place: Place) -> Table:
    """Rows of models, of which the target's are what the table is about."""
    return table_of(
        "Model",
        columns,
        blocks,
        place,
        name=lambda row: row.name,
        kind=lambda row: row.kind,
        strong=lambda row: row.name == "target",
    )


def _by_number(first: str, columns: Sequence[Column[N]], rows: Sequence[N], number: Callable[[N], int]) -> Table:
    """Rows of the target by a number."""
    return table_of(
        first,
        columns,
        [rows],
        "page",
        name=lambda row: str(number(row)),
        kind=lambda _: "target",
        strong=lambda _: True,
    )
