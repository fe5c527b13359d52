"""What every datamodule of one target shares: asking it about records, and arrays of what it answered."""

import copy
import logging
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from datamodules.inputs import EMBEDDINGS, Tools
from datamodules.judged import NOT_SET_UP, AskedDataModule
from datamodules.pairs import Loading, PairArrays
from datamodules.prompts import Prompts, prompted
from datamodules.reading import Finder, alike_ids, nothing, read_images
from datamodules.sources.base import RecordSource
from datamodules.view import RecordView, Splitting
from lit_mia.attacks.base import Attack
from lit_mia.attacks.data import WITHOUT_TARGET, Reader
from lit_mia.attacks.origins import Origin
from lit_mia.cost import Cost
from lit_mia.errors import HeadError, RecordError
from lit_mia.features.pixels import decode_images
from lit_mia.openings import Openings, OpeningsAccount, account_of
from lit_mia.queries.findings import FindingStore
from lit_mia.queries.store import Store
from lit_mia.ranges import SIDE, check
from lit_mia.reasons import told_by_reason
from lit_mia.records import Records
from lit_mia.splits import IdSets, Splits
from lit_mia.targets.base import Target
from lit_mia.targets.sameness import model_of

logger = logging.getLogger(__name__)

_OF_TARGET = ("store", "kept", "base", "base_target")
"""Cached properties that belong to one target."""


class AuditDataModule(AskedDataModule, ABC):
    """Records of known membership and what a target answers about them.

    What is missing is asked in `setup`, each rank asking its own share, and what was kept is not asked again. Splits
    are disjoint by group, drawn by a hash, and locked in the store before the first query. Records that the target
    refuses to answer leave the locked splits: they are neither trained on nor scored.

    Args:
        source: Where the records come from.
        target: The model under audit.
        store: Folder of the target's answers, the split lock and cached arrays.
        image_size: Side in pixels of the query images; None: what the target takes, which loads it.
        query_seed: Seed of the target's randomness; the seed of a record also depends on its id.
        splitting: How records are split.
        loading: How batches are loaded.
        prompts: Which captions the target and the attacks are given.

    Attributes:
        tools: The attacker's third-party models.
        find_alike: Finds the records that the attacker's encoder takes for the same image; nothing without one.
    """

    tools: Tools
    arrays: PairArrays | None = None

    def __init__(
        self,
        source: RecordSource,
        target: Target,
        store: str,
        *,
        image_size: int | None,
        query_seed: int,
        splitting: Splitting,
        loading: Loading,
        prompts: Prompts = "own",
    ) -> None:
        super().__init__()
        check(RecordError, SIDE(image_size=image_size))
        self.source, self._image_size, self.query_seed = source, image_size, query_seed
        self.splitting, self.loading, self.prompts = splitting, loading, prompts
        self.find_alike: Finder = nothing
        self._view: RecordView | None = None
        self._alike: IdSets = ()
        self._turn_to(target, store)

    def _turn_to(self, target: Target, store: str) -> None:
        """Take a target of which nothing was asked yet."""
        self.target, self.store_path, self.cost = target, Path(store).expanduser(), Cost()
        self.arrays: PairArrays | None = None
        self._lock = self.store_path / "splits.json"
        self._table: Records | None = None
        for name in _OF_TARGET:
            self.__dict__.pop(name, None)

    # ------------------------------------------------------------------ what a concrete datamodule asks and provides

    @abstractmethod
    def check_input(self, name: str) -> None:
        """Refuse settings with which an input that is provided could not be made; asks nothing.

        Raises:
            LitMiaError: Of the kind of what is missing.
        """

    @abstractmethod
    def arrays_of(self, inputs: frozenset[str]) -> PairArrays:
        """Arrays of `inputs` for the records of `self.table`, whose answers are there."""

    @abstractmethod
    def fill(self, records: Records, rank: int = 0, world_size: int = 1) -> None:
        """Ask this rank's share of what is missing for some records, and add to `self.cost`."""

    @property
    @abstractmethod
    def store(self) -> Store | FindingStore:
        """The store of the answers."""

    def sides(self) -> Mapping[str, AskedDataModule]:
        """The target alone."""
        return {"target": self}

    @property
    def image_size(self) -> int:
        """Side in pixels of the query images.

        Raises:
            RecordError: If none was given and the target, such as one that takes no images, does not tell.
        """
        if self._image_size is None:
            self._image_size = self.target.image_size
        if self._image_size is None:
            raise RecordError(f"The target {self.target.name!r} takes images of no certain size. Give `image_size`.")
        return self._image_size

    def answered_by(self, target: Target, store: str) -> Self:
        """The same records, splits and settings with the answers of another target (a placebo)."""
        view, other = self.view, copy.copy(self)
        other._turn_to(target, store)
        other._view = replace(view, lock=other._locked, refused={})  # locked in the other store too
        return other

    def relabelled(self, members: Sequence[int]) -> Self:
        """See `JudgedDataModule`."""
        other = copy.copy(self)
        other._become(self.view.relabelled(members))
        other._table = None
        return other

    def captioned(self, records: Records) -> tuple[Records, dict[str, str]]:
        """The records with the captions that the target is asked, and why some are left out; by default the same."""
        return records, {}

    def check_head(self, head: Reader) -> None:
        """See `HeadDataModule`."""
        if head.level is not None:
            self.target.require(head.level)
        missing = sorted(head.inputs - self.provides())
        if missing:
            raise HeadError(
                f"{head.name} reads {', '.join(missing)}, but {type(self).__name__} provides "
                f"{', '.join(sorted(self.provides()))}. Use another datamodule, or another head."
            )
        for name in sorted(head.inputs):
            self.check_input(name)

    # ------------------------------------------------------------------ records

    @property
    def view(self) -> RecordView:
        """The records as they are now; a large table is loaded once."""
        if self._view is None:
            read = read_images(self.source.load(), self.image_size, self.folder, self._find_alike)
            table = self.splitting.regrouped(read.records, read.duplicates)
            own, bare = self.captioned(table.select(read.rows))
            asked = prompted(own, self.splitting.split_of(table), self.prompts, self.query_seed)
            self._view = RecordView.of(table, asked, self._locked, read.unread | bare, duplicates=read.duplicates)
            self._own = own
        return self._view

    def with_own_captions(self, records: Records) -> Records:
        """Some records with the captions that describe them, whatever the target is asked."""
        _ = self.view
        captions = dict(zip(self._own.ids, self._own.captions, strict=True))
        return replace(records, captions=tuple(captions[name] for name in records.ids))

    def leave_out(self, refused: Mapping[str, str]) -> None:
        """See `AskedDataModule`."""
        self._become(self.view.without(refused))

    def keep_splits(self, names: Collection[str]) -> None:
        """Take all other splits of the labelled records, if there are some, out of the view."""
        if len(self.view.labelled):
            self._become(self.view.of_splits(names))

    @property
    def table(self) -> Records:
        """See `HeadDataModule`; there once `setup` or `prepare` was called."""
        if self._table is None:
            raise RecordError(NOT_SET_UP)
        return self._table

    @property
    def train_rows(self) -> list[int]:
        """The training rows, or the drawn share of them."""
        return self.splitting.train_rows(self.view.known, self.view.splits)

    def query_images(self, records: Records) -> NDArray[np.uint8]:
        """The query images of some records, uint8 `[n, 3, s, s]`."""
        return decode_images(records, self.image_size, self.folder).images

    def _become(self, view: RecordView) -> None:
        if view is not self._view:
            self._view, self.arrays = view, None

    def _locked(self, records: Records, usable: Collection[str]) -> Splits:
        return self.splitting.locked(records, usable, self._lock, self._alike)

    def _find_alike(self, records: Records) -> IdSets:
        """What an encoder takes for the same among some records, which the lock remembers where they are grouped."""
        lock = self._lock if self.splitting.how(records) == "group" else None
        self._alike = alike_ids(records, lock, self.find_alike)
        return self._alike

    # ------------------------------------------------------------------ queries

    def query(self) -> None:
        """See `AskedDataModule`."""
        self._ask(self.view.labelled)

    def _ask(self, records: Records) -> None:
        self.fill(records)
        refused = self.refusals(records)
        if refused.keys() - self.view.refused.keys():
            facts = self.target.name, len(refused), len(records), told_by_reason(refused)
            logger.warning("The target %s refused %d of %d records, which are left out: %s", *facts)
        self.leave_out(refused)

    def store_digest(self) -> str:
        """See `AskedDataModule`."""
        return self.store.digest()

    def hashes(self) -> dict[str, str]:
        """What the splits and the answers are, as hashes."""
        return {"split_digest": self.view.splits.digest, "store_digest": self.store_digest()}

    def origin(self, head: Reader) -> Origin:
        """See `HeadDataModule`; only what the inputs of the head depend on."""
        told: dict[str, Any] = {"image_size": self.image_size}
        if head.inputs & EMBEDDINGS:
            told["encoder"] = self.tools.fingerprint()
        if head.inputs - WITHOUT_TARGET:
            told |= {"target": dict(self.target.fingerprint()), "prompts": self.prompts}
        return told

    def count_opening(self, command: str, config: Mapping[str, Any]) -> Openings:
        """See `HeadDataModule`."""
        return self._openings().count(command, config)

    def check_openings(self) -> None:
        """See `JudgedDataModule`."""
        self._openings().check()

    def _openings(self) -> OpeningsAccount:
        return OpeningsAccount(account_of(self.view.everyone, model_of(self.target.fingerprint())), self.store_path)

    # ------------------------------------------------------------------ Lightning

    def prepare_data(self) -> None:
        """Check the head, if there is one; load and decode the records and lock the splits, once per node."""
        if self.trainer is not None and not self._serves(self._head()):
            self.check_head(self._head())
        if len(self.view.labelled):
            _ = self.view.locked

    def setup(self, stage: str) -> None:
        """Fill this rank's share of the store, then build the arrays that the head needs."""
        head = self._head()
        if self._serves(head) and self._table is self.view.answered(stage):
            return
        self.check_head(head)
        trainer = head.trainer
        self.fill(self.view.asked(stage), trainer.global_rank, trainer.world_size)
        trainer.strategy.barrier("queries")
        if trainer.is_global_zero:  # the others find the features cached
            self.prepare(head.inputs, stage)
        trainer.strategy.barrier("features")
        if not trainer.is_global_zero:
            self.prepare(head.inputs, stage)

    def prepare(self, inputs: frozenset[str], stage: str = "fit") -> None:
        """Build arrays of `inputs` for the records of a stage, asking what is still missing."""
        self._ask(self.view.asked(stage))
        self.build(inputs, stage)

    def build(self, inputs: frozenset[str], stage: str = "fit") -> None:
        """Build arrays of `inputs` of what is there; inputs without the target need no answers."""
        self._table = self.view.answered(stage)
        self.arrays = self.arrays_of(inputs)

    def _serves(self, head: Attack) -> bool:
        """Whether what the head reads is there."""
        return self.arrays is not None and self.arrays.hold(head.inputs)

    def _members(self) -> NDArray[np.int64]:
        return np.array(self.table.members, dtype=np.int64)
