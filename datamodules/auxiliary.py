"""Member and non-member pairs, made by querying the target."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from datamodules.base import AuditDataModule
from datamodules.inputs import (
    PAIR_INPUTS,
    Pairs,
    Tools,
    embedded_images,
    generated_embedding,
    image_embedding,
    likeness,
)
from datamodules.pairs import Loading, PairArrays
from datamodules.prompts import Prompts
from datamodules.sources.base import RecordSource
from datamodules.view import NearDuplicates, Splitting
from lit_mia.attacks.data import WITHOUT_TARGET, Reader
from lit_mia.attacks.origins import Origin
from lit_mia.cost import Estimate
from lit_mia.errors import CaptionerError, RecordError
from lit_mia.features.captioners import Captioner, cached_captions
from lit_mia.features.duplicates import Sets
from lit_mia.features.encoders import Encoder
from lit_mia.features.neighbours import believed, neighbour_sets
from lit_mia.features.pixels import pixels_key
from lit_mia.queries.generate import GenerateQuery, Queries, estimate, fill, queries_for, read, refusals
from lit_mia.queries.store import Store
from lit_mia.ranges import at_least, check
from lit_mia.records import Records
from lit_mia.targets.base import AccessLevel, GenerateTarget


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
        encoder: Encoder of the semantic heads and of the controls of captions, which every head has.
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
        text_encoder: Embeds the captions for the controls of captions where `encoder` embeds images alone.
        near_duplicates: What is done about equal and nearly equal images of several groups: `report` them, put them
            into one `group`, or `refuse` the records. Null groups them where the source states no groups, and reports
            them where it does. Nearly equal are also images that `encoder` takes for the same.
        prompts: Which captions target, attacks and controls are given. `own`: each record's. The others are negative
            controls, with results of their own: `fixed`, one text for all; `shuffled`, dealt out anew within each split
            and side; `swapped`, members those of non-members and the reverse.
    """

    scored_by = frozenset({"head"})
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
        text_encoder: Encoder | None = None,
        near_duplicates: NearDuplicates | None = None,
        prompts: Prompts = "own",
    ) -> None:
        super().__init__(
            source,
            target,
            store,
            image_size=image_size,
            query_seed=query_seed,
            splitting=Splitting(fractions, split_seed, train_fraction, train_draw, near_duplicates=near_duplicates),
            loading=Loading(batch_size, num_workers),
            prompts=prompts,
        )
        check(RecordError, at_least(1)(images_per_record=images_per_record))
        self.tools = Tools(encoder, text_encoder, captioner)
        self.images_per_record = images_per_record
        if encoder is not None:
            self.find_alike = self._neighbours

    # ------------------------------------------------------------------ the attacker's tools

    def captioned(self, records: Records) -> tuple[Records, dict[str, str]]:
        """The records with the captioner's captions, without those of which it says nothing.

        Raises:
            CaptionerError: If it says nothing of any record.
        """
        if self.tools.captioner is None or not len(records):
            return records, {}
        key, images = pixels_key(records, self.image_size), self.query_images(records)
        captions = cached_captions(self.tools.captioner, images, self.folder, key)
        described = [row for row, caption in enumerate(captions) if caption]
        if not described:
            raise CaptionerError(f"The captions of all {len(records)} records are empty. Use another captioner.")
        bare = {name: "empty caption" for name, caption in zip(records.ids, captions, strict=True) if not caption}
        return replace(records, captions=tuple(captions)).select(described), bare

    def captioner_fingerprint(self) -> dict[str, Any]:
        """What the captioner is; empty without one."""
        return {} if self.tools.captioner is None else dict(self.tools.captioner.fingerprint())

    def encoder_fingerprint(self) -> dict[str, Any]:
        """What the encoder is, and what embeds captions if it does not."""
        return self.tools.fingerprint()

    def origin(self, head: Reader) -> Origin:
        """See `HeadDataModule`."""
        told = {"images_per_record": self.images_per_record, "captioner": self.captioner_fingerprint()}
        return {**super().origin(head), **(told if head.inputs - WITHOUT_TARGET else {})}

    def _neighbours(self, records: Records) -> Sets:
        """Rows of some records that the encoder takes for the same image."""
        embeddings = embedded_images(records, self.tools.of_images, self.image_size, self.folder)
        return believed(neighbour_sets(embeddings), len(records))

    # ------------------------------------------------------------------ what heads read

    def provides(self) -> frozenset[str]:
        """See `AuditDataModule`."""
        return frozenset(entry.name for entry in PAIR_INPUTS)

    def check_input(self, name: str) -> None:
        """See `AuditDataModule`."""
        PAIR_INPUTS[name].check(self.tools)

    def check_head(self, head: Reader) -> None:
        """See `HeadDataModule`."""
        if self.tools.encoder is not None:  # first: no further tool would mend it
            head.check_encoder(self.tools.encoder)
        super().check_head(head)

    def arrays_of(self, inputs: frozenset[str]) -> PairArrays:
        """Images, answers and embeddings of the table."""
        pairs = self.pairs(self.table)
        return PairArrays(self._members(), {name: PAIR_INPUTS[name].make(pairs) for name in sorted(inputs)})

    def pairs(self, records: Records) -> Pairs:
        """Some records and their answers, which must be there."""
        return Pairs(
            records=records,
            queries=self._queries(records),
            store=self.store,
            tools=self.tools,
            size=self.image_size,
            per_record=self.images_per_record,
            folder=self.folder,
        )

    def embeddings(self, encoder: Encoder) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """What any encoder makes of the query images `[n, d]` and of the answers `[n, k, d]` of the table."""
        pairs = replace(self.pairs(self.table), tools=Tools(encoder))
        return image_embedding(pairs), generated_embedding(pairs)

    def likeness(self) -> NDArray[np.float64]:
        """How like each known record the target's images for its caption are, `[n]`; see `inputs.likeness`."""
        return likeness(self.pairs(self.view.known))

    # ------------------------------------------------------------------ queries

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
        further = [query for data in others for query in data._queries(data.view.labelled)]
        return self.estimate_for(self.view.labelled, further)

    def estimate_for(self, records: Records, further: Sequence[GenerateQuery] = ()) -> Estimate:
        """What the images of some records, and further ones, would cost; asks nothing."""
        return estimate(self.store, self.target, [*self._queries(records), *further])

    def _queries(self, records: Records) -> Queries:
        return queries_for(records, self.images_per_record, self.query_seed)

    def check(self, records: Records) -> None:
        """Refuse the store of another target, and records without a caption."""
        _ = self.store, self._queries(records)

    def fill(self, records: Records, rank: int = 0, world_size: int = 1) -> None:
        """Generate the missing images of this rank's share."""
        self.cost += fill(self.store, self.target, self._queries(records), rank=rank, world_size=world_size)

    def refusals(self, records: Records) -> dict[str, str]:
        """Id → reason of those of some records of which the target refused an image."""
        return refusals(self.store, self._queries(records))

    def answers(self, rows: Sequence[int]) -> list[NDArray[np.uint8]]:
        """The first stored answer to each of some known records, as arrays `[h, w, 3]` at the target's own size."""
        table = self.view.known.select(rows)
        return [*read(self.store, self._queries(table), table)[:, 0].permute(0, 2, 3, 1).numpy()]
