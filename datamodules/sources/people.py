"""Where people come from: a folder of images for each of them and a table that says who is a member, or invented."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import final

from PIL import Image

from datamodules.sources.cohort import Cohort, draw_cohort
from datamodules.sources.decoding import is_deep_file, open_rgb
from datamodules.sources.delimited import csv_lines
from datamodules.sources.labels import parse_member
from datamodules.sources.places import image_files, listed_place, with_home
from lit_mia.errors import RecordError
from lit_mia.ranges import at_least, check
from lit_mia.records import MEMBER, NON_MEMBER, UNKNOWN, People, spelled

WORLD_SEED = 20220915  # fixed before any training: it made the shipped demo models for identity inference


class PeopleSource(ABC):
    """Something that yields a table of people."""

    @abstractmethod
    def load(self) -> People:
        """The table. Images stay unopened until they are asked for.

        Raises:
            RecordError: If there are no people, or what is known of them cannot be read or contradicts itself.
        """

    def names_in_pool(self) -> tuple[str, ...]:
        """Further names that the pool must hold; none by default."""
        return ()


@final
class FolderPeopleSource(PeopleSource):
    """A folder of images per person, in the layout of Hugging Face's `imagefolder`: `path/Ana_Petrov/1.jpg`.

    The name of a folder is the name of the person, with spaces or underscores. People who are not in the table are of
    unknown membership: they are asked about, but measure nothing.

    Args:
        path: The folder of folders.
        table: A CSV file, UTF-8 or UTF-16, with a line per person; null if nothing is known of anybody.
        name_column: Column of names.
        member_column: Column of labels: 1 or member, 0 or nonmember, or empty or `unknown`.
        occurrences_column: Column of how many training pairs show the person, empty if unknown; null if there is none.
        held_in: A text file of images that the target was trained on, one path below `path` per line: they are left
            out, so that people are recognised on held-out images only.
    """

    def __init__(
        self,
        path: str,
        table: str | None = None,
        name_column: str = "name",
        member_column: str = "member",
        occurrences_column: str | None = None,
        held_in: str | None = None,
    ) -> None:
        self.path, self.table, self.held_in, self.root = path, table, held_in, with_home(path)
        self.name_column, self.member_column, self.occurrences_column = name_column, member_column, occurrences_column

    def load(self) -> People:
        """List the folders and read the table; no image is opened.

        Raises:
            RecordError: If the folder is missing or empty, the table cannot be read, names somebody twice or somebody
                without a folder, holds a label or count that is none, or `held_in` names a file that is no image of
                anybody.
        """
        folders = self._folders()
        known = self._known()
        absent = sorted(known.keys() - folders.keys())
        if absent:
            raise RecordError(
                f"{self.table} names {len(absent)} people without a folder in {self.path}, e.g. {absent[:3]}. Rename "
                "the folders like the people, or delete the lines."
            )
        files = self._held_out([image_files(folder) for folder in folders.values()])
        facts = [known.get(name, (UNKNOWN, None)) for name in folders]
        return People(
            names=tuple(folders),
            members=tuple(member for member, _ in facts),
            occurrences=tuple(count for _, count in facts),
            image_counts=tuple(len(images) for images in files),
            open_image=lambda row, image: open_rgb(files[row][image]),
            stamps=tuple(_stamp(folder, images) for folder, images in zip(folders.values(), files, strict=True)),
        )

    def _folders(self) -> dict[str, Path]:
        if not self.root.is_dir():
            raise RecordError(f"There is no folder {self.path!r}. Give a folder that holds one folder per person.")
        found = sorted(folder for folder in self.root.iterdir() if folder.is_dir() and not folder.name.startswith("."))
        if not found:
            raise RecordError(
                f"The folder {self.path!r} holds no folders. It must hold one folder of images per person."
            )
        folders: dict[str, Path] = {}
        for folder in found:
            name = spelled(folder.name)
            if name in folders:
                raise RecordError(f"The folders {folders[name].name!r} and {folder.name!r} name the same person.")
            folders[name] = folder
        return folders

    def _held_out(self, images: Sequence[list[Path]]) -> list[list[Path]]:
        """The images without those of `held_in`, by where links and `..` lead."""
        if self.held_in is None:
            return list(images)
        try:
            lines = with_home(self.held_in).read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise RecordError(f"`held_in` cannot be read as a UTF-8 text file: {error}.") from error
        named = [line.strip() for line in lines if line.strip()]
        left_out = {listed_place(self.root, name).resolve(): name for name in named}
        places = {file: file.resolve() for files in images for file in files}
        absent = [left_out[place] for place in left_out.keys() - places.values()]
        if absent:
            raise RecordError(
                f"{self.held_in} names {len(absent)} files that are no image of anybody in {self.path}, e.g. "
                f"{sorted(absent)[:3]}. Give paths below that folder, such as `Ana_Petrov/1.jpg`."
            )
        return [[file for file in files if places[file] not in left_out] for files in images]

    def _known(self) -> dict[str, tuple[int, int | None]]:
        """Membership and occurrences by name, as the table says."""
        if self.table is None:
            return {}
        wanted = (self.name_column, self.member_column, self.occurrences_column)
        known: dict[str, tuple[int, int | None]] = {}
        for number, cells in csv_lines(self.table, wanted, restval=""):
            where = f"line {number} of {self.table}"
            name = spelled(cells[self.name_column])
            if not name or name in known:
                problem = f"has {name!r} again" if name else "has no name"
                raise RecordError(f"Each line of {self.table} must name another person, but {where} {problem}.")
            count = cells[self.occurrences_column].strip() if self.occurrences_column else ""
            known[name] = parse_member(cells[self.member_column], where), _count(count, where)
        return known


@final
class FacesSource(PeopleSource):
    """200 invented people: 20 were shown 1, 2, 5, 10 or 25 times in training each, 100 never.

    Who was shown was drawn at random. The images at hand were not trained on.

    Args:
        swapped: Ask about the model of swapped membership (`shipped:faces-clip-swapped`): whoever was shown to
            `shipped:faces-clip` was not shown to it, and the other way round.
        images: Images at hand per person.
    """

    def __init__(self, swapped: bool = False, images: int = 30) -> None:
        check(RecordError, at_least(1)(images=images))
        self.swapped, self.image_count = swapped, images

    def load(self) -> People:
        """The people in question, in an order that tells nothing about their membership."""
        cohort = self._cohort()
        shown = cohort.occurrences[: cohort.questioned]
        album = lru_cache(maxsize=8)(lambda row: cohort.held_out(row, self.image_count))
        return People(
            names=cohort.names[: cohort.questioned],
            members=tuple(MEMBER if count else NON_MEMBER for count in shown),
            occurrences=shown,
            image_counts=(self.image_count,) * cohort.questioned,
            open_image=lambda row, image: Image.fromarray(album(row)[image]),
        )

    def names_in_pool(self) -> tuple[str, ...]:
        """Names of 100 background people in the training set and 700 names of nobody: with the people 1000."""
        cohort = self._cohort()
        return (*cohort.names[cohort.questioned :], *cohort.unused)

    def _cohort(self) -> Cohort:
        return draw_cohort(WORLD_SEED, self.swapped)


def _count(cell: str, where: str) -> int | None:
    """A number of training pairs; pandas writes `12.0` and `nan` if some are unknown."""
    if cell.lower() in ("", "nan", "unknown"):
        return None
    if not cell.removesuffix(".0").isdecimal():
        raise RecordError(f"Occurrences must be a whole number or empty, but {where} has {cell!r}.")
    return int(cell.removesuffix(".0"))


def _stamp(folder: Path, files: Sequence[Path]) -> str:
    """Paths, sizes and times of change: what changes when images do, without decoding them.

    Deep grey is told apart, because its embeddings were once those of white.
    """
    facts = [(file.relative_to(folder).as_posix(), file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    deep = [number for number, file in enumerate(files) if is_deep_file(file)]
    return hashlib.sha256(repr((facts, "scaled", deep) if deep else facts).encode()).hexdigest()
