"""Records of a source beside what a model draws of them."""

import logging
from collections.abc import Sequence
from functools import cached_property
from typing import final

from PIL import Image

from datamodules.sources.base import RecordSource
from datamodules.sources.concat import join_records
from lit_mia.cost import Cost, Estimate
from lit_mia.errors import RecordError
from lit_mia.files import key_digest
from lit_mia.models import Fingerprint
from lit_mia.queries.generate import GenerateQuery, Queries, estimate, fill, queries_for
from lit_mia.queries.store import Store
from lit_mia.ranges import POSITIVE_SHARE, at_least, check
from lit_mia.records import MEMBER, NON_MEMBER, Records
from lit_mia.splits import group_coin
from lit_mia.targets.base import GenerateTarget

logger = logging.getLogger(__name__)


@final
class GeneratedSource(RecordSource):
    """The members of another source, and as non-members what a text-to-image model draws from their captions.

    So does ReDiffuse evaluate closed models: Li et al. 2025 (arXiv 2405.20771) audit DALL-E 2 with famous paintings as
    members and pictures that Stable Diffusion 3 drew from their titles as non-members.

    An image belongs to the group of the record whose caption made it, so both fall into one split. Both have the same
    caption, so captions alone tell nothing; but a detector of synthetic images separates the two classes without the
    target. Such records are therefore audited with `design: post_hoc` only.

    The images are asked once and kept in a store of their own. What the model refuses to draw is left out.

    Args:
        source: Where the members come from; every member needs a caption.
        target: The model that draws the non-members: another one than the model under audit and its placebo.
        store: Folder of its images.
        images_per_record: Images drawn for each caption.
        fraction: Share of the groups whose members are used, in (0, 1].
        seed: Seed of the images and of the share.
        keep_non_members: Whether the non-members of the source stay beside the drawn ones. Records of unknown
            membership never do.
    """

    def __init__(
        self,
        source: RecordSource,
        target: GenerateTarget,
        store: str,
        images_per_record: int = 1,
        fraction: float = 1.0,
        seed: int = 0,
        keep_non_members: bool = False,
    ) -> None:
        check(RecordError, POSITIVE_SHARE(fraction=fraction), at_least(1)(images_per_record=images_per_record))
        self.parts, self.target, self.store = (source,), target, store
        self.images_per_record, self.fraction, self.seed = images_per_record, fraction, seed
        self.keep_non_members = keep_non_members
        self._cost, self._refused = Cost(), 0

    @property
    def shift(self) -> str:
        """Synthetic non-members, and how many of them the model refused to draw."""
        shift = (
            f"Non-members are synthetic: {self.target.name} drew them from the captions of members. A detector of "
            "synthetic images tells the classes apart without the target; read every number beside the controls."
        )
        if not self._refused:
            return shift
        return f"{shift} It refused {self._refused} of {len(self._queries)} images, which are missing."

    def estimates(self) -> dict[str, Estimate]:
        """What drawing the missing images would cost; asks nothing."""
        first = super().estimates()
        if first:
            return first
        cost = estimate(self._store, self.target, self._queries)
        return {self._role: cost} if cost.missing else {}

    def costs(self) -> dict[str, Cost]:
        """What drawing has cost so far."""
        return super().costs() | {self._role: self._cost}

    def load(self) -> Records:
        """Members, then non-members; asks for the images that the store lacks.

        Raises:
            RecordError: If the source has no members, or a member has no caption.
            TargetError: If the model does not generate or cannot be loaded.
        """
        self._cost += fill(self._store, self.target, self._queries)
        refused = self._store.refused()
        drawn = [query for query in self._queries if query.key not in refused]
        self._refused = len(self._queries) - len(drawn)
        logger.warning(self.shift)
        return join_records([self._kept, self._drawn(drawn)])

    # ------------------------------------------------------------------ what is asked

    @property
    def _role(self) -> str:
        return f"non-members by {self.target.name}"

    @cached_property
    def _store(self) -> Store:
        return Store(self.store, self._fingerprint)

    @cached_property
    def _fingerprint(self) -> Fingerprint:
        return self.target.fingerprint()

    @cached_property
    def _queries(self) -> Queries:
        members = self._kept.rows_of(MEMBER)
        if not members:
            raise RecordError("`GeneratedSource` draws from the captions of members, but its source has none.")
        return queries_for(self._kept.select(members), self.images_per_record, self.seed)

    @cached_property
    def _kept(self) -> Records:
        """The records of the source that stay."""
        records = self.parts[0].load()
        return records.select([row for row in range(len(records)) if self._keeps(records, row)])

    def _keeps(self, records: Records, row: int) -> bool:
        if records.members[row] == MEMBER:
            return group_coin(f"generated/{self.seed}", records.groups[row]) < self.fraction
        return self.keep_non_members and records.members[row] == NON_MEMBER

    # ------------------------------------------------------------------ what was drawn

    def _drawn(self, queries: Sequence[GenerateQuery]) -> Records:
        groups = dict(zip(self._kept.ids, self._kept.groups, strict=True))
        return Records(
            # Another model or seed makes another id, so no cache mistakes one image for the other.
            ids=tuple(f"{query.record_id}~{self._stamp(query)[:16]}" for query in queries),
            captions=tuple(query.prompt for query in queries),
            members=(NON_MEMBER,) * len(queries),
            groups=tuple(groups[query.record_id] for query in queries),
            open_image=lambda row: Image.fromarray(self._store.read([queries[row].key])[0].permute(1, 2, 0).numpy()),
            stamps=tuple(self._stamp(query) for query in queries),
            grouped=True,
        )

    def _stamp(self, query: GenerateQuery) -> str:
        """What made an image."""
        return key_digest({"target": self._fingerprint, "query": query.key})
