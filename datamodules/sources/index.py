"""Records of a source, labelled by a published index file."""

import hashlib
from dataclasses import replace
from http.client import HTTPException
from pathlib import Path
from typing import Any, final

import numpy as np
import torch
from numpy.typing import NDArray

from datamodules.sources.base import RecordSource
from datamodules.sources.places import with_home
from lit_mia.errors import RecordError
from lit_mia.records import MEMBER, NON_MEMBER, Records

MEMBERS, NON_MEMBERS = "mia_train_idxs", "mia_eval_idxs"


@final
class IndexSource(RecordSource):
    """Records of another source, labelled by an `.npz` file of row numbers; rows in neither list are left out.

    The file holds `mia_train_idxs` (members) and `mia_eval_idxs` (non-members), counted in the rows of the source, as
    SecMI, PIA and ReDiffuse ship it. Each is a list of whole numbers, or a mask of the length of the source.

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
        self.path = with_home(path or f"{cache_dir}/{Path(str(url)).name}")

    def load(self) -> Records:
        """The labelled rows, members first.

        Raises:
            RecordError: If the file is missing, is another file, is empty, holds other than whole numbers or masks,
                overlaps itself or counts beyond the source; or if a row of the source can make several records.
        """
        if self.parts[0].multiplies:
            raise RecordError(
                f"{self.path} counts images, but with `caption_choice: all` an image can be several records of the "
                "source. Set `first` or `random`."
            )
        arrays = self._arrays()
        records = self.parts[0].load()
        members, others = (self._rows(array, len(records)) for array in arrays)
        rows = [*members, *others]
        if not rows or len(set(rows)) < len(rows) or min(rows) < 0 or max(rows) >= len(records):
            raise RecordError(
                f"The row numbers of {self.path} must be distinct and below {len(records)}, the length of the source, "
                f"but {len(rows)} reach from {min(rows, default=0)} to {max(rows, default=0)}. Is it the file of this "
                "data set?"
            )
        return replace(records.select(rows), members=(MEMBER,) * len(members) + (NON_MEMBER,) * len(others))

    def _rows(self, array: NDArray[Any], length: int) -> list[int]:
        """The row numbers in an array, or where a mask is true."""
        flat = array.ravel()
        if flat.dtype == np.bool_ and len(flat) == length:
            return np.flatnonzero(flat).tolist()
        rows = flat.astype(np.int64) if flat.dtype.kind in "iuf" and np.isfinite(flat).all() else None
        if rows is None or not np.array_equal(rows, flat):
            raise RecordError(
                f"The row numbers of {self.path} must be whole numbers, or a mask of length {length}, but are "
                f"{len(flat)} of type {flat.dtype}. Save them with np.savez({MEMBERS}=..., {NON_MEMBERS}=...)."
            )
        return rows.tolist()

    def _arrays(self) -> tuple[NDArray[Any], NDArray[Any]]:
        if not self.path.is_file():
            self._download()
        with self.path.open("rb") as file:
            found = hashlib.file_digest(file, "md5").hexdigest()
        if not self.md5 or not found.startswith(self.md5):
            raise RecordError(f"{self.path} has the MD5 {found}, not {self.md5}. Delete it, or give the right file.")
        try:
            with np.load(self.path, allow_pickle=False) as arrays:
                return arrays[MEMBERS], arrays[NON_MEMBERS]
        except Exception as error:  # NumPy raises what its parts do about a file of another kind
            raise RecordError(
                f"{self.path} is no index file: it must hold {MEMBERS} and {NON_MEMBERS} as numbers ({error})."
            ) from error

    def _download(self) -> None:
        if self.url is None:
            raise RecordError(f"There is no file {self.path}, and no `url` to download it from.")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            torch.hub.download_url_to_file(self.url, str(self.path), progress=False)
        except (OSError, ValueError, HTTPException) as error:
            raise RecordError(
                f"{self.url} cannot be downloaded ({error}). Download it elsewhere and put it at {self.path}."
            ) from error
