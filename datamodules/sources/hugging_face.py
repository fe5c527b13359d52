"""Records from what Hugging Face `datasets` reads, such as image folders, Parquet or the hub."""

import hashlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import Any, Literal, final

from PIL import Image

from datamodules.sources.base import RecordSource
from datamodules.sources.captions import CaptionChoice
from datamodules.sources.decoding import open_listed, open_rgb
from datamodules.sources.labels import check_labelled_once, parse_member
from datamodules.sources.places import NO_IMAGE, file_stamp, image_files, is_there, listed_place, refuse_urls, with_home
from datamodules.sources.rows import Columns, Rows, check_columns, is_empty
from lit_mia.errors import RecordError
from lit_mia.records import UNKNOWN, Encoded, Records

_WEBDATASET_KEY = "__key__"
_UNPICKLING = frozenset({"pandas"})
_ROWS_AT_ONCE = 64

logger = logging.getLogger(__name__)


@final
class HuggingFaceSource(RecordSource):
    """A table with an image column, loaded by `datasets.load_dataset` or from a folder made by `save_to_disk`.

    No code of a data set is run, and no image is downloaded that a table names by a URL. An image that cannot be
    decoded fails alone, when it is opened. Several rows of one image, as where it has several captions, are one group.

    Args:
        path: `imagefolder`, `parquet`, `webdataset`, another builder, a hub id, a local data set folder, or a folder
            made by `save_to_disk`.
        name: Configuration of the data set, if it has several.
        split: Which split, in the syntax of `datasets`: `train`, `train[:1000]`, `train+test`. For a folder made by
            `save_to_disk` a plain name; not used if that folder holds a single table.
        data_files: Files or patterns to read.
        data_dir: Folder to read.
        image_column: Column of images, or of their paths, relative to the folder of `data_files`; in a WebDataset the
            file ending that all images have, e.g. `png`.
        caption_column: Column of captions; null if there are none. Classes are captions by their names. A part of an
            object is named like `json.title`; so it is for labels, ids and groups.
        member_column: Column of labels: 1 or member, 0 or nonmember, or empty or `unknown`; null if there is none. In
            an image folder of folders, `label` is the name of the folder.
        id_column: Column of unique, stable names. Null takes the path of each file below `data_dir` (image
            folders), the key (WebDataset), or else the row number, which changes if rows are inserted.
        group_column: Column of groups that are never split apart; an empty cell, or null, takes the id of the first row
            of the same image.
        member: Label of the whole source: 1 or 0. Null takes `member_column`.
        revision: Commit, tag or branch of a hub data set.
        caption_choice: Which of several captions of a row is used: `first`; `random`, by a hash of the id; or `all`,
            each in a record of its own, called `id#1`, `id#2` and so on, in one group.

    Raises:
        RecordError: If `path` names a builder that reads pickles, or both `member` and `member_column` are given.
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
        caption_choice: CaptionChoice = "first",
    ) -> None:
        if path in _UNPICKLING:
            raise RecordError(
                f"`path` names the builder {path!r}, which reads pickles, and those can hold code. Make Parquet files "
                "of the table, and give those: `path: parquet`."
            )
        check_labelled_once(member, member_column)
        self.path, self.name, self.revision, self.split = _at_home(path), name, revision, split
        self.data_dir = None if data_dir is None else _at_home(data_dir)
        self.data_files = _at_home(data_files) if isinstance(data_files, str) else data_files
        if isinstance(data_files, list):
            self.data_files = list(map(_at_home, data_files))
        self.columns = Columns(
            image=image_column, caption=caption_column, member=member_column, id=id_column, group=group_column
        )
        self.member, self.caption_choice = member, caption_choice

    @property
    def origin(self) -> str:
        """The data set, whose splits are of one source; or the files, where the user names them."""
        return " ".join(filter(None, [self.path, self.name, self.data_dir, *self._files]))

    def load(self) -> Records:
        """Read the table.

        Raises:
            RecordError: If the data set or a column is not found, the image column holds no images or only URLs, a
                caption is no text, a label is none, or an id is empty.
        """
        import pyarrow

        table = self._table().with_format(None)  # a saved one may come as tensors, or without some columns
        present = table.column_names
        check_columns(self.path, [name and _way(name, present)[0] for name in self.columns], present)
        images = undecoded(table, self.columns.image, self.path)
        names, stamps = list[str](), list[str]()
        for cell in self._cells(images):
            names.append(_file_of(cell) or "")
            stamps.append(self._stamp(cell))
        refuse_urls(names, self.columns.image, self.path)
        self._tell_of_unlisted(len(table))
        if NO_IMAGE in stamps:
            facts = stamps.count(NO_IMAGE), len(stamps), self.path, self.columns.image
            logger.warning("%d of %d rows of %s have no `%s`; in a WebDataset, all images need one ending", *facts)
        pyarrow.default_memory_pool().release_unused()  # tens of MB, in which the table was made
        rows = Rows(
            columns=self.columns,
            ids=self._ids(table, images),
            captions=cells_by_name(table, self.columns.caption),
            members=self._members(table),
            groups=column_of(table, self.columns.group),
            stamps=stamps,
            open_image=lambda row: self._open(images[row][self.columns.image]),
            where=self._where,
            encoded=lambda row: self._encoded(images[row][self.columns.image]),
        )
        return rows.records(self.caption_choice)

    def _tell_of_unlisted(self, rows: int) -> None:
        """Say how many images of a folder are in no row: `datasets` leaves out what a list of captions lacks."""
        folder = Path(self.data_dir or self.path)
        if self.data_files is None and folder.is_dir() and list(folder.rglob("metadata.*")):
            images = len(image_files(folder))
            if images > rows:
                facts = images - rows, images, folder, self.split
                logger.warning("%d of %d images in %s are in no row of the split %r, and left out", *facts)

    def _where(self, row: int) -> str:
        return f"row {row} of {self.path}"

    # ------------------------------------------------------------------ the table

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
        except RecordError:
            raise
        except Exception as error:  # builders raise what their parsers do
            said = ": ".join(str(part) for part in (error, error.__cause__) if part is not None and str(part))
            scripted = "scripts are no longer supported" in said
            advice = " Make Parquet files of it, or an image folder, and give those." if scripted else ""
            raise RecordError(
                f"The data set {self.path!r} (name {self.name!r}, split {self.split!r}, data_dir {self.data_dir!r}, "
                f"data_files {self.data_files!r}) cannot be loaded: {said or type(error).__name__}.{advice}"
            ) from error

    def _ids(self, table: Any, images: Any) -> Sequence[str]:
        column = self.columns.id or (_WEBDATASET_KEY if _WEBDATASET_KEY in table.column_names else None)
        if column is not None:
            cells = column_of(table, column)
            empty = next((row for row, cell in enumerate(cells) if is_empty(cell)), None)
            if empty is not None:
                raise RecordError(f"{self._where(empty)} has an empty `{column}`. Fill it in, or name another column.")
            return [str(cell) for cell in cells]
        read = self.data_files if isinstance(self.data_files, str) else self.data_dir or self.path
        # Row numbers stand behind the name of what was read, so that two sources can be joined.
        numbers = [f"{Path(read).name}/{self.split}/{row}" for row in range(len(table))]
        return self._relative_files(images) or numbers

    def _relative_files(self, images: Any) -> Sequence[str]:
        """Path of each image below the local folder, or nothing if the images are not files there."""
        import pyarrow.compute

        cells = images.with_format("arrow")[:][self.columns.image]  # no copy: the bytes stay on disk
        folder = Path(self.data_dir or self.path).resolve()
        paths = pyarrow.compute.struct_field(cells, "path").to_pylist()
        files = [Path(path).resolve() for path in paths if path and Path(path).is_absolute()]
        if len(files) != len(paths) or not all(file.is_relative_to(folder) for file in files):
            return ()
        return [file.relative_to(folder).as_posix() for file in files]

    def _members(self, table: Any) -> Sequence[int]:
        if self.columns.member is None:
            return (UNKNOWN if self.member is None else self.member,) * len(table)
        return [
            parse_member(cell, self._where(row)) for row, cell in enumerate(cells_by_name(table, self.columns.member))
        ]

    # ------------------------------------------------------------------ images

    def _cells(self, images: Any) -> Iterator[dict[str, Any] | None]:
        """The undecoded cells of images, which are never all in memory."""
        for batch in images.with_format("arrow").iter(_ROWS_AT_ONCE):
            for cell in batch[self.columns.image]:
                yield cell.as_py()

    def _stamp(self, cell: dict[str, Any] | None) -> str:
        """The hash of the encoded image in an undecoded cell, or of which file it names."""
        name = _file_of(cell)
        if name is not None:
            return file_stamp(self._place(name))
        return NO_IMAGE if cell is None or cell["bytes"] is None else hashlib.sha256(cell["bytes"]).hexdigest()

    def _open(self, cell: dict[str, Any] | None) -> Image.Image:
        """Decode one undecoded image cell."""
        name = _file_of(cell)
        if name is not None:
            return open_listed(name, self._place(name))
        if cell is None or cell["bytes"] is None:
            raise OSError(NO_IMAGE)
        return open_rgb(BytesIO(cell["bytes"]))

    def _encoded(self, cell: dict[str, Any] | None) -> Encoded | None:
        """The file or the bytes of an undecoded image cell."""
        name = _file_of(cell)
        return self._place(name) if name is not None else None if cell is None else cell["bytes"]

    def _place(self, name: str) -> Path:
        """Where a file is that the table names: seen from its folder, or else from the working directory."""
        place = listed_place(self._folder, name)
        return Path(name) if not is_there(place) and is_there(Path(name)) else place

    @property
    def _files(self) -> list[str]:
        """The files that the user names."""
        return [self.data_files] if isinstance(self.data_files, str) else self.data_files or []

    @cached_property
    def _folder(self) -> Path:
        """The folder that all files of the table lie in, if there is one."""
        root = Path(self.data_dir or (self.path if Path(self.path).is_dir() else "."))
        folders = {root / Path(file).parent for file in self._files}
        return folders.pop() if len(folders) == 1 else root


def _at_home(path: str) -> str:
    """The path, with the user's home for `~`; names of builders, ids of the hub and URLs stay as they are."""
    return str(with_home(path)) if path.startswith("~") else path


def _file_of(cell: dict[str, Any] | None) -> str | None:
    """The file that an undecoded image cell names, unless it holds the image or nothing."""
    return (cell["path"] or None) if cell is not None and cell["bytes"] is None else None


def _way(name: str, present: Sequence[str]) -> tuple[str, list[str]]:
    """The column in which a name is found: itself, or one of objects, and the parts that lead on from there."""
    head, *parts = name.split(".")
    return (head, parts) if name not in present and head in present else (name, [])


def undecoded(table: Any, column: str, what: str) -> Any:
    """The image column of a table alone, as paths and bytes.

    Args:
        table: A `datasets.Dataset`.
        column: Name of the column.
        what: What an error calls the table.

    Raises:
        RecordError: If the column holds no images.
    """
    import datasets

    try:
        return table.select_columns(column).cast_column(column, datasets.Image(decode=False))
    except (TypeError, ValueError, NotImplementedError) as error:
        raise RecordError(
            f"Column {column!r} of {what} must hold images, but holds {table.features[column]}. The columns are "
            f"{table.column_names}."
        ) from error


def column_of(table: Any, name: str | None) -> Sequence[Any]:
    """The cells of a column, or of a part of its objects; all None if there is no such column."""
    import datasets

    if name is None:
        return [None] * len(table)
    head, parts = _way(name, table.column_names)
    if isinstance(table.features[head], datasets.Image | datasets.Audio | datasets.Video):
        raise RecordError(f"Column {head!r} must hold text or numbers, but holds {table.features[head]}.")
    cells = list(table[head])
    for part in parts:
        held = {key for cell in cells if isinstance(cell, Mapping) for key in cell}
        if part not in held:
            raise RecordError(f"There is no {name!r}: what {head!r} holds there has {sorted(held)[:20]}.")
        cells = [cell.get(part) if isinstance(cell, Mapping) else None for cell in cells]
    return cells


def cells_by_name(table: Any, name: str | None) -> Sequence[Any]:
    """The cells of a column, or of a part of its objects, with the names of classes, e.g. of folders, for numbers."""
    cells = column_of(table, name)
    if name is None:
        return cells
    head, parts = _way(name, table.column_names)
    feature = table.features[head]
    for part in parts:
        feature = feature[part] if isinstance(feature, Mapping) else None
    return [_named(cell, feature) for cell in cells]


def _named(cell: Any, feature: Any) -> Any:
    """A cell with the names of classes for their numbers, also in lists and objects; None for a number of no class."""
    import datasets

    if isinstance(feature, datasets.ClassLabel):
        return dict(enumerate(feature.names)).get(cell)
    if isinstance(feature, datasets.List | datasets.LargeList) and cell is not None:
        return [_named(item, feature.feature) for item in cell]
    if isinstance(feature, Mapping) and cell is not None:
        return {part: _named(value, feature.get(part)) for part, value in cell.items()}
    return cell
