"""DataFrames of pandas and tables of Hugging Face `datasets`."""

from collections.abc import Sequence
from typing import Any

from datamodules.sources.given.cells import Cells
from datamodules.sources.given.columns import ColumnNames, found_columns
from datamodules.sources.given.naming import named
from datamodules.sources.hugging_face import cells_by_name, column_of, undecoded


def of_frame(frame: Any, given: ColumnNames) -> Cells:
    """The cells of a `pandas.DataFrame`; its index does not count.

    Raises:
        RecordError: If it lacks a column, or a cell of images holds something else.
    """
    what = "the DataFrame"
    columns = found_columns(list(frame.columns), given, what)

    def cells(name: str | None) -> Sequence[Any]:
        if name is None:
            return [None] * len(frame)
        column = frame[name]  # pandas has several marks of an empty cell
        return [None if empty else cell for cell, empty in zip(column.tolist(), column.isna(), strict=True)]

    images = cells(columns.image)
    names, stamps = named(images, what)
    return Cells(
        columns=columns,
        image=images.__getitem__,
        names=names,
        stamps=stamps,
        captions=cells(columns.caption),
        members=cells(columns.member),
        ids=cells(columns.id),
        groups=cells(columns.group),
        what=what,
    )


def of_hub_table(table: Any, given: ColumnNames) -> Cells:
    """The cells of a `datasets.Dataset`, whose images stay where they are and are decoded when they are opened.

    Raises:
        RecordError: If it lacks a column, or that of images holds something else.
    """
    what, table = "the Dataset", table.with_format(None)
    columns = found_columns(table.column_names, given, what)
    images = undecoded(table, columns.image, what)
    names, stamps = named((row[columns.image] for row in images), what)
    return Cells(
        columns=columns,
        image=lambda row: images[row][columns.image],
        names=names,
        stamps=stamps,
        captions=cells_by_name(table, columns.caption),
        members=cells_by_name(table, columns.member),
        ids=column_of(table, columns.id),
        groups=column_of(table, columns.group),
        what=what,
    )
