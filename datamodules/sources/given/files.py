"""Paths as the sources that read them: a folder of images, or a table in a file."""

import json
from collections.abc import Collection, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal

from datamodules.sources.base import RecordSource
from datamodules.sources.csv_table import CsvSource
from datamodules.sources.delimited import csv_lines
from datamodules.sources.folder import FolderLabel, FolderSource
from datamodules.sources.given.columns import ColumnNames, found_columns
from datamodules.sources.hugging_face import HuggingFaceSource
from datamodules.sources.labels import parse_member
from datamodules.sources.places import image_files, with_home
from datamodules.sources.rows import Columns
from lit_mia.designs.manifest import COINS, PUBLIC
from lit_mia.errors import RecordError
from lit_mia.records import MEMBER, NON_MEMBER

_LISTS = ("metadata.jsonl", "metadata.csv", "metadata.parquet")
"""Where an image folder of `datasets` lists its captions."""
_SAVED = ("state.json", "dataset_dict.json")
"""What `save_to_disk` writes."""
_ENDINGS = ("txt", "caption")
"""Endings of files of captions, as scripts that fine-tune read them."""


def source_at(path: str, given: ColumnNames, member: Literal[1, 0] | None) -> RecordSource:
    """The source that reads a path.

    Args:
        path: A folder of images, with captions in a list or in text files beside them if there are any; or a CSV or
            Parquet file.
        given: Names of columns.
        member: Label of all records.

    Raises:
        RecordError: If there is nothing at the path, or something else; or if a column is missing.
    """
    place = with_home(path)
    if any((place / name).is_file() for name in _SAVED):
        raise RecordError(
            f"{path} was made by `save_to_disk`. Give what `datasets.load_from_disk` reads there, or HuggingFaceSource."
        )
    if (place / PUBLIC).is_file() and (place / COINS).is_file():
        raise RecordError(
            f"{path} is a design, whose coins say who is a member. Give what `lit_mia.design` returned, or "
            "`datamodules.DesignSource` with the folder and its commitment."
        )
    if path and place.is_dir():
        return _folder(path, given, member)
    if not place.is_file():
        raise RecordError(
            f"There is no folder and no file {path!r}, seen from {Path.cwd()}. Give a folder of images, or a CSV or "
            "Parquet file; of a data set of the hub what `datasets.load_dataset` reads."
        )
    if place.suffix.lower() == ".parquet":
        return _table(path, _found(place, given, member), member)
    if place.suffix.lower() in (".csv", ".tsv"):
        image, caption, labels, name, group = _found(place, given, member)
        return CsvSource(
            path,
            image_column=image,
            caption_column=caption,
            member_column=labels,
            id_column=name,
            group_column=group,
            member=member,
        )
    raise RecordError(f"{path} is no folder of images and no CSV or Parquet file. Give one of these, or `[path]`.")


def _folder(path: str, given: ColumnNames, member: Literal[1, 0] | None) -> RecordSource:
    place = with_home(path)
    lists = [place / name for name in _LISTS if (place / name).is_file()]
    if lists:
        present = ["image", *(name for name in _header(lists[0]) if name != "file_name")]
        return _table(path, _checked(found_columns(present, given, str(lists[0])), member, path), member)
    files = image_files(place)
    if given.keys() - {"caption"} or given.get("caption") is not None:
        raise RecordError(f"`columns` names columns of a table, but {path} is a folder without a list of its images.")
    endings = [ending for ending in _ENDINGS if any(file.with_suffix(f".{ending}").is_file() for file in files)]
    label: FolderLabel | None = member
    if _are_sides({file.relative_to(place).parts[0] for file in files if file.parent != place}):
        if member is not None:
            raise RecordError(
                f"The folders in {path} are called member and nonmember, and `member` was given too. Leave `member` "
                "out, or give one of the folders."
            )
        label = "folder"
    return FolderSource(path, caption_ending=None if given or not endings else endings[0], member=label)


def _are_sides(folders: Collection[str]) -> bool:
    """Whether images are in one folder of members and in one of non-members, and in no other."""
    with suppress(RecordError):
        return sorted(parse_member(name, "the folder") for name in folders) == [NON_MEMBER, MEMBER]
    return False


def _table(path: str, columns: Columns, member: Literal[1, 0] | None) -> HuggingFaceSource:
    is_folder = with_home(path).is_dir()
    return HuggingFaceSource(
        "imagefolder" if is_folder else "parquet",
        data_dir=path if is_folder else None,
        data_files=None if is_folder else path,
        image_column=columns.image,
        caption_column=columns.caption,
        member_column=columns.member,
        id_column=columns.id,
        group_column=columns.group,
        member=member,
    )


def _found(file: Path, given: ColumnNames, member: int | None) -> Columns:
    return _checked(found_columns(_header(file), given, str(file)), member, str(file))


def _checked(columns: Columns, member: int | None, path: str) -> Columns:
    if member is not None and columns.member is not None:
        raise RecordError(
            f"{path} has labels in the column {columns.member!r}, and `member` was given too. Leave `member` out, or "
            "the column: `columns={'member': None}`."
        )
    return columns


def _header(file: Path) -> Sequence[str]:
    """Names of the columns of a table, from its first row or its schema.

    Raises:
        RecordError: If the file cannot be read.
    """
    try:
        if file.suffix.lower() == ".parquet":
            import pyarrow.parquet

            return list(pyarrow.parquet.read_schema(file).names)
        if file.suffix == ".jsonl":
            with file.open(encoding="utf-8") as lines:
                return list(json.loads(next(lines, "{}")))
    except (OSError, ValueError) as error:  # those of pyarrow are one of these
        raise RecordError(f"{file} cannot be read as a table: {error}.") from error
    first = next(csv_lines(str(file), ()), None)
    if first is None:
        raise RecordError(f"{file} has no line of records. Give a table with a header line and a line for each image.")
    return [name for name in first[1] if name is not None]
