"""The file in which the losses of single records are kept, measurement after measurement."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lit_mia.errors import TrainingError
from lit_mia.files import replacing
from lit_mia.report.leak import Measured

_LOSS = "loss/"
"""What the columns of losses begin with."""


class Measurement(NamedTuple):
    """What was measured at one step.

    Attributes:
        step: Optimiser steps so far.
        epoch: Passes over the trained-on records so far.
        measured: The losses.
    """

    step: int
    epoch: float
    measured: Measured


@final
class RecordLosses:
    """A Parquet file with a row for each record and measurement; it is whole at any time.

    Its columns are `step`, `epoch` (passes over the trained-on records so far), `id`, `group`, `member` and a `loss/…`
    for each probe.

    Args:
        path: The file.
        step: Optimiser steps so far: what an earlier run measured after it is dropped, and at 0 everything.

    Raises:
        TrainingError: If the file cannot be read.
    """

    def __init__(self, path: Path, step: int) -> None:
        self.path = path
        self._table: pa.Table | None = None
        if step and path.exists():
            table = _read(path)
            self._table = table.filter(pc.less_equal(table["step"], step))

    def measurements(self) -> Iterator[Measurement]:
        """All of them, in their order."""
        if self._table is not None:
            for step in dict.fromkeys(self._table["step"].to_pylist()):
                yield _measurement(self._table.filter(pc.equal(self._table["step"], step)))

    def add(self, new: Measurement) -> None:
        """Write the file with one measurement more.

        Raises:
            TrainingError: If it is of other records or other losses than those before.
        """
        rows = _rows(new)
        if self._table is not None:
            self._check_same(new.measured)
            rows = pa.concat_tables([self._table, rows])
        with replacing(self.path) as temporary:
            pq.write_table(rows, temporary)
        self._table = rows

    def _check_same(self, measured: Measured) -> None:
        known = next(self.measurements()).measured
        same = (known.ids, known.probes) == (measured.ids, measured.probes)
        if not same or not np.array_equal(known.members, measured.members):
            raise TrainingError(
                f"{self.path} holds {[*known.probes]} of {len(known.ids)} records, but this training measures "
                f"{[*measured.probes]} of {len(measured.ids)}, or of other ones. Set `records`, data and model as they "
                "were, or delete the file to begin anew."
            )


def _rows(new: Measurement) -> pa.Table:
    measured, n = new.measured, len(new.measured.ids)
    columns = {
        "step": pa.array([new.step] * n, pa.int64()),
        "epoch": pa.array([new.epoch] * n, pa.float64()),
        "id": pa.array(measured.ids, pa.string()),
        "group": pa.array(measured.groups, pa.string()),
        "member": pa.array(measured.members, pa.int8()),
    }
    losses = zip(measured.probes, measured.losses.T, strict=True)
    return pa.table(columns | {f"{_LOSS}{name}": pa.array(column) for name, column in losses})


def _measurement(rows: pa.Table) -> Measurement:
    columns = [name for name in rows.column_names if name.startswith(_LOSS)]
    measured = Measured(
        ids=tuple(rows["id"].to_pylist()),
        groups=tuple(rows["group"].to_pylist()),
        members=rows["member"].to_numpy().astype(np.int64),
        losses=np.stack([rows[name].to_numpy() for name in columns], axis=1),
        probes=tuple(name.removeprefix(_LOSS) for name in columns),
    )
    return Measurement(rows["step"][0].as_py(), rows["epoch"][0].as_py(), measured)


def _read(path: Path) -> pa.Table:
    try:
        return pq.read_table(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise TrainingError(f"{path} cannot be read ({error}). Delete it to measure anew from here on.") from error
