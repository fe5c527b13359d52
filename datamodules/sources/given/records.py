"""Any of the forms in which people have images under question, as a source of records."""

import sys
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from torch import Tensor
from torch.utils.data import Dataset, IterableDataset

from datamodules.sources.base import RecordSource
from datamodules.sources.given.cells import Cells, plain
from datamodules.sources.given.columns import ColumnNames
from datamodules.sources.given.files import source_at
from datamodules.sources.given.items import of_dataset, of_list
from datamodules.sources.given.naming import without_na
from datamodules.sources.given.tables import of_frame, of_hub_table
from datamodules.sources.in_memory import kept
from datamodules.sources.labels import parse_member
from datamodules.sources.sides import SidesSource
from lit_mia.errors import RecordError
from lit_mia.records import MEMBER, NON_MEMBER


def records_from(
    data: Any,
    *,
    member: Literal[1, 0] | Sequence[Any] | None = None,
    captions: Sequence[str | None] | None = None,
    columns: ColumnNames | None = None,
) -> RecordSource:
    """A source of records, made of what a notebook or a script has.

    A path becomes the source that reads it (FolderSource, CsvSource, HuggingFaceSource). All else becomes a
    MemorySource, whose name in configs is made of what it holds: the same content again is the same source, and nothing
    is asked twice. Every image is read once for that, and not copied; one that is changed afterwards is refused when it
    is opened.

    Files are called by their names as given, other images by the beginning of the hash of their content, unless there
    is a column of ids. Equal images are one group where the data states none. An image that cannot be decoded fails
    alone, when it is opened.

    Args:
        data: A folder of images, with captions in `1.txt` beside `1.png` or in `metadata.jsonl` if there are any, and
            with labels if all are in two folders `member` and `nonmember`; a CSV or Parquet file; a pandas
            DataFrame; a `datasets.Dataset`, whose format and transform do not count; a list, or a PyTorch Dataset that
            has a length and no random transforms, of images, (image, caption), (image, caption, label) or objects with
            named parts; an array of images; or a source, which is given back. An image is a path, the bytes of a file,
            a Pillow image, an array (uint8 or floats in [0, 1], height × width × 3 or height × width), or a tensor (the
            same, 3 × height × width).
        member: Label of all records, 1 or 0; or one of each, written as in a table: 1 or member, 0 or nonmember, None
            if unknown. None takes the labels of the data; without any, membership is unknown.
        captions: A caption of each record, in place of those of the data.
        columns: What is called otherwise than image, caption (or text, prompt), member, id and group, e.g. `{"image":
            "photo", "caption": None}`; None leaves out what there is.

    Raises:
        RecordError: If the data is none of these or empty, a column is missing, a cell does not hold what it should, a
            label is none, ids are not unique, one image is a member and a non-member, or an item is another one when it
            is read again.

    Examples:
        >>> import numpy as np
        >>> pictures = [np.full((8, 8, 3), grey, np.uint8) for grey in (0, 99, 200)]
        >>> source = records_from(pictures, captions=["black", "grey", "light"], member=[1, 0, None])
        >>> source.load().members
        (1, 0, -1)
    """
    given = columns or {}
    if not isinstance(given, Mapping):
        raise RecordError(f"`columns` must be an object such as {{'image': 'photo'}}, but is {columns!r}.")
    if isinstance(data, RecordSource):
        if member is not None or captions is not None or given:
            raise RecordError(
                f"{type(data).__name__} is a source of records and has its own captions and labels. Give it alone."
            )
        return data
    if isinstance(data, str | Path):
        if captions is not None or _is_list(member):
            raise RecordError(
                f"A caption or label of each record goes with records in memory, but {str(data)!r} is a path. Put them "
                "into a CSV file with the paths of the images, or into a DataFrame."
            )
        return source_at(str(data), given, _label(member))
    cells = _cells(data, given if captions is None else {**given, "caption": None})
    if captions is not None:
        cells = replace(cells, captions=_one_each(captions, "captions", cells, data))
    if member is None:
        return kept(cells.records())
    labels = _one_each(member, "member", cells, data) if _is_list(member) else [_label(member)] * len(cells.names)
    return kept(cells.records(labels))


def sides_from(members: Any, non_members: Any) -> SidesSource:
    """One source of records known to be members and of records known not to be.

    Args:
        members: What the target was trained on: whatever `records_from` takes.
        non_members: What it was not trained on: the same, or another form.

    Raises:
        RecordError: See `records_from`; what only both together show is said when the source is loaded.
    """
    return SidesSource(records_from(members), records_from(non_members))


def _cells(data: Any, given: ColumnNames) -> Cells:
    if _is(data, "pandas", "DataFrame"):
        return of_frame(data, given)
    if _is(data, "datasets", "Dataset"):
        return of_hub_table(data, given)
    if _is(data, "pandas", "Series"):
        return of_list(data.tolist(), given, "the Series")
    if isinstance(data, np.ndarray | Tensor) and data.ndim == 4:
        return of_list(list(data), given, "the array")
    if isinstance(data, list | tuple):
        return of_list(data, given)
    if isinstance(data, Dataset) and not isinstance(data, IterableDataset):
        return of_dataset(data, given)
    raise RecordError(_refusal(data))


def _index_of(data: Any) -> Any:
    """The index of what is of pandas; None of all else."""
    return data.index if _is(data, "pandas", "DataFrame") or _is(data, "pandas", "Series") else None


def _is(data: Any, package: str, name: str) -> bool:
    """Whether it is of a class of a package; nothing is of one that was not imported."""
    return isinstance(data, getattr(sys.modules.get(package), name, ()))


def _refusal(data: Any) -> str:
    if isinstance(data, Mapping) and all(_is(part, "datasets", "Dataset") for part in data.values()):
        return f"A DatasetDict has several splits. Give one of them: {', '.join(map(str, data))}."
    kind = type(data)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    name += f" of {'×'.join(map(str, data.shape))}" if isinstance(data, np.ndarray | Tensor) else ""
    return (
        "Records are made of a folder, a CSV or Parquet file, a pandas DataFrame, a list, an array of images, a "
        f"`datasets.Dataset` or a PyTorch Dataset, but this is a {name}. Of a generator, a loader or a stream make a "
        "list; of one image `[image]`."
    )


def _is_list(member: Any) -> bool:
    """Whether there is one of each record; an array or a tensor without axes is one for all."""
    one = isinstance(member, str | int | float | np.generic) or getattr(member, "ndim", None) == 0
    return member is not None and not one


def _label(member: Any) -> Literal[1, 0] | None:
    if member is None:
        return None
    label = parse_member(plain(member), "`member`")
    if label == MEMBER:
        return 1
    if label == NON_MEMBER:
        return 0
    raise RecordError(f"`member` must be 1 or 0 for all records, or left out, but is {member!r}.")


def _one_each(given: Any, name: str, cells: Cells, data: Any) -> list[Any]:
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise RecordError(
            f"`{name}` must be one of each record, but is {given!r}. If that is a column, name it in `columns`, e.g. "
            f"`{{'caption': {given!r}}}`."
        )
    if isinstance(given, Mapping | Set):
        raise RecordError(
            f"`{name}` must be one of each record, in their order, but a {type(given).__name__} has another order, or "
            "none. Make a list of it in the order of the records."
        )
    each = list(map(without_na, given))
    if len(each) != len(cells.names):
        raise RecordError(
            f"`{name}` must be one of each record, in their order, but {len(each)} are given of {len(cells.names)} "
            f"records of {cells.what}."
        )
    own, index = _index_of(given), _index_of(data)
    if own is not None and index is not None and not own.equals(index):
        raise RecordError(
            f"`{name}` has another index than {cells.what}, so its values may belong to other rows. Make a column of "
            f"it; or give `{name}.tolist()` if both are in one order."
        )
    return each
