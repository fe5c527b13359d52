"""Queries that a target refused to answer, kept on disk so that they are never asked again."""

import hashlib
import json
import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import final

from lit_mia.files import replacing

logger = logging.getLogger(__name__)


@final
class Refusals:
    """Keys and reasons in a folder, one small JSON file per call of `add`, each named by its checksum.

    Any number of processes may add to one folder at the same time. A damaged file is reported and ignored, so its
    queries will be asked again.

    Args:
        folder: The folder, which must exist.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._read: dict[str, dict[str, str]] = {}

    def add(self, reasons: Mapping[str, str]) -> None:
        """Keep some refusals, all of them or, after a crash, none.

        Args:
            reasons: Key of the query → reason of the target.
        """
        data = json.dumps(dict(reasons)).encode()
        name = f"refused-{time.time_ns():x}-{hashlib.sha256(data).hexdigest()}.json"
        with replacing(self.folder / name) as temporary:
            temporary.write_bytes(data)

    def reasons(self) -> dict[str, str]:
        """Key → reason of all refusals, including those of other processes; of two reasons the earlier one counts."""
        files = self._files()
        try:
            for file in files:
                if file.name not in self._read:
                    self._read[file.name] = _load(file)
        except FileNotFoundError:  # another process has just merged it
            return self.reasons()
        return {key: reason for file in reversed(files) for key, reason in self._read[file.name].items()}

    def compact(self) -> None:
        """Merge all files into one; a crash in the middle leaves some refusals in two files, never in none."""
        reasons, files = self.reasons(), self._files()
        old = [file for file in files if self._read.get(file.name)]
        if len(old) > 1:
            self.add(reasons)
            for file in old:
                file.unlink(missing_ok=True)

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob("refused-*.json"))


def _load(file: Path) -> dict[str, str]:
    data = file.read_bytes()
    if hashlib.sha256(data).hexdigest() != file.stem.split("-")[-1]:
        logger.warning("%s is damaged and ignored; its queries will be asked again. You may delete it.", file)
        return {}
    reasons: dict[str, str] = json.loads(data)
    return reasons
