"""What attacks found out about records, kept on disk so that nothing that was kept is asked again."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np
import safetensors.torch
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from torch import Tensor

from lit_mia.errors import StoreError
from lit_mia.files import key_digest
from lit_mia.models import FingerprintValue
from lit_mia.queries.places import gathered
from lit_mia.queries.store import claim
from lit_mia.queries.store_files import is_whole, write_named


@dataclass(frozen=True, eq=False)
class FoundBy:
    """What one attack at one setting found out about some records.

    Attributes:
        plan: Key of the attack and its setting, by which this is found.
        evaluations: Denoiser evaluations per record that the attack makes alone, as counted in the pass.
        statistic: `[n]` or `[n, m]`.
        residual: `[n, c, h, w]`; None keeps none.
    """

    plan: str
    evaluations: int
    statistic: Tensor
    residual: Tensor | None = None


@final
class FindingStore:
    """Statistics and residual maps of one target, one file per pass over some records.

    A file is named by the hash of its content, so that a damaged one is noticed, ignored and asked again. Residual maps
    are kept only where they were asked for.
    """

    def __init__(self, path: str | Path, fingerprint: Mapping[str, FingerprintValue]) -> None:
        """Open the store in a folder, which is made if it does not exist.

        Args:
            path: The folder.
            fingerprint: The target's; findings of another target are refused.

        Raises:
            StoreError: If the folder holds the answers of another target, or is no store.
        """
        self.path = Path(path).expanduser()
        claim(self.path, dict(fingerprint))
        self._whole: dict[str, bool] = {}  # by name of what was seen: whether it is undamaged
        self._places: dict[tuple[str, str], tuple[Path, int]] = {}
        self._evaluations: dict[str, int] = {}
        self.refresh()

    def holds(self, plan: str, record: str, residual: bool) -> bool:
        """Whether the finding of an attack about a record is there.

        Args:
            plan: Key of the attack and its setting.
            record: Key of the record.
            residual: Whether its residual map is wanted too.
        """
        kinds = ("statistic", "residual") if residual else ("statistic",)
        return all((f"{kind}/{plan}", record) in self._places for kind in kinds)

    def append(self, records: Sequence[str], found: Sequence[FoundBy]) -> None:
        """Keep what one pass found.

        Args:
            records: Keys of the records.
            found: What each attack found about them.
        """
        tensors = {f"statistic/{by.plan}": by.statistic.double().cpu() for by in found}
        tensors |= {f"residual/{by.plan}": by.residual.float().cpu() for by in found if by.residual is not None}
        facts: dict[str, Any] = {"records": list(records), "evaluations": {by.plan: by.evaluations for by in found}}
        data = safetensors.torch.save(
            {name: tensor.contiguous() for name, tensor in tensors.items()}, {"facts": json.dumps(facts)}
        )
        file = write_named(self.path, data, "", ".safetensors")
        self._whole[file.name] = True
        self._add(file, list(tensors), facts)

    def statistics(self, plan: str, records: Sequence[str]) -> NDArray[np.float64]:
        """The components of an attack's statistic, `[n, m]`.

        Raises:
            StoreError: If one is not there.
        """
        return self._read(f"statistic/{plan}", records).reshape(len(records), -1).numpy()

    def residuals(self, plan: str, records: Sequence[str]) -> NDArray[np.float32]:
        """The residual maps of an attack, `[n, c, h, w]`.

        Raises:
            StoreError: If one is not there.
        """
        return self._read(f"residual/{plan}", records).numpy()

    def evaluations(self, plan: str) -> int:
        """Denoiser evaluations per record of an attack alone."""
        return self._evaluations[plan]

    def digest(self) -> str:
        """SHA-256 over all findings, whatever files they are in."""
        self.refresh()
        of_file: dict[Path, list[tuple[str, str, int]]] = {}
        for (name, record), (file, row) in self._places.items():
            of_file.setdefault(file, []).append((name, record, row))
        return key_digest(sorted(found for file, places in of_file.items() for found in _hashes(file, places)))

    def _read(self, name: str, records: Sequence[str]) -> Tensor:
        self.refresh()
        absent = sum((name, record) not in self._places for record in records)
        if absent:
            raise StoreError(
                f"{absent} of {len(records)} findings are not in the store {self.path}. Run `lit-mia query` with the "
                "same configuration first."
            )

        def rows_of(file: Path, rows: list[int]) -> Tensor:
            with safe_open(file, framework="pt") as opened:
                values: Tensor = opened.get_tensor(name)[rows]
            return values

        return gathered([self._places[name, record] for record in records], rows_of, torch.empty(0))

    def refresh(self) -> None:
        """Take note of the files that this and other processes have added."""
        for file in sorted(self.path.glob("*.safetensors")):
            if file.name not in self._whole:
                whole = is_whole(file, "records")
                if whole:
                    self._add(file, *_index(file))
                self._whole[file.name] = whole

    def _add(self, file: Path, names: Sequence[str], facts: Mapping[str, Any]) -> None:
        self._evaluations.update(facts["evaluations"])
        for name in names:
            for row, record in enumerate(facts["records"]):
                self._places.setdefault((name, record), (file, row))  # of two findings the earlier one counts


def _hashes(file: Path, places: Sequence[tuple[str, str, int]]) -> Iterator[tuple[str, str, str]]:
    """Name, record and SHA-256 of some findings of a file, each a name, a record and a row."""
    with safe_open(file, framework="np") as opened:
        values = {name: opened.get_tensor(name) for name in {name for name, *_ in places}}
    for name, record, row in places:
        yield name, record, hashlib.sha256(values[name][row].tobytes()).hexdigest()


def _index(file: Path) -> tuple[list[str], dict[str, Any]]:
    try:
        with safe_open(file, framework="pt") as opened:
            return list(opened.keys()), json.loads(opened.metadata()["facts"])
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise StoreError(f"{file} is no file of findings ({type(error).__name__}). Move it away.") from error
