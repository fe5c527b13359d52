"""What every kind of audit returns: a result that saves, shows and logs itself."""

import json
import platform
import subprocess
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeAlias, TypedDict

from PIL import Image
from rich.console import RenderableType

from lit_mia.errors import ReportError
from lit_mia.files import replacing, write_whole
from lit_mia.report.forms import Fault, Fields
from lit_mia.report.style import Figure

if TYPE_CHECKING:
    from lightning.pytorch.loggers import WandbLogger

NUMBERS, PAGE = "audit.json", "report.html"
PACKAGES = ("lit-mia", "lightning", "torch", "diffusers", "transformers", "open_clip_torch", "torchmetrics")
"""What computes the numbers."""
Writer = Callable[[Path], object]
"""Writes a file under a given path."""
Logger: TypeAlias = "Callable[..., WandbLogger]"
"""Makes a run, of the arguments of `WandbLogger`; offline if its settings say so."""


@dataclass(frozen=True)
class Picture:
    """Images side by side on a page, shown only where the user asks for them.

    Attributes:
        images: One or more.
        caption: What stands below.
        note: What stands below that, smaller.
    """

    images: tuple[Image.Image, ...]
    caption: str
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where a result comes from.

    Attributes:
        name: Name of the audit.
        created: ISO date.
        config: Its configuration as YAML values.
        seconds_total: Time of the whole audit.
        versions: Package → version; and those of Python and of the system.
        git: Commit of the working tree, or None.
    """

    name: str
    created: str
    config: Mapping[str, Any]
    seconds_total: float
    versions: dict[str, str]
    git: str | None

    @classmethod
    def here(cls, name: str, config: Mapping[str, Any], began: float) -> Self:
        """The origin of what is being made now, by what is installed here.

        Args:
            name: Name of the audit.
            config: Its configuration.
            began: What `time.perf_counter` said at its beginning.
        """
        return cls(
            name=name,
            created=datetime.now(UTC).date().isoformat(),
            config=dict(config),
            seconds_total=time.perf_counter() - began,
            versions={**{package: version(package) for package in PACKAGES}, **_environment()},
            git=_git_commit(),
        )


class Said(TypedDict):
    """What an audit ends in: a kind, and a sentence in plain English."""

    kind: str
    sentence: str


class HeldByAll(TypedDict):
    """What every `audit.json` holds."""

    verdict: Said
    cost: dict[str, Any]


class Result(ABC):
    """What an audit found out.

    Attributes:
        schema: Form of `audit.json`; what a finished folder is known by.
        beside: Files of its folder that the numbers are checked against.
    """

    schema: ClassVar[str]
    beside: ClassVar[tuple[str, ...]] = ()

    @classmethod
    @abstractmethod
    def load(cls, folder: Path, numbers: Mapping[str, Any]) -> Self:
        """The result in a folder that `save` wrote.

        Args:
            folder: The folder.
            numbers: What its `audit.json` holds.

        Raises:
            ReportError: If a file is missing, or something in one.
        """

    @classmethod
    def form(cls) -> Fields:
        """What its `audit.json` holds, as types."""
        return Fields(cls.__name__, (HeldByAll,), is_open=True, schema=cls.schema)

    @classmethod
    def faults(cls, folder: Path, numbers: Mapping[str, Any]) -> Iterator[Fault]:
        """What does not agree within numbers that are of its form, and with the files beside them.

        Args:
            folder: Where the files are.
            numbers: What `audit.json` holds.
        """
        try:
            cls.load(folder, numbers)
        except ReportError as error:
            yield Fault("", str(error))

    @abstractmethod
    def numbers(self) -> dict[str, Any]:
        """What `audit.json` holds: `schema`, `verdict`, `cost` and more, as JSON values.

        Raises:
            ReportError: If a measured number is infinite or not a number.
        """

    @abstractmethod
    def files(self) -> dict[str, Writer]:
        """The files beside `audit.json` and the page, by name."""

    @abstractmethod
    def page(self, pictures: Sequence[Picture] = ()) -> str:
        """The page as one HTML document that asks for nothing outside itself."""

    @abstractmethod
    def terminal(self) -> RenderableType:
        """What is printed at the end of an audit, for a console of 80 or more columns."""

    def line(self) -> str:
        """The verdict in one line."""
        said = self.numbers()["verdict"]
        return f"{said['kind']}: {' '.join(said['sentence'].split())}"

    def next_steps(self, folder: Path) -> list[str]:
        """What to do next, beside opening the page, in at most one sentence; nothing by default.

        Args:
            folder: Where the result is saved.
        """
        return []

    @abstractmethod
    def markdown(self) -> str:
        """The headline table as GitHub Markdown."""

    @abstractmethod
    def log(self, logger: Logger) -> None:
        """Send numbers, tables and plots to Weights & Biases; never images of records.

        Args:
            logger: Makes the run, or runs.
        """

    def columns(self) -> Mapping[str, Sequence[Any]]:
        """The rows as a table for programs: lists of equal length, by column."""
        rows: list[dict[str, Any]] = self.numbers()["rows"]
        return {name: [row.get(name) for row in rows] for name in dict.fromkeys(name for row in rows for name in row)}

    def figures(self) -> Mapping[str, Figure]:
        """Its plots by name; ROC curves are called `roc`."""
        return {}

    def text(self) -> str:
        """`audit.json` as text.

        Raises:
            ReportError: See `numbers`.
        """
        return json.dumps(self.numbers(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    def save(self, folder: Path, pictures: Sequence[Picture] = ()) -> Path:
        """Write all files, each whole or not at all, and the page last.

        Args:
            folder: Made if it is missing.
            pictures: Images for the page. They leave the machine with it: none by default.

        Returns:
            Path of the page.
        """
        text = self.text()  # before a file is written: it may be refused
        files: dict[str, Writer] = {NUMBERS: lambda path: path.write_text(text, encoding="utf-8")}
        for name, write in (files | self.files()).items():
            with replacing(folder / name) as path:
                write(path)
        return self.save_page(folder, pictures)

    def texts(self) -> dict[str, str]:
        """What is written whenever the page is, by name; mostly nothing."""
        return {}

    def save_page(self, folder: Path, pictures: Sequence[Picture] = ()) -> Path:
        """Write the page anew, and the texts beside it.

        Args:
            folder: Folder of the result.
            pictures: Images for the page; without them it has none, whatever it had before.
        """
        for name, text in (self.texts() | {PAGE: self.page(pictures)}).items():
            write_whole(folder / name, text)
        return folder / PAGE


def read_numbers(folder: Path) -> dict[str, Any]:
    """What the `audit.json` of a folder holds.

    Raises:
        ReportError: If the file is missing or holds no JSON object.
    """
    return read_object(folder / NUMBERS)


def read_object(path: Path) -> dict[str, Any]:
    """What a JSON file of a result holds.

    Raises:
        ReportError: If the file is missing or holds no JSON object.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=_named_once)
    except FileNotFoundError:
        raise ReportError(f"There is no report at {path}. Give the output folder of a finished audit.") from None
    except (OSError, ValueError, RecursionError) as error:
        raise ReportError(f"{path} is not readable as JSON ({error}). Run the audit again to write it anew.") from error
    if not isinstance(data, dict):
        raise ReportError(f"{path} holds a {type(data).__name__}, but an audit is a JSON object.")
    return data


def _named_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; readers differ in which of two values of one name they take."""
    held = dict(pairs)
    if len(held) < len(pairs):
        twice = next(name for name, times in Counter(name for name, _ in pairs).items() if times > 1)
        raise ValueError(f"{twice!r} stands twice in one object")
    return held


def _environment() -> dict[str, str]:
    """What the packages run on."""
    return {"python": platform.python_version(), "system": platform.platform()}


def _git_commit() -> str | None:
    """Commit of the working tree that the package runs from; None outside one."""
    here = Path(__file__).parent
    try:
        run = subprocess.run(["git", "rev-parse", "HEAD"], cwd=here, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return run.stdout.strip() or None
