"""Lists and PyTorch data sets: images alone, with a caption and a label, or objects with named parts."""

from collections.abc import Mapping, Sequence
from itertools import chain
from threading import Lock
from typing import Any, NamedTuple, TypeGuard

import numpy as np
from torch import Tensor
from torch.utils.data import Dataset

from datamodules.sources.given.cells import Cells
from datamodules.sources.given.columns import ColumnNames, found_columns
from datamodules.sources.given.naming import changed, name_of, named, place_in, stamp_of, without_na
from datamodules.sources.rows import Columns
from lit_mia.errors import RecordError

_PARTS = ("image", "caption", "member")
"""What stands in a tuple, in this order."""
_READ_TWICE = 8
"""Items at the beginning that are read twice at once; all others are compared when they are needed."""


class Item(NamedTuple):
    """An element of a list or a data set."""

    image: Any
    caption: Any = None
    member: Any = None
    id: Any = None
    group: Any = None


def of_list(elements: Sequence[Any], given: ColumnNames, what: str = "the list") -> Cells:
    """The cells of a list of images, tuples or objects.

    Raises:
        RecordError: If an element is none of these, or holds no image.
    """
    objects = list(filter(_is_object, elements))
    if objects and len(objects) < len(elements):
        raise RecordError(f"All items of {what} must be objects with named parts, or none, but {len(objects)} are.")
    columns = _columns(list(dict.fromkeys(chain.from_iterable(objects))), given, what)
    items = [_item(element, columns, place_in(what, row)) for row, element in enumerate(elements)]
    names, stamps = named((item.image for item in items), what)
    return _cells(items, columns, what, image=lambda row: items[row].image, names=names, stamps=stamps)


def of_dataset(dataset: Dataset[Any], given: ColumnNames) -> Cells:
    """The cells of a PyTorch data set that has a length; it is read once, and its images again when they are needed.

    Raises:
        RecordError: If it has no length, an item cannot be read or is no image with its caption, or the first items are
            others when they are read again.
    """
    what, reading = "the Dataset", Lock()
    length = _length(dataset)
    first = _read(dataset, 0, what) if length else None
    columns = _columns(list(first) if _is_object(first) else [], given, what)

    def item_at(row: int) -> Item:
        with reading:  # few data sets can be read by several threads
            return _item(_read(dataset, row, what), columns, place_in(what, row))

    items, names, stamps = list[Item](), list[str](), list[str]()
    for row in range(length):
        item = item_at(row)
        stamps.append(stamp_of(item.image, place_in(what, row)))
        names.append(name_of(item.image, stamps[-1], row))
        items.append(item._replace(image=None))
    for row in range(min(length, _READ_TWICE)):
        again = item_at(row)
        same = repr(again._replace(image=None)) == repr(items[row])
        if not same or stamp_of(again.image, place_in(what, row)) != stamps[row]:
            raise RecordError(changed(what, row))
    return _cells(items, columns, what, image=lambda row: item_at(row).image, names=names, stamps=stamps)


def _is_object(element: Any) -> TypeGuard[Mapping[str, Any]]:
    """Whether it has named parts; what `datasets` makes of an image has too, but is one."""
    return isinstance(element, Mapping) and "bytes" not in element


def _columns(keys: Sequence[str], given: ColumnNames, what: str) -> Columns:
    return found_columns(keys or _PARTS, given, what)


def _length(dataset: Dataset[Any]) -> int:
    try:
        return len(dataset)  # type: ignore[arg-type]
    except Exception as error:  # whatever the code of somebody else raises
        raise RecordError(
            f"{type(dataset).__name__} has no length ({error}), so its items cannot be read again by their numbers. "
            "Make a list of them."
        ) from error


def _read(dataset: Dataset[Any], row: int, what: str) -> Any:
    try:
        return dataset[row]
    except Exception as error:  # whatever the code of somebody else raises
        raise RecordError(
            f"There is no reading {place_in(what, row)}: {type(dataset).__name__} raised {type(error).__name__}: "
            f"{error}."
        ) from error


def _item(element: Any, columns: Columns, where: str) -> Item:
    if _is_object(element):
        return Item(*(None if name is None else without_na(element.get(name)) for name in columns))
    if not isinstance(element, tuple | list):
        return Item(without_na(element))
    if not 1 <= len(element) <= len(_PARTS):
        raise RecordError(
            f"An item must be an image, (image, caption), (image, caption, label), or an object with such parts, but "
            f"{where} has {len(element)} parts."
        )
    image, caption, member = (*map(without_na, element), None, None)[: len(_PARTS)]
    if columns.caption is not None and _is_number(caption):
        raise RecordError(
            f"A number is no caption, but {where} is an image and {caption}. Give the texts as `captions`; for images "
            "without captions give `columns={'caption': None}`."
        )
    return Item(image, caption if columns.caption else None, member if columns.member else None)


def _is_number(cell: Any) -> bool:
    """Whether it is one, or an array of them; a NaN, which is not itself, is an empty cell."""
    return isinstance(cell, Tensor | np.ndarray) or (isinstance(cell, int | float | np.number) and cell == cell)


def _cells(items: Sequence[Item], columns: Columns, what: str, **rest: Any) -> Cells:
    return Cells(
        columns=columns,
        captions=[item.caption for item in items],
        members=[item.member for item in items],
        ids=[item.id for item in items],
        groups=[item.group for item in items],
        what=what,
        **rest,
    )
