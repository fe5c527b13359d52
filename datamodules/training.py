"""The records that a target is trained on, and those that are held out of it."""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import islice
from typing import Any, final

import lightning as L
import torch
from lightning.fabric.utilities import move_data_to_device
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from datamodules.reading import read_images
from datamodules.sources.base import RecordSource
from datamodules.sources.places import with_home
from lit_mia.batches import slices
from lit_mia.errors import RecordError
from lit_mia.features.pixels import decode_images
from lit_mia.files import key_digest
from lit_mia.ranges import POSITIVE_SHARE, at_least, check
from lit_mia.records import MEMBER, NON_MEMBER, UNKNOWN, Records, id_hash
from lit_mia.splits import group_coin
from lit_mia.training_batch import ProbeBatch, ReadsRecords, TrainingBatch

logger = logging.getLogger(__name__)
ENCODED_AT_ONCE = 64


@final
class TargetDataModule(L.LightningDataModule):
    """Records that a target is trained on, in an order that follows from the seed, and records that are held out.

    Args:
        source: Where the records come from.
        batch_size: Records per step and process.
        member_share: Where the source does not say who is trained on: the probability with which a coin for each group
            of records lets it in; 1 trains on all. Nearly equal images are one group where the source states none. Null
            trains on the members that the source states and holds its non-members out.
        member_seed: Seed of the coin.
        missing_caption: Caption of records without one; null refuses them, if the target reads captions.
        encode_once: Keep in memory what frozen networks, such as an autoencoder, make of all records, instead of asking
            them at every step.
        cache_dir: Folder for decoded images.
    """

    def __init__(
        self,
        source: RecordSource,
        batch_size: int = 64,
        member_share: float | None = None,
        member_seed: int = 0,
        missing_caption: str | None = None,
        encode_once: bool = True,
        cache_dir: str = "~/.cache/lit-mia/training",
    ) -> None:
        super().__init__()
        check(RecordError, at_least(1)(batch_size=batch_size), POSITIVE_SHARE(member_share=member_share))
        self.source, self.batch_size = source, batch_size
        self.member_share, self.member_seed = member_share, member_seed
        self.missing_caption, self.encode_once = missing_caption, encode_once
        self.folder = with_home(cache_dir)
        self._order: int | None = None
        self._probed: dict[tuple[bool, int], list[ProbeBatch]] = {}

    # ------------------------------------------------------------------ records

    @cached_property
    def records(self) -> Records:
        """Those that are trained on or held out, each with a label and a caption.

        Raises:
            RecordError: If there is nobody to train on, or captions are missing.
        """
        table, share = self.source.load(), self.member_share
        if share is not None and set(table.members) - {UNKNOWN}:
            raise RecordError(
                "`member_share` draws a coin for records of unknown membership, but the source states who the members "
                "are. Leave `member_share` out, or the labels of the source (`member_column: null`)."
            )
        asked = table if share is None else replace(table, members=(NON_MEMBER,) * len(table))
        read = read_images(asked, self._model.image_size, self.folder)
        usable = read.records.select(read.rows)
        grouped = in_groups(usable, [d.ids for d in read.duplicates])
        labelled = grouped if share is None else by_coin(grouped, share, self._seed)
        known = labelled.select(labelled.rows_of(MEMBER, NON_MEMBER))
        if MEMBER not in known.members:
            raise RecordError(
                f"None of the {len(table)} records is a member, so there is nothing to train on. Label them, or set "
                "`member_share`: 0.5 holds about half of them out for the audit, 1 trains on all."
            )
        return self._captioned(known)

    @cached_property
    def members(self) -> Sequence[int]:
        """Rows of `records` that are trained on."""
        return self.records.rows_of(MEMBER)

    @cached_property
    def held_out(self) -> Sequence[int]:
        """Rows of `records` that are not."""
        return self.records.rows_of(NON_MEMBER)

    @property
    def _coin(self) -> dict[str, float] | None:
        """What decided who is trained on; None if the source did."""
        return None if self.member_share is None else {"share": self.member_share, "seed": self.member_seed}

    @property
    def _seed(self) -> str:
        return f"members/{self.member_seed}"

    @property
    def _model(self) -> ReadsRecords:
        """The training that these records are for.

        Raises:
            RecordError: If there is none.
        """
        model: Any = None if self.trainer is None else self.trainer.lightning_module
        if not isinstance(model, ReadsRecords):
            raise RecordError(f"TargetDataModule serves trainings of targets, not {type(model).__name__}.")
        return model

    def _captioned(self, records: Records) -> Records:
        bare = records.uncaptioned()
        if bare and self._model.needs_captions and self.missing_caption is None:
            raise RecordError(
                f"{len(bare)} of {len(records)} records have no caption, e.g. {bare[:3]}, but the target reads "
                "captions. Give the source a column of captions, or set `missing_caption` to one text for all of them."
            )
        return replace(records, captions=tuple(caption or self.missing_caption or "" for caption in records.captions))

    def membership(self) -> dict[str, Any]:
        """Who is trained on and who is held out, as JSON values."""
        return {
            "source": type(self.source).__name__,
            "coin": self._coin,
            "members": [self.records.ids[row] for row in self.members],
            "held_out": [self.records.ids[row] for row in self.held_out],
        }

    def recipe(self) -> dict[str, Any]:
        """What changes a training, or what it is said to leak, as JSON values."""
        return {
            "class": type(self).__name__,
            "source": type(self.source).__name__,
            "coin": self._coin,
            **_facts(self.records.select(self.members)),
            "held_out": _facts(self.records.select(self.held_out)),
            "batch_size": self.batch_size,
        }

    # ------------------------------------------------------------------ Lightning

    def prepare_data(self) -> None:
        """Load and decode the records."""
        logger.info("%d records are trained on, %d are held out", len(self.members), len(self.held_out))

    def train_dataloader(self) -> DataLoader[TrainingBatch]:
        """Endless batches of the records that are trained on."""
        if self.encode_once:
            _ = self._parts
        return DataLoader(Endless(self._stream), batch_size=None)

    def probe_batches(self, member: bool, most: int) -> Iterator[ProbeBatch]:
        """Some records of one side, encoded, the same on every process.

        Args:
            member: Whether of those that are trained on, or of those that are held out.
            most: How many at most; which ones does not depend on their order.
        """
        if not self.encode_once:
            yield from self._probe(member, most)
            return
        if (member, most) not in self._probed:
            made = self._probe(member, most)
            self._probed[member, most] = [move_data_to_device(probed, torch.device("cpu")) for probed in made]
        yield from self._probed[member, most]

    def passes(self) -> float:
        """How often a record has been trained on so far, on average."""
        assert self.trainer is not None
        return self._model.batches_done * self.batch_size * self.trainer.world_size / len(self.members)

    def state_dict(self) -> dict[str, Any]:
        """What the order of the records follows from."""
        return {"order": self._order}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up the order; the training says which batch comes next."""
        self._order = state_dict["order"]

    # ------------------------------------------------------------------ batches

    def _stream(self) -> Iterator[TrainingBatch]:
        """Batches of this process from the one that comes next; the order is drawn when it is first needed."""
        assert self.trainer is not None
        if self._order is None:
            self._order = int(torch.empty((), dtype=torch.int64).random_().item())
            self._order = int(self.trainer.strategy.broadcast(self._order))
        world, rank = self.trainer.world_size, self.trainer.global_rank
        order = endless_rows(len(self.members), self._order)
        for rows in islice(batches_of(order, self.batch_size * world), self._model.batches_done, None):
            yield self._batch(rows[rank::world])

    def _batch(self, places: Sequence[int]) -> TrainingBatch:
        """The records of some places among those that are trained on."""
        rows = [self.members[place] for place in places]
        if not self.encode_once:
            return self._raw(rows)
        captions = [str(self.records.captions[row]) for row in rows]
        return TrainingBatch(torch.empty(0), captions, {name: part[list(places)] for name, part in self._parts.items()})

    def _probe(self, member: bool, most: int) -> Iterator[ProbeBatch]:
        rows = sorted(self.members if member else self.held_out, key=lambda row: id_hash(self.records.ids[row]))
        for part in slices(min(most, len(rows)), self.batch_size):
            some = self.records.select(rows[:most][part])
            batch = self._model.encoded(self._raw(rows[:most][part]))
            yield ProbeBatch(batch._replace(images=torch.empty(0)), ids=some.ids, groups=some.groups)

    def _raw(self, rows: Sequence[int]) -> TrainingBatch:
        """Images and captions of some records, on the device of the training."""
        images = torch.from_numpy(self._images[list(rows)]).to(self._model.device)
        return TrainingBatch(images, [str(self.records.captions[row]) for row in rows], {})

    @cached_property
    def _images(self) -> Any:
        return decode_images(self.records, self._model.image_size, self.folder).images

    @cached_property
    def _parts(self) -> dict[str, Tensor]:
        """What frozen networks make of the records that are trained on, on the CPU."""
        parts = [
            self._model.encoded(self._raw(self.members[rows])).parts
            for rows in slices(len(self.members), ENCODED_AT_ONCE)
        ]
        return {name: torch.cat([part[name].cpu() for part in parts]) for name in parts[0]}


@final
class Endless(IterableDataset[TrainingBatch]):
    """Whatever a function yields; a Trainer puts no sampler of its own in its place."""

    def __init__(self, stream: Callable[[], Iterator[TrainingBatch]]) -> None:
        self.stream = stream

    def __iter__(self) -> Iterator[TrainingBatch]:
        return self.stream()


def _facts(records: Records) -> dict[str, Any]:
    """What records are, as JSON values."""
    return {
        "records": len(records),
        "ids": key_digest([records.ids, records.groups]),
        "images": records.images_digest(),
        "captions": id_hash("\n".join(map(str, records.captions))),
    }


def endless_rows(count: int, seed: int) -> Iterator[int]:
    """Rows in random order, pass after pass, each pass in another order.

    Args:
        count: How many there are.
        seed: What the order follows from.
    """
    generator = torch.Generator().manual_seed(seed)
    while True:
        yield from torch.randperm(count, generator=generator).tolist()


def batches_of(rows: Iterator[int], size: int) -> Iterator[list[int]]:
    """Endless rows in lists of `size`."""
    while True:
        yield list(islice(rows, size))


def in_groups(records: Records, alike: Sequence[Sequence[str]]) -> Records:
    """The records, with those that show the same in one group where the source states no groups.

    Args:
        records: The records.
        alike: Ids of those that show the same.
    """
    return records if records.grouped else records.joined(alike)


def by_coin(records: Records, share: float, seed: str) -> Records:
    """The records with the labels that a coin per group gives them.

    Args:
        records: The records.
        share: Probability of being let in.
        seed: What the coin follows from, beside the group.
    """
    drawn = (group_coin(seed, group) < share for group in records.groups)
    return replace(records, members=tuple(MEMBER if let_in else NON_MEMBER for let_in in drawn))
