"""Settings of datamodules that travel together."""

from dataclasses import dataclass

from lit_mia.errors import RecordError
from lit_mia.records import Records
from lit_mia.splits import Splits, group_coin


@dataclass(frozen=True)
class Splitting:
    """How records are split, and which of the training records are used.

    Attributes:
        fractions: Shares of train, val, calibration and test.
        seed: Seed of the splits.
        train_fraction: Share of the training groups that is used.
        train_draw: Which share, if not all are used.

    Raises:
        RecordError: If `train_fraction` is not in (0, 1].
    """

    fractions: tuple[float, float, float, float]
    seed: int
    train_fraction: float
    train_draw: int

    def __post_init__(self) -> None:
        """Check the share."""
        if not 0 < self.train_fraction <= 1:
            raise RecordError(f"`train_fraction` must be in (0, 1], but got {self.train_fraction}.")

    def train_rows(self, records: Records, splits: Splits) -> list[int]:
        """The training rows, or the drawn share of them.

        Args:
            records: The table that was split.
            splits: Its splits.

        Raises:
            RecordError: If the share lacks a class.
        """
        rows = splits.rows["train"]
        if self.train_fraction == 1:
            return list(rows)
        draw = f"train/{self.train_draw}"
        kept = [row for row in rows if group_coin(draw, records.groups[row]) < self.train_fraction]
        if len({records.members[row] for row in kept}) < 2:
            raise RecordError(
                f"`train_fraction` {self.train_fraction} (draw {self.train_draw}) leaves {len(kept)} of {len(rows)} "
                "training records, not of both classes. Use a larger fraction or another draw."
            )
        return kept


@dataclass(frozen=True)
class Loading:
    """How batches are loaded.

    Attributes:
        batch_size: Records per step.
        num_workers: Worker processes of each loader.

    Raises:
        RecordError: If `batch_size` is below 1.
    """

    batch_size: int
    num_workers: int = 0

    def __post_init__(self) -> None:
        """Check the size."""
        check_range(batch_size=self.batch_size)


def check_range(**at_least_one: int) -> None:
    """Refuse settings below 1.

    Raises:
        RecordError: If one is.
    """
    for name, value in at_least_one.items():
        if value < 1:
            raise RecordError(f"`{name}` must be at least 1, but got {value}.")
