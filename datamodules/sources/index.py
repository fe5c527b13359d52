"""Records of a source, labelled by a published index file."""

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import final

import numpy as np
import torch

from datamodules.sources.base import RecordSource
from lit_mia.errors import RecordError
from lit_mia.records import MEMBER, NON_MEMBER, Records

MEMBERS, NON_MEMBERS = "mia_train_idxs", "mia_eval_idxs"


@final
class IndexSource(RecordSource):
    """Records of another source, labelled by an `.npz` file of row numbers; rows in neither list are left out.

    The file holds `mia_train_idxs` (members) and `mia_eval_idxs` (non-members), counted in the rows of the source, as
    SecMI, PIA and ReDiffuse ship it.

    Args:
        source: The images, in the order that the file counts.
        md5: MD5 checksum of the file, or the beginning of it.
        url: Where to download it, if it is missing.
        path: The file; if not given, the last part of `url` in `cache_dir`.
        cache_dir: Folder for the downloaded file.
    """

    def __init__(
        self,
        source: RecordSource,
        md5: str,
        url: str | None = None,
        path: str | None = None,
        cache_dir: str = "~/.cache/lit-mia",
    ) -> None:
        if path is None and url is None:
            raise RecordError("`IndexSource` needs `path` or `url` of the index file.")
        self.parts, self.md5, self.url = (source,), md5, url
        self.path = Path(path or f"{cache_dir}/{Path(str(url)).name}").expanduser()

    def load(self) -> Records:
        """The labelled rows, members first.

        Raises:
            RecordError: If the file is missing, is another file, overlaps itself or counts beyond the source.
        """
        members, others = self._indices()
        records = self.parts[0].load()
        rows = [*members, *others]
        if len(set(rows)) < len(rows) or min(rows) < 0 or max(rows) >= len(records):
            raise RecordError(
                f"The row numbers of {self.path} must be distinct and below {len(records)}, the length of the source, "
                f"but reach from {min(rows)} to {max(rows)}. Is it the file of this data set?"
            )
        return replace(records.select(rows), members=(MEMBER,) * len(members) + (NON_MEMBER,) * len(others))

    def _indices(self) -> tuple[list[int], list[int]]:
        if not self.path.is_file():
            self._download()
        with self.path.open("rb") as file:
            found = hashlib.file_digest(file, "md5").hexdigest()
        if not self.md5 or not found.startswith(self.md5):
            raise RecordError(f"{self.path} has the MD5 {found}, not {self.md5}. Delete it, or give the right file.")
        try:
            with np.load(self.path, allow_pickle=False) as arrays:
                return arrays[MEMBERS].tolist(), arrays[NON_MEMBERS].tolist()
        except (KeyError, ValueError, OSError) as error:
            raise RecordError(f"{self.path} is no index file: it must hold {MEMBERS} and {NON_MEMBERS}.") from error

    def _download(self) -> None:
        if self.url is None:
            raise RecordError(f"There is no file {self.path}, and no `url` to download it from.")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            torch.hub.download_url_to_file(self.url, str(self.path), progress=False)
        except OSError as error:
            raise RecordError(
                f"{self.url} cannot be downloaded ({error}). Download it elsewhere and put it at {self.path}."
            ) from error
