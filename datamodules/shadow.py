"""Pairs of a shadow target for training, pairs of the attacked target for testing."""

from collections.abc import Iterator
from typing import final

from torch.utils.data import DataLoader

from datamodules.auxiliary import AuxiliaryDataModule
from lit_mia.attacks.data import HeadDataModule, Reader
from lit_mia.errors import SplitError
from lit_mia.pair_batch import PairBatch
from lit_mia.records import Records


@final
class ShadowDataModule(HeadDataModule):
    """Heads learn on a shadow target, whose members we know by construction, and are tested on another target.

    Train, val and calibration come from the shadow target, so the threshold too is the attacker's own; test and predict
    come from the attacked target. Records that both questions share stay in one split.

    Args:
        shadow: Records and answers of the shadow target.
        attacked: Records and answers of the attacked target.
    """

    def __init__(self, shadow: AuxiliaryDataModule, attacked: AuxiliaryDataModule) -> None:
        super().__init__()
        self.shadow, self.attacked = shadow, attacked

    @property
    def table(self) -> Records:
        """The records that are tested or predicted."""
        return self.attacked.table

    def check_head(self, head: Reader) -> None:
        """Refuse a head that one of the sides cannot serve."""
        self.shadow.check_head(head)
        self.attacked.check_head(head)

    def prepare_data(self) -> None:
        """Load both tables and lock both splits.

        Raises:
            SplitError: If a group trains or calibrates the head on one side and tests it on the other.
        """
        self.shadow.trainer = self.attacked.trainer = self.trainer
        self.shadow.prepare_data()
        self.attacked.prepare_data()
        learned = {
            self.shadow.view.known.groups[row]
            for split in ("train", "val", "calibration")
            for row in self.shadow.view.splits.rows[split]
        }
        tested = {self.attacked.view.known.groups[row] for row in self.attacked.view.splits.rows["test"]}
        if both := sorted(learned & tested):
            raise SplitError(
                f"{len(both)} groups are learned from on the shadow target and tested on the attacked one, e.g. "
                f"{both[:3]}. Give both sides the same `split_seed` and `fractions`."
            )

    def setup(self, stage: str) -> None:
        """Query both targets for what is missing."""
        self.shadow.trainer = self.attacked.trainer = self.trainer
        if stage != "predict":
            self.shadow.setup(stage)
        self.attacked.setup(stage)

    def hashes(self) -> dict[str, str]:
        """What the splits and the answers of both sides are, as hashes."""
        sides = {"shadow": self.shadow, "attacked": self.attacked}
        return {f"{side}_{name}": value for side, data in sides.items() for name, value in data.hashes().items()}

    def example(self) -> PairBatch:
        """One record, to learn the shapes from."""
        return self.attacked.example()

    def train_batches(self) -> Iterator[PairBatch]:
        """The shadow target's training records in order."""
        return self.shadow.train_batches()

    def batches(self) -> Iterator[PairBatch]:
        """All records of the table in order."""
        return self.attacked.batches()

    def train_dataloader(self) -> DataLoader[PairBatch]:
        """The shadow target's training split."""
        return self.shadow.train_dataloader()

    def val_dataloader(self) -> list[DataLoader[PairBatch]]:
        """The shadow target's val and calibration splits."""
        return self.shadow.val_dataloader()

    def test_dataloader(self) -> DataLoader[PairBatch]:
        """The attacked target's test split."""
        return self.attacked.test_dataloader()

    def predict_dataloader(self) -> DataLoader[PairBatch]:
        """The records of unknown membership, with the attacked target's answers."""
        return self.attacked.predict_dataloader()
