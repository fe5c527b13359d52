"""Columns of tables, each declared once and written alike in terminal, Markdown, page, CSV and W&B."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Generic, Literal, TypeVar, get_args

R = TypeVar("R")
Place = Literal["terminal", "markdown", "page", "csv", "wandb"]
PLACES: frozenset[Place] = frozenset(get_args(Place))
READ: frozenset[Place] = frozenset({"terminal", "markdown", "page"})
"""The places that people read."""
TABLES: frozenset[Place] = frozenset({"csv", "wandb"})
"""The places that programs read."""


@dataclass(frozen=True)
class Cell:
    """A number as it is written.

    Attributes:
        text: The number.
        interval: Its interval, beside it.
        note: What else has to be said of it, below it.
        good: Whether it is marked as what one hopes for.
    """

    text: str = ""
    interval: str = ""
    note: str = ""
    good: bool = False

    @property
    def line(self) -> str:
        """Number and interval in one line."""
        return f"{self.text} {self.interval}".strip()


@dataclass(frozen=True)
class Column(Generic[R]):
    """One column of a table.

    Attributes:
        name: What files call it.
        heading: What people read above it.
        write: How a row's value is written; not at all by default.
        value: The value itself, for files and W&B; None: the column is for readers only.
        shown: Where it stands.
        short: Heading in the terminal, which is narrow.
        brief: How the value is written in the terminal and in Markdown, where less room is; as `write` if not given.
        left: Whether it is set to the left, as words are.
        when: Whether a table of these rows has the column at all.
        parts: The columns that take its place, where their number depends on the rows.
    """

    name: str
    heading: str
    write: Callable[[R], Cell] = lambda _: Cell()
    value: Callable[[R], Any] | None = None
    shown: frozenset[Place] = PLACES
    short: str = ""
    brief: Callable[[R], Cell] | None = None
    left: bool = False
    when: Callable[[Sequence[R]], bool] = bool
    parts: "Callable[[Sequence[R]], list[Column[R]]] | None" = None


@dataclass(frozen=True)
class Line:
    """One row of a table, ready to be written.

    Attributes:
        name: What stands first.
        kind: Name of its kind in `ROW_KINDS`.
        cells: One per column.
        strong: Whether it is what the table is about, and not a control.
    """

    name: str
    kind: str
    cells: tuple[Cell, ...]
    strong: bool


@dataclass(frozen=True)
class Table:
    """A table ready to be written.

    Attributes:
        first: Heading of the names.
        headings: Headings of the columns.
        shorts: The same for the terminal.
        left: Which columns are set to the left.
        blocks: Lines that belong together.
    """

    first: str
    headings: tuple[str, ...]
    shorts: tuple[str, ...]
    left: tuple[bool, ...]
    blocks: tuple[tuple[Line, ...], ...]

    @property
    def measured(self) -> tuple[bool, ...]:
        """Which columns have intervals."""
        lines = [line for block in self.blocks for line in block]
        return tuple(any(line.cells[place].interval for line in lines) for place in range(len(self.headings)))

    @property
    def headline(self) -> int:
        """The column that stays where there is room for one: the first that has intervals, else the first."""
        return next((place for place, has in enumerate(self.measured) if has), 0)


def file_column(name: str, value: Callable[[R], Any] | None = None) -> Column[R]:
    """A column that only files and W&B have.

    Args:
        name: Its name.
        value: A row's value; the attribute of that name if not given.
    """
    return Column(name, name, value=value or attrgetter(name), shown=TABLES)


def shown_columns(columns: Iterable[Column[R]], rows: Sequence[R], place: Place) -> list[Column[R]]:
    """The columns that a table of some rows has in some place."""
    whole = [part for column in columns for part in (column.parts(rows) if column.parts else [column])]
    return [column for column in whole if place in column.shown and column.when(rows)]


def table_of(
    first: str,
    columns: Iterable[Column[R]],
    blocks: Sequence[Sequence[R]],
    place: Place,
    name: Callable[[R], str],
    kind: Callable[[R], str],
    strong: Callable[[R], bool],
) -> Table:
    """A table of rows in blocks.

    Args:
        first: Heading of the names.
        columns: The columns; those that are not for the place are left out.
        blocks: The rows.
        place: Where it will stand.
        name: What a row is called.
        kind: Name of a row's kind.
        strong: Whether a row is what the table is about.
    """
    kept = shown_columns(columns, [row for block in blocks for row in block], place)
    writers = [column.write if place == "page" else column.brief or column.write for column in kept]
    return Table(
        first=first,
        headings=tuple(column.heading for column in kept),
        shorts=tuple(column.short or column.heading for column in kept),
        left=tuple(column.left for column in kept),
        blocks=tuple(
            tuple(Line(name(row), kind(row), tuple(write(row) for write in writers), strong(row)) for row in block)
            for block in blocks
        ),
    )


def values_of(columns: Iterable[Column[R]], rows: Sequence[R], place: Place) -> dict[str, list[Any]]:
    """Column → value of each row, for files and W&B."""
    kept = shown_columns(columns, rows, place)
    return {column.name: [column.value(row) for row in rows] for column in kept if column.value is not None}
