"""Records from tables: CSV files, and what Hugging Face `datasets` reads, such as image folders, Parquet or the hub."""

import hashlib
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, Literal, NamedTuple, final

from PIL import Image

from datamodules.sources.base import RecordSource, check_columns, csv_lines, file_stamp, open_rgb, parse_member
from lit_mia.errors import RecordError
from lit_mia.records import UNKNOWN, Records

_WEBDATASET_KEY = "__key__"
_NO_IMAGE = "The row has no image."
_ROWS_AT_ONCE = 64


class _Columns(NamedTuple):
    """Names of the columns that hold something; None: no column does."""

    image: str
    caption: str | None
    member: str | None
    id: str | None
    group: str | None


def _with_defaults(
    ids: tuple[str, ...],
    captions: Sequence[Any],
    members: tuple[int, ...],
    groups: Sequence[Any],
    open_image: Callable[[int], Image.Image],
    stamps: tuple[str, ...],
    grouped: bool,
) -> Records:
    """A table of records in which an empty caption is none, and an empty group is the id."""
    return Records(
        ids=ids,
        captions=tuple(None if text in (None, "") else str(text) for text in captions),
        members=members,
        groups=tuple(name if cell in (None, "") else str(cell) for cell, name in zip(groups, ids, strict=True)),
        open_image=open_image,
        stamps=stamps,
        grouped=grouped,
    )


@final
class CsvSource(RecordSource):
    """One row per image: a path, and optionally caption, membership, id and group.

    Args:
        path: The CSV file, UTF-8, with a header line.
        image_column: Column of image paths, relative to the folder of the CSV file.
        caption_column: Column of captions, empty where there is none; null if the file has no captions.
        member_column: Column of labels: 1, 0, or empty or `unknown`; null makes every record unknown.
        id_column: Column of unique, stable names; null takes the path as it stands in the file.
        group_column: Column of groups that are never split apart; an empty cell, or null, takes the id.
    """

    def __init__(
        self,
        path: str,
        image_column: str = "image",
        caption_column: str | None = "caption",
        member_column: str | None = "member",
        id_column: str | None = None,
        group_column: str | None = None,
    ) -> None:
        self.path = path
        self.columns = _Columns(
            image=image_column, caption=caption_column, member=member_column, id=id_column, group=group_column
        )

    def load(self) -> Records:
        """Read the table.

        Raises:
            RecordError: If the file is missing, is not CSV, lacks a column, or a line has an empty path or id, too
                few or too many cells, or a label that is not 1, 0 or unknown.
        """
        lines = list(csv_lines(self.path, self.columns))
        for line, cells in lines:
            if None in cells or None in cells.values():
                raise RecordError(
                    f"Line {line} of {self.path} must have {len(cells.keys() - {None})} cells, like the header. "
                    "Put cells that hold a comma between double quotes."
                )
        folder = Path(self.path).expanduser().parent
        files = [folder / self._filled(cells, self.columns.image, line) for line, cells in lines]
        column = {name: [cells[name].strip() if name else "" for _, cells in lines] for name in self.columns}
        members = zip(column[self.columns.member], lines, strict=True)
        return _with_defaults(
            ids=tuple(self._filled(cells, self.columns.id or self.columns.image, line) for line, cells in lines),
            captions=column[self.columns.caption],
            members=tuple(parse_member(cell, f"line {line} of {self.path}") for cell, (line, _) in members),
            groups=column[self.columns.group],
            open_image=lambda row: open_rgb(files[row]),
            stamps=tuple(map(file_stamp, files)),
            grouped=self.columns.group is not None,
        )

    def _filled(self, cells: dict[str | None, str], column: str, line: int) -> str:
        value = cells[column].strip()
        if not value:
            raise RecordError(f"Line {line} of {self.path} has an empty `{column}`. Fill it in or delete the line.")
        return value


@final
class HuggingFaceSource(RecordSource):
    """A table with an image column, loaded by `datasets.load_dataset` or from a folder made by `save_to_disk`.

    No code of a data set is run. An image that cannot be decoded fails alone, when it is opened.

    Args:
        path: `imagefolder`, `parquet`, `webdataset`, another builder, a hub id, a local data set folder, or a folder
            made by `save_to_disk`.
        name: Configuration of the data set, if it has several.
        split: Which split, in the syntax of `datasets`: `train`, `train[:1000]`, `train+test`. For a folder made by
            `save_to_disk` a plain name; not used if that folder holds a single table.
        data_files: Files or patterns to read.
        data_dir: Folder to read.
        image_column: Column of images; in a WebDataset the file ending, e.g. `png`.
        caption_column: Column of captions; null if there are none.
        member_column: Column of labels: 1, 0, or empty or `unknown`; null if there is none.
        id_column: Column of unique, stable names. Null takes the path of each file below `data_dir` (image
            folders), the key (WebDataset), or else the row number, which changes if rows are inserted.
        group_column: Column of groups that are never split apart; an empty cell, or null, takes the id.
        member: Label of the whole source: 1 or 0. Null takes `member_column`.
        revision: Commit, tag or branch of a hub data set.
    """

    def __init__(
        self,
        path: str,
        name: str | None = None,
        split: str = "train",
        data_files: str | list[str] | None = None,
        data_dir: str | None = None,
        image_column: str = "image",
        caption_column: str | None = None,
        member_column: str | None = None,
        id_column: str | None = None,
        group_column: str | None = None,
        member: Literal[1, 0] | None = None,
        revision: str | None = None,
    ) -> None:
        self.path, self.name, self.revision = path, name, revision
        self.split, self.data_files, self.data_dir = split, data_files, data_dir
        self.columns = _Columns(
            image=image_column, caption=caption_column, member=member_column, id=id_column, group=group_column
        )
        self.member = member

    def load(self) -> Records:
        """Read the table.

        Raises:
            RecordError: If the data set or a column is not found, the image column holds no images, a label is not
                1, 0 or unknown, or both `member` and `member_column` are given.
        """
        if self.member is not None and self.columns.member is not None:
            raise RecordError("Give `member` for the whole source or `member_column` for each record, but not both.")
        table = self._table()
        check_columns(self.path, self.columns, table.column_names)
        images = self._undecoded(table)
        return _with_defaults(
            ids=self._ids(table, images),
            captions=_column(table, self.columns.caption),
            members=self._members(table),
            groups=_column(table, self.columns.group),
            open_image=lambda row: _open(images[row][self.columns.image]),
            stamps=tuple(
                _stamp(cell.as_py())
                for batch in images.with_format("arrow").iter(_ROWS_AT_ONCE)  # the images are never all in memory
                for cell in batch[self.columns.image]
            ),
            grouped=self.columns.group is not None,
        )

    def _table(self) -> Any:
        """Load the table, without decoding anything."""
        import datasets

        try:
            if (Path(self.path) / "state.json").is_file():
                return datasets.load_from_disk(self.path)
            if (Path(self.path) / "dataset_dict.json").is_file():
                tables = datasets.load_from_disk(self.path)
                if self.split not in tables:
                    raise RecordError(f"{self.path} has no split {self.split!r}; it has {sorted(tables)}.")
                return tables[self.split]
            return datasets.load_dataset(
                self.path,
                self.name,
                split=self.split,
                data_files=self.data_files,
                data_dir=self.data_dir,
                revision=self.revision,
            )
        except (datasets.exceptions.DatasetsError, OSError, ValueError) as error:
            raise RecordError(
                f"The data set {self.path!r} (name {self.name!r}, split {self.split!r}, data_dir {self.data_dir!r}, "
                f"data_files {self.data_files!r}) cannot be loaded: {error}"
            ) from error

    def _undecoded(self, table: Any) -> Any:
        """The image column alone, as paths and bytes."""
        import datasets

        try:
            return table.select_columns(self.columns.image).cast_column(
                self.columns.image, datasets.Image(decode=False)
            )
        except (TypeError, ValueError, NotImplementedError) as error:
            raise RecordError(
                f"Column {self.columns.image!r} of {self.path} must hold images, but holds "
                f"{table.features[self.columns.image]}. The columns are {table.column_names}."
            ) from error

    def _ids(self, table: Any, images: Any) -> tuple[str, ...]:
        column = self.columns.id or (_WEBDATASET_KEY if _WEBDATASET_KEY in table.column_names else None)
        if column is not None:
            return tuple(str(cell) for cell in table[column])
        read = self.data_files if isinstance(self.data_files, str) else self.data_dir or self.path
        # Row numbers stand behind the name of what was read, so that two sources can be joined.
        numbers = (f"{Path(read).name}/{self.split}/{row}" for row in range(len(table)))
        return self._relative_files(images) or tuple(numbers)

    def _relative_files(self, images: Any) -> tuple[str, ...]:
        """Path of each image below the local folder, or nothing if the images are not files there."""
        import pyarrow.compute

        cells = images.with_format("arrow")[:][self.columns.image]  # no copy: the bytes stay on disk
        folder = Path(self.data_dir or self.path).resolve()
        paths = pyarrow.compute.struct_field(cells, "path").to_pylist()
        files = [Path(path).resolve() for path in paths if path and Path(path).is_absolute()]
        if len(files) != len(paths) or not all(file.is_relative_to(folder) for file in files):
            return ()
        return tuple(file.relative_to(folder).as_posix() for file in files)

    def _members(self, table: Any) -> tuple[int, ...]:
        if self.columns.member is None:
            return (UNKNOWN if self.member is None else self.member,) * len(table)
        import datasets

        cells = _column(table, self.columns.member)
        feature = table.features[self.columns.member]
        if isinstance(feature, datasets.ClassLabel):  # folder names, numbered in alphabetical order
            names = dict(enumerate(feature.names))
            cells = [names.get(cell) for cell in cells]
        return tuple(parse_member(cell, f"row {row} of {self.path}") for row, cell in enumerate(cells))


def _column(table: Any, name: str | None) -> Sequence[Any]:
    """The cells of a column; all None if there is no such column."""
    return [None] * len(table) if name is None else list(table[name])


def _open(cell: dict[str, Any] | None) -> Image.Image:
    """Decode one undecoded image cell."""
    if cell is None or (cell["bytes"] is None and cell["path"] is None):
        raise OSError(_NO_IMAGE)
    return open_rgb(Path(cell["path"]) if cell["bytes"] is None else BytesIO(cell["bytes"]))


def _stamp(cell: dict[str, Any] | None) -> str:
    """The hash of the encoded image in an undecoded cell, or of which file it names."""
    if cell is None or (cell["bytes"] is None and cell["path"] is None):
        return _NO_IMAGE
    return file_stamp(Path(cell["path"])) if cell["bytes"] is None else hashlib.sha256(cell["bytes"]).hexdigest()
