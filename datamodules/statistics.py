"""What training-free attacks find out about records, by asking a denoiser or an image-variation API."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Self, final

import numpy as np
import torch
from numpy.typing import NDArray

from datamodules.base import AuditDataModule
from datamodules.inputs import EMBEDDINGS, FINDING_INPUTS, Findings, Tools, Wanted
from datamodules.pairs import Loading, PairArrays
from datamodules.prompts import Prompts
from datamodules.sources.base import RecordSource
from datamodules.view import NearDuplicates, Splitting
from lit_mia.attacks.data import Reader
from lit_mia.attacks.origins import Origin
from lit_mia.attacks.statistics.base import Setting, StatisticAttack
from lit_mia.cost import Estimate
from lit_mia.errors import RecordError
from lit_mia.features.encoders import Encoder
from lit_mia.queries.findings import FindingStore
from lit_mia.queries.plans import Plan, Questions, estimate, fill, lacking
from lit_mia.queries.requests import Generation, Request, Variation
from lit_mia.queries.store import Store
from lit_mia.reasons import listed
from lit_mia.records import Records
from lit_mia.targets.base import AccessLevel, Target
from lit_mia.targets.bases import base_folder, base_of, check_same_noise, has_base


@final
class StatisticDataModule(AuditDataModule):
    """Records of known membership and the findings of training-free attacks about them.

    All attacks are answered in one pass over the records that shares what they ask alike. With `attack` the residual
    maps of that attack are what a `ResidualHead` trains on (`lit-mia fit`); an audit names the attacks itself.

    Args:
        source: Where the records come from.
        target: The model under audit.
        store: Folder of the findings, the split lock and decoded images.
        image_size: Side in pixels at which the target takes images; null asks the target, which loads it.
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
        near_duplicates: What is done about equal and nearly equal images of several groups: `report` them, put them
            into one `group`, or `refuse` the records. Null groups them where the source states no groups, and reports
            them where it does.
        prompts: Which captions target, attacks and controls are given. `own`: each record's. The others are negative
            controls, with results of their own: `fixed`, one text for all; `shuffled`, dealt out anew within each split
            and side; `swapped`, members those of non-members and the reverse.
        encoder: Embeds images and captions for the controls of captions, `caption` and `joint`; without it, what is
            told captions has an incomplete set of controls.
        text_encoder: Embeds the captions where `encoder` embeds images alone.
        base: The model that the target was fine-tuned from, which calibrated attacks ask the same; it must not have
            seen the records. If not given, a target with LoRA weights is asked with these off.
        base_store: Folder of the base's findings, which all targets that came from it may share; if not given,
            `base-` and a hash of the base beside `store`.

    Raises:
        EncoderError: If there is an encoder, but nothing embeds captions.
    """

    scored_by = frozenset({"statistic"})

    def __init__(
        self,
        source: RecordSource,
        target: Target,
        store: str,
        image_size: int | None = None,
        convert: bool = False,
        attack: StatisticAttack | None = None,
        fractions: tuple[float, float, float, float] = (0.4, 0.1, 0.1, 0.4),
        split_seed: int = 0,
        query_seed: int = 0,
        train_fraction: float = 1.0,
        train_draw: int = 0,
        batch_size: int = 128,
        num_workers: int = 0,
        near_duplicates: NearDuplicates | None = None,
        prompts: Prompts = "own",
        encoder: Encoder | None = None,
        text_encoder: Encoder | None = None,
        base: Target | None = None,
        base_store: str | None = None,
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
        self.convert, self.tools = convert, Tools(encoder, text_encoder)
        if encoder is not None:
            _ = self.tools.of_texts
        if attack is not None and len(attack.settings()) != 1:
            raise RecordError("`attack` of the datamodule must have one setting: single values, not lists.")
        self.wanted = Wanted() if attack is None else Wanted.every_setting([attack], residual=True)
        self._base, self._base_store = base, base_store
        self._calibrates: StatisticDataModule | None = None
        self._questions_about: Questions | None = None
        self._plan: Plan | None = None
        self._sized: Records | None = None

    # ------------------------------------------------------------------ what is asked

    def ask(self, wanted: Wanted) -> None:
        """Say what the next queries are about; nothing is asked yet."""
        self.wanted = wanted

    @cached_property
    def store(self) -> FindingStore:
        """The store of the findings."""
        store = FindingStore(self.store_path, self.target.fingerprint())
        self.target.keep_accounts(self.store_path)
        return store

    @property
    def has_base(self) -> bool:
        """Whether there is a base to calibrate by."""
        return has_base(self.target, self._base)

    @cached_property
    def base_target(self) -> Target:
        """The base; found without looking at the records, which may have yet to be drawn.

        Raises:
            TargetError: If there is no base, it is no other model than the target, or it is not asked as that is.
        """
        return base_of(self.target, self._base)

    @cached_property
    def base(self) -> "StatisticDataModule":
        """The same records with the answers of the base, which all targets that came from it share.

        Raises:
            TargetError: See `base_target`.
        """
        base = self.base_target
        store = self._base_store or base_folder(self.store_path, base)
        other = self.answered_by(base, str(store))
        other._view, other._calibrates = self.view, self  # split as these are, by the same lock
        return other

    def relabelled(self, members: Sequence[int]) -> Self:
        """See `JudgedDataModule`; the base has the same labels."""
        other = super().relabelled(members)
        if "base" in self.__dict__:
            other.base = self.base.relabelled(members)
            other.base._calibrates = other
        return other

    @property
    def folder(self) -> Path:
        """See `JudgedDataModule`; the base shares the images of the target that it calibrates."""
        return super().folder if self._calibrates is None else self._calibrates.folder

    @cached_property
    def kept(self) -> Store | None:
        """The images that a remote target made: its findings are stored only at the end of a batch."""
        return Store(self.store_path / "images", self.target.fingerprint()) if self.target.remote else None

    def estimate(self) -> Estimate:
        """What the missing findings for the labelled records would cost; asks nothing."""
        return self.estimate_for(self.view.labelled)

    def estimate_for(self, records: Records) -> Estimate:
        """The same for some records."""
        self.check(records)
        return estimate(
            self.store, self.target, self._questions(records), self.wanted.plans, residual=self.wanted.residual
        )

    def fill(self, records: Records, rank: int = 0, world_size: int = 1) -> None:
        """Ask this rank's share of what is missing."""
        self.check(records)
        self.cost += fill(
            self.store,
            self.target,
            self._questions(records),
            self.wanted.plans,
            residual=self.wanted.residual,
            rank=rank,
            world_size=world_size,
            kept=self.kept,
        )

    def refusals(self, records: Records) -> dict[str, str]:
        """Id → reason of those of some records for which the target refused an image that an attack asked for."""
        keys = dict(zip(records.ids, self._questions(records).keys, strict=True))
        refused: dict[str, str] = {}
        for plan in self.wanted.plans:
            held = [name for name, key in keys.items() if self.store.holds(plan.key, key, False)]
            absent = np.isnan(self.store.statistics(plan.key, [keys[name] for name in held])).any(axis=1)
            refused |= {held[row]: "an image that an attack asked for" for row in np.flatnonzero(absent)}
        return refused

    def answers(self, rows: Sequence[int]) -> list[NDArray[np.uint8]]:
        """One variation or generation of each of some known records, `[h, w, 3]`."""
        subject = self._questions(self.view.known).subject(self.target, rows, self.kept)
        request: Request = Generation(0) if AccessLevel.GENERATE in self.target.offers else Variation(0)
        (drawn,) = request.answer(subject, [request])
        return [*((drawn.values + 1) * 127.5).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()]

    def encoder_fingerprint(self) -> dict[str, Any]:
        """What the encoder of the controls is; empty without one."""
        return self.tools.fingerprint()

    # ------------------------------------------------------------------ what was found

    def statistics(
        self, attack: StatisticAttack, setting: Setting, records: Records | None = None
    ) -> NDArray[np.float64]:
        """Components of an attack's statistic, `[n, m]`, for some records; for all known ones if none are given."""
        asked = self._questions(self.view.known if records is None else records)
        return self.store.statistics(attack.plan(setting).key, asked.keys)

    def evaluations(self, attack: StatisticAttack, setting: Setting) -> int:
        """Denoiser evaluations per record that an attack makes alone."""
        return self.store.evaluations(attack.plan(setting).key)

    def provides(self) -> frozenset[str]:
        """See `AuditDataModule`; embeddings if there is an encoder."""
        names = frozenset(entry.name for entry in FINDING_INPUTS)
        return names if self.tools.encoder is not None else names - EMBEDDINGS

    def check_input(self, name: str) -> None:
        """See `AuditDataModule`."""
        FINDING_INPUTS[name].check(self.wanted)

    def show(self, inputs: frozenset[str], plan: Plan | None = None) -> None:
        """Let the loaders give some inputs about the known records, of the findings of one attack."""
        self._table = self.view.known
        self.arrays = self._arrays(inputs, plan)

    def arrays_of(self, inputs: frozenset[str]) -> PairArrays:
        """The query images, and the residual maps of `attack`."""
        return self._arrays(inputs, self.wanted.plans[0] if self.wanted.plans else None)

    def origin(self, head: Reader) -> Origin:
        """See `HeadDataModule`; residual maps are those of one attack."""
        plan = self._plan or next(iter(self.wanted.plans), None)
        if plan is None or "residual" not in head.inputs:
            return super().origin(head)
        name, of = next((attack.name, of) for attack, of in self.wanted.asked if attack.plan(of).key == plan.key)
        return {**super().origin(head), "attack": {"name": name, **of, "key": plan.key}}

    def _arrays(self, inputs: frozenset[str], plan: Plan | None) -> PairArrays:
        self._plan = plan
        findings = Findings(
            records=self.table,
            tools=self.tools,
            size=self.image_size,
            folder=self.folder,
            questions=self._questions(self.table),
            store=self.store,
            plan=plan,
        )
        return PairArrays(self._members(), {name: FINDING_INPUTS[name].make(findings) for name in sorted(inputs)})

    def _questions(self, records: Records) -> Questions:
        if self._questions_about is None or self._questions_about.records is not records:
            self._questions_about = Questions(records, self.query_images(records), self.query_seed)
        return self._questions_about

    # ------------------------------------------------------------------ what is refused

    def check(self, records: Records) -> None:
        """Refuse what could only fail, or mislead, after the first query; nothing if there is nothing to ask.

        Raises:
            TargetError: If the target lacks an access level, or an attack needs a timestep outside its schedule.
            RecordError: If captions are missing or images are not what the target takes.
        """
        for level in self.wanted.levels:
            self.target.require(level)
        if not lacking(self.store, self._questions(records), self.wanted.plans, self.wanted.residual):
            return
        self.target.check_use(self.wanted.levels, self.wanted.highest_timestep, self.image_size)
        if self._calibrates is not None:
            check_same_noise(self.target, self._calibrates.target, self.image_size)
        self._check_captions(records)
        if self.target.image_size is not None and not self.convert and self._sized is not records:
            self._check_images(records)
            self._sized = records

    def _check_captions(self, records: Records) -> None:
        reader = self.wanted.caption_reader
        bare = records.uncaptioned()
        if bare and (self.target.needs_captions or reader):
            raise RecordError(
                f"{reader or 'The target'} needs captions, but {len(bare)} of {len(records)} records have none: "
                f"{listed(bare)}. Add captions, leave these records out, or set `prompt: none` and leave CLiD out."
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
