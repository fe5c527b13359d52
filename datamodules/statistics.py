"""What training-free attacks find out about records, by asking a denoiser or an image-variation API."""

from collections.abc import Sequence
from functools import cached_property
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray

from datamodules.base import AuditDataModule
from datamodules.pairs import PairArrays
from datamodules.sources.base import RecordSource
from lit_mia.attacks.statistics.base import Setting, StatisticAttack
from lit_mia.cost import Estimate
from lit_mia.errors import RecordError
from lit_mia.queries.asking import estimate, fill, lacking
from lit_mia.queries.findings import FindingStore
from lit_mia.queries.plans import Plan, Questions
from lit_mia.queries.requests import Drawing, Generation, Variation
from lit_mia.queries.store import Store
from lit_mia.records import Records
from lit_mia.targets.base import AccessLevel, Target


@final
class StatisticDataModule(AuditDataModule):
    """Records of known membership and the findings of training-free attacks about them.

    All attacks are answered in one pass over the records that shares what they ask alike. With `attack` the residual
    maps of that attack are what a `ResidualHead` trains on (`lit-mia fit`); an audit names the attacks itself.

    Args:
        source: Where the records come from.
        target: The model under audit.
        store: Folder of the findings, the split lock and decoded images.
        image_size: Side in pixels at which the target takes images.
        convert: Resize images of another size; otherwise they are an error, because an image that was prepared
            differently than in training is another image.
        attack: The attack of `lit-mia fit`, with one setting.
        fractions: Shares of train, val, calibration and test.
        split_seed: Seed of the splits; a locked store refuses another.
        query_seed: Seed of all noise; the noise of a record also depends on its id.
        train_fraction: Share of the training groups that heads are trained on.
        train_draw: Which share, if not all are used.
        batch_size: Records per step of a head.
        num_workers: Worker processes of each loader.
    """

    def __init__(
        self,
        source: RecordSource,
        target: Target,
        store: str,
        image_size: int,
        convert: bool = False,
        attack: StatisticAttack | None = None,
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
        self.target, self.convert = target, convert
        self._plans: list[Plan] = []
        self._attacks: list[StatisticAttack] = []
        self._residual, self._highest = False, 0
        self._asked: Questions | None = None
        self._sized: Records | None = None
        if attack is not None:
            if len(attack.settings()) != 1:
                raise RecordError("`attack` of the datamodule must have one setting: single values, not lists.")
            self.ask([attack], None, residual=True)

    # ------------------------------------------------------------------ what is asked

    def ask(self, attacks: Sequence[StatisticAttack], settings: Sequence[Setting] | None, residual: bool) -> None:
        """Say what the next queries are about; nothing is asked yet.

        Args:
            attacks: The attacks.
            settings: One setting for each attack, or None for all of them.
            residual: Whether residual maps are wanted too.
        """
        chosen = [attack.settings() if settings is None else [settings[i]] for i, attack in enumerate(attacks)]
        self._attacks, self._residual = list(attacks), residual
        plans = [a.plan(setting) for a, of_attack in zip(attacks, chosen, strict=True) for setting in of_attack]
        self._plans = list({plan.key: plan for plan in plans}.values())
        self._highest = max(
            a.highest_timestep(s) for a, of_attack in zip(attacks, chosen, strict=True) for s in of_attack
        )

    @cached_property
    def store(self) -> FindingStore:
        """The store of the findings."""
        store = FindingStore(self.store_path, self.target.fingerprint())
        self.target.keep_accounts(self.store_path)
        return store

    @cached_property
    def kept(self) -> Store | None:
        """The images that a remote target made: its findings are stored only at the end of a batch."""
        return Store(self.store_path / "images", self.target.fingerprint()) if self.target.remote else None

    def store_digest(self) -> str:
        """SHA-256 of all findings."""
        return self.store.digest()

    def estimate(self) -> Estimate:
        """What the missing findings for the labelled records would cost; asks nothing."""
        return self.estimate_for(self.labelled)

    def estimate_for(self, records: Records) -> Estimate:
        """The same for some records."""
        self.check(records)
        return estimate(self.store, self.target, self._questions(records), self._plans, residual=self._residual)

    def fill(self, records: Records, rank: int, world_size: int) -> None:
        """Ask this rank's share of what is missing."""
        self.check(records)
        self.cost += fill(
            self.store,
            self.target,
            self._questions(records),
            self._plans,
            residual=self._residual,
            rank=rank,
            world_size=world_size,
            kept=self.kept,
        )

    def refusals(self, records: Records) -> dict[str, str]:
        """Id → reason of those of some records for which the target refused an image that an attack asked for."""
        keys = dict(zip(records.ids, self._questions(records).keys, strict=True))
        refused: dict[str, str] = {}
        for plan in self._plans:
            held = [name for name, key in keys.items() if self.store.holds(plan.key, key, False)]
            statistics = self.store.statistics(plan.key, [keys[name] for name in held])
            gone = np.flatnonzero(np.isnan(statistics).any(axis=1))
            refused |= {held[row]: "an image that an attack asked for" for row in gone}
        return refused

    def answered_by(self, target: Target, store: str) -> "StatisticDataModule":
        """The same records, splits and settings with the answers of another target (a placebo)."""
        other = StatisticDataModule(
            self.source,
            target,
            store,
            self.image_size,
            self.convert,
            None,
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

    def answers(self, rows: Sequence[int]) -> list[NDArray[np.uint8]]:
        """One variation or generation of each of some known records, `[h, w, 3]`."""
        subject = self._questions(self.known).subject(self.target, rows, self.kept)
        kind: type[Drawing] = Generation if AccessLevel.GENERATE in self.target.offers else Variation
        (drawn,) = kind.answer(subject, [kind(0)])
        images = ((drawn.values + 1) * 127.5).round().to(torch.uint8)
        return [image.permute(1, 2, 0).numpy() for image in images]

    # ------------------------------------------------------------------ what was found

    def statistics(
        self, attack: StatisticAttack, setting: Setting, records: Records | None = None
    ) -> NDArray[np.float64]:
        """Components of an attack's statistic, `[n, m]`, for some records; for all known ones if none are given."""
        asked = self._questions(self.known if records is None else records)
        return self.store.statistics(attack.plan(setting).key, asked.keys)

    def evaluations(self, attack: StatisticAttack, setting: Setting) -> int:
        """Denoiser evaluations per record that an attack makes alone."""
        return self.store.evaluations(attack.plan(setting).key)

    @property
    def is_latent(self) -> bool:
        """Whether the target has an autoencoder."""
        return self.target.is_latent

    def show_images(self) -> None:
        """Let the loaders give the query images."""
        self.table = self.known
        self.arrays = PairArrays(self._members(), image=self.query_images(self.known))

    def show_residuals(self, attack: StatisticAttack, setting: Setting) -> None:
        """Let the loaders give the residual maps of one attack."""
        self.table = self.known
        keys = self._questions(self.known).keys
        self.arrays = PairArrays(self._members(), residual=self.store.residuals(attack.plan(setting).key, keys))

    def arrays_of(self, inputs: frozenset[str]) -> PairArrays:
        """The query images, and the residual maps of `attack`."""
        known: dict[str, NDArray[np.uint8] | NDArray[np.float32]] = {}
        if "image" in inputs:
            known["image"] = self.query_images(self.table)
        if "residual" in inputs:
            if len(self._plans) != 1 or not self._residual:
                raise RecordError("A head on residual maps needs `attack` of the datamodule, with one setting.")
            known["residual"] = self.store.residuals(self._plans[0].key, self._questions(self.table).keys)
        return PairArrays(self._members(), **known)  # type: ignore[arg-type]

    def _members(self) -> NDArray[np.int64]:
        return np.array(self.table.members, dtype=np.int64)

    def _questions(self, records: Records) -> Questions:
        if self._asked is None or self._asked.records is not records:
            self._asked = Questions(records, self.query_images(records), self.query_seed)
        return self._asked

    # ------------------------------------------------------------------ what is refused

    def check(self, records: Records) -> None:
        """Refuse what could only fail, or mislead, after the first query; nothing if there is nothing to ask.

        Raises:
            TargetError: If the target lacks an access level, or an attack needs a timestep outside its schedule.
            RecordError: If captions are missing or images are not what the target takes.
        """
        for attack in self._attacks:
            self.target.require(attack.level)
        if not lacking(self.store, self._questions(records), self._plans, self._residual):
            return
        self.target.check_use([attack.level for attack in self._attacks], self._highest, self.image_size)
        self._check_captions(records)
        if self.target.image_size is not None and not self.convert and self._sized is not records:
            self._check_images(records)
            self._sized = records

    def _check_captions(self, records: Records) -> None:
        told = self.target.needs_captions
        reader = next((attack.name for attack in self._attacks if attack.needs_captions), None)
        bare = [name for name, caption in zip(records.ids, records.captions, strict=True) if not caption]
        if bare and (told or reader):
            raise RecordError(
                f"{reader or 'The target'} needs captions, but {len(bare)} of {len(records)} records have none, e.g. "
                f"{bare[:3]}. Add captions, leave these records out, or set `prompt: none` and leave CLiD out."
            )

    def _check_images(self, records: Records) -> None:
        size = (self.image_size, self.image_size)
        for row, name in enumerate(records.ids):
            image = records.open_image(row)
            if image.size != size:
                raise RecordError(
                    f"The image of {name} has {image.size[0]} × {image.size[1]} pixels, but the target takes "
                    f"{size[0]} × {size[1]}. Prepare the images as for training, or set `convert: true`."
                )
