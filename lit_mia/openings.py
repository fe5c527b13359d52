"""How often the test split of some records was opened, and with how many configurations: kept beside all stores.

The account of a set of records is a file of lines, one per opening, in the user's own folder and in every store whose
test split was opened. The two are joined at each opening, so that neither a new store nor another machine begins at 0.
"""

import json
import logging
import os
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, final

from filelock import FileLock

from lit_mia.errors import FolderError, StoreError
from lit_mia.files import key_digest, write_whole
from lit_mia.folders import check_writable
from lit_mia.records import Records

logger = logging.getLogger(__name__)

PLACE = "LIT_MIA_OPENINGS"
"""The environment variable that names the user's folder of all accounts."""
HOME = "~/.local/share/lit-mia/openings"
"""That folder where the variable is not set; no cache, which may be emptied."""
FOLDER, FORMER = "openings", "ledger.json"
"""In a store: the folder of its accounts, and what earlier versions kept."""
UNKNOWN = "unknown"
_MOST = 10**6
"""Nobody opened a test split more often: such a number is damage."""


class Openings(NamedTuple):
    """How often a test split was opened, this time included, as far as is known here.

    Attributes:
        configurations: Distinct configurations.
        openings: How often in all.
        commands: What opened it (`audit`, `test`, `script`) → how often.
    """

    configurations: int
    openings: int
    commands: dict[str, int]


def account_of(records: Records, model: Mapping[str, object]) -> str:
    """What the account of a test split goes by: ids and labels of all records, and the model that is audited.

    Another seed of the splits, other groups and other settings of the target are further tries on the same records.

    Args:
        records: All records of known membership, whatever their split.
        model: What says which model it is, see `lit_mia.targets.sameness.model_of`.
    """
    return key_digest({"records": sorted(zip(records.ids, records.members, strict=True)), "model": dict(model)})


@final
class OpeningsAccount:
    """The account of one set of records.

    Args:
        account: What it goes by, see `account_of`.
        store: Folder of a store, where the account is kept too.
    """

    def __init__(self, account: str, store: Path) -> None:
        self._own = Path(os.environ.get(PLACE) or HOME).expanduser() / f"{account}.jsonl"
        self._stored = store / FOLDER / f"{account}.jsonl"
        self._former = store / FORMER

    def check(self) -> None:
        """Refuse an account that cannot be read, or be kept anywhere, before work is done that would end there.

        Raises:
            StoreError: If it is so.
        """
        self._known()
        lost = dict[Path, str]()
        for path in (self._own, self._stored):
            try:
                check_writable(path.parent)
            except FolderError as error:
                lost[path] = str(error)
        if len(lost) == 2:
            _check([], [f"{path} ({error})" for path, error in lost.items()])

    def count(self, command: str, config: Mapping[str, Any]) -> Openings:
        """Count one more opening; any number of processes may do so at the same time.

        Args:
            command: What opens it.
            config: What is configured, as JSON values or anything that `str` tells apart.

        Raises:
            StoreError: If the account can be written in neither place.
        """
        digest = key_digest([json.dumps(config, sort_keys=True, default=str)])
        line = json.dumps({"id": uuid.uuid4().hex, "command": command, "config": digest})
        known = dict.fromkeys([*self._known(), line])
        kept, lost = list[Path](), list[str]()
        for path in (self._own, self._stored):
            try:
                with _locked(path):
                    known = dict.fromkeys([*_lines(path), *known])
                    write_whole(path, "".join(f"{line}\n" for line in known))
                kept.append(path)
            except (OSError, FolderError) as error:
                lost.append(f"{path} ({error})")
        _check(kept, lost)
        return _summed(list(known))

    def _known(self) -> list[str]:
        """What was counted so far, wherever.

        Raises:
            StoreError: If a file may not be read.
        """
        try:
            return [*_lines(self._own), *_lines(self._stored), *_former(self._former)]
        except OSError as error:
            raise StoreError(
                f"How often the test split was opened cannot be read ({error}). Let this user read the file."
            ) from error


def _check(kept: Sequence[Path], lost: Sequence[str]) -> None:
    places = ", ".join(lost)
    advice = f"Let the folder be written, or name another by the environment variable {PLACE}."
    if not kept:
        raise StoreError(f"That the test split is opened must be put down, but nowhere it could be: {places}. {advice}")
    if lost:
        logger.warning("That the test split was opened could not be put down in %s. %s", places, advice)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_suffix(".lock")):
        yield


def _lines(path: Path) -> list[str]:
    """The lines of an account; damaged ones are kept, since each was an opening."""
    if not path.is_file():
        return []
    return [line for line in path.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]


def _former(path: Path) -> list[str]:
    """What earlier versions counted in a store, as lines; a damaged file is at least one opening."""
    if not path.is_file():
        return []
    try:
        seen = json.loads(path.read_text(encoding="utf-8"))
        configurations, openings = list(map(str, seen["configurations"])), int(seen["openings"])
        if not 0 <= openings <= _MOST:
            raise ValueError(openings)
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        configurations, openings = [], 1
    repeated = [configurations[-1] if configurations else UNKNOWN] * (openings - len(configurations))
    return [
        json.dumps({"id": f"{place} of {path.resolve()}", "command": "audit", "config": config})
        for place, config in enumerate([*configurations, *repeated])
    ]


def _summed(lines: Sequence[str]) -> Openings:
    read = [_read(line) for line in lines]
    configurations = {config for _, config in read}
    return Openings(len(configurations), len(read), dict(Counter(command for command, _ in read)))


def _read(line: str) -> tuple[str, str]:
    """Command and configuration of a line; what cannot be read is an opening with a configuration of its own."""
    try:
        opening = json.loads(line)
        return str(opening["command"]), str(opening["config"])
    except (ValueError, KeyError, TypeError):
        return UNKNOWN, line
