"""Member and non-member pairs, made by querying the target."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, final

import numpy as np
import torch
from numpy.typing import NDArray

from datamodules.base import AuditDataModule
from datamodules.pairs import PairArrays
from datamodules.sources.base import RecordSource
from datamodules.tables import check_range
from lit_mia.attacks.base import Attack
from lit_mia.cache import cached_rows, key_digest
from lit_mia.cost import Estimate
from lit_mia.errors import CaptionerError
from lit_mia.features.captioners import Captioner, cached_captions
from lit_mia.features.encoders import Encoder
from lit_mia.features.open_clip_encoder import OpenClipEncoder
from lit_mia.features.pixels import resize
from lit_mia.queries.generate import GenerateQuery, estimate, fill, queries_for, read, refusals
from lit_mia.queries.store import Store
from lit_mia.records import Records
from lit_mia.targets.base import AccessLevel, GenerateTarget

CHUNK = 256


@final
class AuxiliaryDataModule(AuditDataModule):
    """Records of known membership and what the target generates for their captions (Wu et al. 2022).

    The store is filled with what is missing, each rank asking its own share, and nothing is asked twice. Splits are
    disjoint by group, drawn by a hash, and locked in the store before the first query. A record of which the target
    refuses an image leaves the splits: it is neither trained on nor scored.

    Args:
        source: Where the records come from.
        target: The model under audit.
        store: Folder of the target's answers, the split lock and the cached features.
        encoder: Encoder of the semantic heads; None is the shipped `OpenClipEncoder`, which also embeds the captions
            for the caption control where `encoder` embeds images alone.
        captioner: What describes the query images, for an attacker who holds no captions; None takes those of the
            source. A record whose caption comes out empty is skipped.
        image_size: Side in pixels at which query and generated images are described, compared and embedded.
        images_per_record: Images generated for each caption.
        fractions: Shares of train, val, calibration and test.
        split_seed: Seed of the splits; a locked store refuses another.
        query_seed: Seed of the target's sampling; the seed of a record also depends on its id.
        train_fraction: Share of the training groups that is used.
        train_draw: Which share, if not all are used.
        batch_size: Records per step.
        num_workers: Worker processes of each loader.
    """

    target: GenerateTarget

    def __init__(
        self,
        source: RecordSource,
        target: GenerateTarget,
        store: str,
        encoder: Encoder | None = None,
        captioner: Captioner | None = None,
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
        super().__init__(
            source,
            store,
            image_size,
            fractions,
            split_seed,
            query_seed,
            train_fraction,
            train_draw,
            batch_size,
            num_workers,
        )
        check_range(images_per_record=images_per_record)
        self.target, self._encoder, self.images_per_record = target, encoder, images_per_record
        self.captioner = captioner

    # ------------------------------------------------------------------ captions

    def captioned(self, records: Records) -> Records:
        """The records with the captioner's captions, without those of which it says nothing.

        Raises:
            CaptionerError: If it says nothing of any record.
        """
        if self.captioner is None or not len(records):
            return records
        key = {"records": [*records.ids], "size": self.image_size}
        captions = cached_captions(self.captioner, self.query_images(records), self.folder, key)
        described = [row for row, caption in enumerate(captions) if caption]
        if not described:
            raise CaptionerError(f"The captions of all {len(records)} records are empty. Use another captioner.")
        self.skipped += [name for name, caption in zip(records.ids, captions, strict=True) if not caption]
        return replace(records, captions=tuple(captions)).select(described)

    def captioner_fingerprint(self) -> dict[str, Any]:
        """What the captioner is; empty without one."""
        return {} if self.captioner is None else dict(self.captioner.fingerprint())

    # ------------------------------------------------------------------ queries

    @cached_property
    def encoder(self) -> Encoder:
        """The encoder of the semantic heads."""
        if self._encoder is not None:
            return self._encoder
        return OpenClipEncoder()

    @cached_property
    def text_encoder(self) -> Encoder:
        """What embeds captions: the encoder, or the shipped one if the encoder embeds images alone."""
        return self.encoder if self.encoder.embeds_text else OpenClipEncoder()

    def encoder_fingerprint(self) -> dict[str, Any]:
        """What the encoder is, and what embeds captions if it does not."""
        captions = {} if self.encoder.embeds_text else {"captions": self.text_encoder.fingerprint()}
        return {**self.encoder.fingerprint(), **captions}

    def check_head(self, head: Attack) -> None:
        """Refuse a head that the encoder cannot serve; asks nothing.

        Raises:
            EncoderError: If the head needs another encoder.
        """
        head.check_encoder(self.encoder)

    @cached_property
    def store(self) -> Store:
        """The store of the target's answers."""
        self.target.require(AccessLevel.GENERATE)
        return Store(self.store_path, self.target.fingerprint())

    def estimate(self, *others: "AuxiliaryDataModule") -> Estimate:
        """What filling the store for the labelled records would cost; asks nothing.

        Args:
            others: Further datamodules over the same store, whose queries are counted too; what several need, once.
        """
        queries = [query for data in (self, *others) for query in data._queries(data.labelled)]
        return estimate(self.store, self.target, queries)

    def _queries(self, records: Records) -> list[GenerateQuery]:
        return queries_for(records, self.images_per_record, self.query_seed)

    def fill(self, records: Records, rank: int, world_size: int) -> None:
        """Generate the missing images of this rank's share."""
        self.cost = self.cost + fill(self.store, self.target, self._queries(records), rank, world_size)

    def refusals(self, records: Records) -> dict[str, str]:
        """Id → reason of those of some records of which the target refused an image."""
        return refusals(self.store, self._queries(records))

    def store_digest(self) -> str:
        """SHA-256 of all answers."""
        return self.store.digest()

    def answers(self, rows: Sequence[int]) -> list[NDArray[np.uint8]]:
        """The first stored answer to each of some known records, as arrays `[h, w, 3]` at the target's own size."""
        table = self.known.select(rows)
        images = read(self.store, self._queries(table), table)[:, 0]
        return [image.permute(1, 2, 0).numpy() for image in images]

    def answered_by(self, target: GenerateTarget, store: str) -> "AuxiliaryDataModule":
        """The same records, splits and settings with the answers of another target (a placebo)."""
        other = AuxiliaryDataModule(
            self.source,
            target,
            store,
            self.encoder,
            self.captioner,
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
        other.share_records(self)
        return other

    # ------------------------------------------------------------------ features

    def arrays_of(self, inputs: frozenset[str]) -> PairArrays:
        """Images, answers and embeddings of the table."""
        return PairArrays(
            member=np.array(self.table.members, dtype=np.int64),
            **{name: getattr(self, f"_{name}")() for name in sorted(inputs)},
        )

    def _image(self) -> NDArray[np.uint8]:
        return self.query_images(self.table)

    def _generated(self) -> NDArray[np.uint8]:
        queries = self._queries(self.table)

        def chunks() -> Iterator[NDArray[np.uint8]]:
            for start in range(0, len(self.table), CHUNK):
                rows = range(start, min(start + CHUNK, len(self.table)))
                asked = queries[start * self.images_per_record : (rows.stop) * self.images_per_record]
                yield resize(read(self.store, asked, self.table.select(rows)), self.image_size).numpy()

        return cached_rows(self.folder, self._generated_key(queries), len(self.table), np.uint8, chunks)

    def _generated_key(self, queries: list[GenerateQuery]) -> Mapping[str, object]:
        keys = key_digest({"keys": [query.key for query in queries]})
        return {"what": "generated", "queries": keys, "size": self.image_size, "per_record": self.images_per_record}

    def embeddings(self, encoder: Encoder) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """What any encoder makes of the query images `[n, d]` and of the answers `[n, k, d]` of the table."""
        return self._image_embedding(encoder), self._generated_embedding(encoder)

    def _image_embedding(self, encoder: Encoder | None = None) -> NDArray[np.float32]:
        images = self._image()
        key = {"what": "images", "records": [*self.table.ids], "size": self.image_size}
        return self._embedded(key, images, encoder or self.encoder)

    def _generated_embedding(self, encoder: Encoder | None = None) -> NDArray[np.float32]:
        images = self._generated()
        key, flat = self._generated_key(self._queries(self.table)), images.reshape(-1, *images.shape[2:])
        embedded = self._embedded(key, flat, encoder or self.encoder)
        return embedded.reshape(*images.shape[:2], -1)

    def _text_embedding(self) -> NDArray[np.float32]:
        captions = [str(caption) for caption in self.table.captions]
        key = {"what": "texts", "texts": captions, "encoder": self.text_encoder.fingerprint()}

        def chunks() -> Iterator[NDArray[np.float32]]:
            yield self.text_encoder.embed_texts(captions).numpy()

        return cached_rows(self.folder, key, len(captions), np.float32, chunks)

    def _embedded(self, key: Mapping[str, object], images: NDArray[np.uint8], encoder: Encoder) -> NDArray[np.float32]:
        def chunks() -> Iterator[NDArray[np.float32]]:
            for start in range(0, len(images), CHUNK):
                yield encoder.embed_images(torch.from_numpy(images[start : start + CHUNK].copy())).numpy()

        parts = {**key, "encoder": encoder.fingerprint()}
        return cached_rows(self.folder, parts, len(images), np.float32, chunks)
