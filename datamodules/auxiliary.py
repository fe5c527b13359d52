"""Member and non-member pairs, made by querying the target."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader

from datamodules.pairs import PairArrays, PairDataset
from datamodules.sources.base import RecordSource
from lit_mia.errors import RecordError
from lit_mia.features.cache import cached_rows, key_digest
from lit_mia.features.encoders import Encoder
from lit_mia.features.pixels import decode_images, resize
from lit_mia.queries.cost import Cost, Estimate
from lit_mia.queries.generate import GenerateQuery, estimate, fill, queries_for, read
from lit_mia.queries.store import Store
from lit_mia.records import UNKNOWN, PairBatch, Records
from lit_mia.splits import Splits, assign_splits, check_splits, group_coin, lock_splits
from lit_mia.targets.base import AccessLevel, GenerateTarget

CHUNK = 256


class AuxiliaryDataModule(L.LightningDataModule):
    """Records of known membership and what the target generates for their captions (Wu et al. 2022).

    The store is filled with what is missing, each rank asking its own share, and nothing is asked twice. Splits are
    disjoint by group, drawn by a hash, and locked in the store before the first query.

    Args:
        source: Where the records come from.
        target: The model under audit.
        store: Folder of the target's answers, the split lock and the cached features.
        encoder: Image and text encoder of the semantic heads; None is the shipped `OpenClipEncoder`.
        image_size: Side in pixels at which query and generated images are compared and embedded.
        images_per_record: Images generated for each caption.
        fractions: Shares of train, val, calibration and test.
        split_seed: Seed of the splits; a locked store refuses another.
        query_seed: Seed of the target's sampling; the seed of a record also depends on its id.
        train_fraction: Share of the training groups that is used.
        train_draw: Which share, if not all are used.
        batch_size: Records per step.
        num_workers: Worker processes of each loader.
    """

    def __init__(
        self,
        source: RecordSource,
        target: GenerateTarget,
        store: str,
        encoder: Encoder | None = None,
        image_size: int = 64,
        images_per_record: int = 1,
        fractions: tuple[float, float, float, float] = (0.4, 0.1, 0.1, 0.4),
        split_seed: int = 0,
        query_seed: int = 0,
        train_fraction: float = 1.0,
        train_draw: int = 0,
        batch_size: int = 128,
        num_workers: int = 0,
    ) -> None:
        super().__init__()
        _check_range(image_size=image_size, images_per_record=images_per_record, batch_size=batch_size)
        if not 0 < train_fraction <= 1:
            raise RecordError(f"`train_fraction` must be in (0, 1], but got {train_fraction}.")
        self.source, self.target, self.store_path = source, target, Path(store).expanduser()
        self._encoder, self.image_size, self.images_per_record = encoder, image_size, images_per_record
        self.fractions, self.split_seed, self.query_seed = fractions, split_seed, query_seed
        self.train_fraction, self.train_draw = train_fraction, train_draw
        self.batch_size, self.num_workers = batch_size, num_workers
        self.arrays: PairArrays | None = None
        self.cost = Cost()
        self.skipped: list[str] = []

    # ------------------------------------------------------------------ records and splits

    @cached_property
    def all_records(self) -> Records:
        """The readable records of the source, of known and unknown membership; a large table is loaded once."""
        records = self.source.load()
        _, unreadable = decode_images(records, self.image_size, self._pixel_folder)
        self.skipped = [records.ids[row] for row in unreadable]
        gone = set(unreadable)
        return records.select([row for row in range(len(records)) if row not in gone])

    @cached_property
    def known(self) -> Records:
        """The records of known membership: what heads are trained and tested on."""
        records = self.all_records
        return records.select([row for row, member in enumerate(records.members) if member != UNKNOWN])

    @cached_property
    def unknown(self) -> Records:
        """The records of unknown membership: what `predict` scores."""
        records = self.all_records
        return records.select([row for row, member in enumerate(records.members) if member == UNKNOWN])

    @cached_property
    def splits(self) -> Splits:
        """The splits of the known records, checked and locked.

        Raises:
            SplitError: If a split lacks a class, or the lock holds other splits.
        """
        splits = assign_splits(self.known, self.fractions, self.split_seed)
        check_splits(splits, self.known)
        lock_splits(splits, self.known, self.store_path / "splits.json")
        return splits

    @cached_property
    def train_rows(self) -> list[int]:
        """The training rows, or the drawn share of them."""
        rows = self.splits.rows["train"]
        if self.train_fraction == 1:
            return list(rows)
        draw = f"train/{self.train_draw}"
        kept = [row for row in rows if group_coin(draw, self.known.groups[row]) < self.train_fraction]
        if len({self.known.members[row] for row in kept}) < 2:
            raise RecordError(
                f"`train_fraction` {self.train_fraction} (draw {self.train_draw}) leaves {len(kept)} of {len(rows)} "
                "training records, not of both classes. Use a larger fraction or another draw."
            )
        return kept

    # ------------------------------------------------------------------ queries

    @cached_property
    def encoder(self) -> Encoder:
        """The encoder of the semantic heads."""
        if self._encoder is not None:
            return self._encoder
        from lit_mia.features.open_clip_encoder import OpenClipEncoder

        return OpenClipEncoder()

    @cached_property
    def store(self) -> Store:
        """The store of the target's answers."""
        self.target.require(AccessLevel.GENERATE)
        return Store(self.store_path, self.target.fingerprint())

    def estimate(self) -> Estimate:
        """What filling the store for the known records would cost; asks nothing."""
        return estimate(self.store, self.target, self._queries(self.known))

    def query(self, rank: int = 0, world_size: int = 1) -> None:
        """Fill the store with the missing answers for the known records."""
        self._fill(self.known, rank, world_size)

    def _queries(self, records: Records) -> list[GenerateQuery]:
        return queries_for(records, self.images_per_record, self.query_seed)

    def _fill(self, records: Records, rank: int, world_size: int) -> None:
        self.cost = self.cost + fill(self.store, self.target, self._queries(records), rank, world_size)

    def hashes(self) -> dict[str, str]:
        """What the splits and the answers are, as hashes."""
        return {"split_digest": self.splits.digest, "store_digest": self.store.digest()}

    def answers(self, rows: Sequence[int]) -> list[NDArray[np.uint8]]:
        """The first stored answer to each of some known records, as arrays `[h, w, 3]` at the target's own size."""
        table = self.known.select(rows)
        images = read(self.store, self._queries(table), table)[:, 0]
        return [image.permute(1, 2, 0).numpy() for image in images]

    # ------------------------------------------------------------------ Lightning

    def prepare_data(self) -> None:
        """Load and decode the records and lock the splits, once per node."""
        if len(self.known):
            _ = self.splits

    def setup(self, stage: str) -> None:
        """Fill this rank's share of the store, then build the arrays that the head needs."""
        table = self._table(stage)
        trainer: Any = self.trainer
        inputs = trainer.lightning_module.inputs
        if self.arrays is not None and self.table is table and self.arrays.hold(inputs):
            return
        self._fill(table, trainer.global_rank, trainer.world_size)
        trainer.strategy.barrier("queries")
        if trainer.is_global_zero:  # the others find the features cached
            self.prepare(inputs, stage)
        trainer.strategy.barrier("features")
        self.prepare(inputs, stage)

    def prepare(self, inputs: frozenset[str], stage: str = "fit") -> None:
        """Build arrays of `inputs` for the records of a stage, asking what is still missing."""
        if stage != "predict":
            _ = self.splits
        self.table = self._table(stage)
        self._fill(self.table, 0, 1)
        self.arrays = PairArrays(
            member=np.array(self.table.members, dtype=np.int64),
            **{name: getattr(self, f"_{name}")() for name in sorted(inputs)},
        )

    def example(self) -> PairBatch:
        """One record, to learn the shapes from."""
        return self._dataset([0]).arrays.batch([0])

    def train_batches(self) -> Iterator[PairBatch]:
        """The training records in order, on every rank."""
        return self._dataset(self.train_rows).batches(self.batch_size)

    def train_dataloader(self) -> DataLoader[PairBatch]:
        """The training split, shuffled."""
        return self._dataset(self.train_rows).loader(self.batch_size, True, self.num_workers)

    def val_dataloader(self) -> list[DataLoader[PairBatch]]:
        """The val split, which chooses the epoch, and the calibration split, which sets the threshold."""
        return [self._split_loader("val"), self._split_loader("calibration")]

    def test_dataloader(self) -> DataLoader[PairBatch]:
        """The test split."""
        return self._split_loader("test")

    def predict_dataloader(self) -> DataLoader[PairBatch]:
        """The records of unknown membership."""
        return self._dataset(range(len(self.unknown))).loader(self.batch_size)

    def batches(self) -> Iterator[PairBatch]:
        """All records of the table in order."""
        return self._dataset(range(len(self.table))).batches(self.batch_size)

    def answered_by(self, target: GenerateTarget, store: str) -> "AuxiliaryDataModule":
        """The same records, splits and settings with the answers of another target (a placebo)."""
        other = AuxiliaryDataModule(
            self.source,
            target,
            store,
            self.encoder,
            self.image_size,
            self.images_per_record,
            self.fractions,
            self.split_seed,
            self.query_seed,
            self.train_fraction,
            self.train_draw,
            self.batch_size,
            self.num_workers,
        )
        other.all_records, other.skipped = self.all_records, self.skipped
        return other

    def _split_loader(self, split: str) -> DataLoader[PairBatch]:
        return self._dataset(self.splits.rows[split]).loader(self.batch_size)

    def _dataset(self, rows: "range | list[int] | tuple[int, ...]") -> PairDataset:
        if self.arrays is None:
            raise RecordError("The datamodule was not set up: call `setup` (a Trainer does) before its loaders.")
        return PairDataset(self.arrays, rows)

    def _table(self, stage: str) -> Records:
        if stage != "predict":
            return self.known
        if not self.unknown:
            raise RecordError(
                "`predict` scores records of unknown membership, but every record of the source is labelled. "
                "Leave their `member` empty, or set `member_column: null`."
            )
        return self.unknown

    # ------------------------------------------------------------------ features

    @property
    def _pixel_folder(self) -> Path:
        return self.store_path / "features"

    def _image(self) -> NDArray[np.uint8]:
        images, _ = decode_images(self.table, self.image_size, self._pixel_folder)
        return images

    def _generated(self) -> NDArray[np.uint8]:
        queries = self._queries(self.table)

        def chunks() -> Iterator[NDArray[np.uint8]]:
            for start in range(0, len(self.table), CHUNK):
                rows = range(start, min(start + CHUNK, len(self.table)))
                asked = queries[start * self.images_per_record : (rows.stop) * self.images_per_record]
                yield resize(read(self.store, asked, self.table.select(rows)), self.image_size).numpy()

        return cached_rows(self._pixel_folder, self._generated_key(queries), len(self.table), np.uint8, chunks)

    def _generated_key(self, queries: list[GenerateQuery]) -> Mapping[str, object]:
        keys = key_digest({"keys": [query.key for query in queries]})
        return {"what": "generated", "queries": keys, "size": self.image_size, "per_record": self.images_per_record}

    def _image_embedding(self) -> NDArray[np.float32]:
        images = self._image()
        key = {"what": "images", "records": [*self.table.ids], "size": self.image_size}
        return self._embedded(key, images)

    def _generated_embedding(self) -> NDArray[np.float32]:
        images = self._generated()
        embedded = self._embedded(self._generated_key(self._queries(self.table)), images.reshape(-1, *images.shape[2:]))
        return embedded.reshape(*images.shape[:2], -1)

    def _text_embedding(self) -> NDArray[np.float32]:
        captions = [str(caption) for caption in self.table.captions]
        key = {"what": "texts", "texts": captions, "encoder": self.encoder.fingerprint()}

        def chunks() -> Iterator[NDArray[np.float32]]:
            yield self.encoder.embed_texts(captions).numpy()

        return cached_rows(self._pixel_folder, key, len(captions), np.float32, chunks)

    def _embedded(self, key: Mapping[str, object], images: NDArray[np.uint8]) -> NDArray[np.float32]:
        def chunks() -> Iterator[NDArray[np.float32]]:
            for start in range(0, len(images), CHUNK):
                yield self.encoder.embed_images(torch.from_numpy(images[start : start + CHUNK].copy())).numpy()

        parts = {**key, "encoder": self.encoder.fingerprint()}
        return cached_rows(self._pixel_folder, parts, len(images), np.float32, chunks)


def _check_range(**at_least_one: int) -> None:
    for name, value in at_least_one.items():
        if value < 1:
            raise RecordError(f"`{name}` must be at least 1, but got {value}.")
