"""One YAML → store → heads, statistics and controls → numbers."""

import time
from collections.abc import Sequence
from functools import cached_property
from typing import Any, final

from datamodules.auxiliary import AuxiliaryDataModule
from datamodules.base import AuditDataModule
from lit_mia.attacks.data import AuditedAttack
from lit_mia.attacks.residual import ResidualHead
from lit_mia.attacks.training import Budget
from lit_mia.audits.base import Audit, Run
from lit_mia.audits.membership.fidelity import fidelity
from lit_mia.audits.membership.ledger import count_opening
from lit_mia.audits.membership.pictures import pictures_of
from lit_mia.audits.membership.reporting import Outcome, freeze_thresholds, report_of, scores_of
from lit_mia.audits.membership.scorer import Scorer
from lit_mia.audits.membership.scoring import Means, scorers_of
from lit_mia.audits.membership.statistics import StatisticProtocol
from lit_mia.audits.membership.tool_check import check_tools
from lit_mia.cost import Cost, Estimate
from lit_mia.errors import EncoderError, HeadError, RecordError, SplitError
from lit_mia.features.encoders import Encoder
from lit_mia.metrics.verdict import Design
from lit_mia.report.base import Picture, Result
from lit_mia.report.membership import MembershipResult
from lit_mia.report.membership.evaluation import evaluate
from lit_mia.report.membership.protocols import joined
from lit_mia.report.origin import Origin
from lit_mia.row_kinds import ROW_KINDS
from lit_mia.targets.base import Target


@final
class MembershipAudit(Audit):
    """Measures how much a target leaks beyond what can be told without it.

    Args:
        data: Records, target, store and splits.
        attacks: The attacks; each brings its own controls.
        placebo: A target that saw neither members nor non-members; its answers must not betray membership.
        placebo_store: Folder of the placebo's answers; `<store>/placebo` if None.
        budget: Seeds and epochs, the same for attacks and controls.
        design: How the members came to be members. `randomized_split`: by a coin; `canary`: inserted for the audit;
            `same_source_holdout`: held out from the same source; `post_hoc`: put together afterwards, which caps the
            verdict, is the only one that synthetic non-members allow, and holds unless another is stated.
        protocol: For training-free attacks. `threshold` (the default): the statistic itself. `resnet`: a network
            trained on the residual maps.
        head: The network of the protocol `resnet`, and of the control that sees only the image; a ResNet-18 if not
            given.
        fid_encoder: What FID and KID are measured with; the encoder of the heads if not given. `InceptionEncoder` is
            the one for which FID was defined.
        also: Further answers about the same records and splits, at an access level that `data` has not: with a
            StatisticDataModule beside an AuxiliaryDataModule, trained heads and training-free attacks are audited
            together, under one Holm correction.
        also_placebo: The placebo of `also`; its answers are in `placebo` of that store.
    """

    def __init__(
        self,
        data: AuditDataModule,
        attacks: list[AuditedAttack],
        placebo: Target | None = None,
        placebo_store: str | None = None,
        budget: Budget = Budget(),  # noqa: B008 (frozen)
        design: Design = "post_hoc",
        protocol: StatisticProtocol | None = None,
        head: ResidualHead | None = None,
        fid_encoder: Encoder | None = None,
        also: AuditDataModule | None = None,
        also_placebo: Target | None = None,
    ) -> None:
        names = [attack.name for attack in attacks]
        if not names or len(set(names)) < len(names):
            raise HeadError(f"An audit needs at least one attack, and each once, but got {names or 'none'}.")
        if also is None and also_placebo is not None:
            raise HeadError("`also_placebo` is the placebo of `also`, which is not given. Use `placebo`.")
        self.data, self.also, self.attacks, self.budget, self.design = data, also, attacks, budget, design
        self.fid_encoder = fid_encoder
        self.scorers = scorers_of([data, *([also] if also else [])], attacks, Means(budget, protocol, head))
        placebos = {data: (placebo, placebo_store or str(data.store_path / "placebo"))}
        placebos |= {also: (also_placebo, str(also.store_path / "placebo"))} if also else {}
        self._placebos = placebos
        self._check(data, design)

    @property
    def suffix(self) -> str:
        """Results of the protocol `resnet` never overwrite those of a threshold."""
        return "-resnet" if any(scorer.protocol == "resnet" for scorer in self.scorers) else ""

    @property
    def protocol(self) -> str:
        """How records are scored: names of `PROTOCOLS`, joined."""
        return joined(scorer.protocol for scorer in self.scorers)

    @cached_property
    def sides(self) -> dict[str, AuditDataModule]:
        """The datamodules by role, whose records are loaded and splits locked; draws records that have to be drawn."""
        if self.fid_encoder is not None:
            self.fid_encoder.check()
        self._check_same_records()
        for scorer in self.scorers:
            data = scorer.sides()["target"]
            data.prepare_data()
            target, store = self._placebos[data]
            if target is not None:
                scorer.add_placebo(target, store)
                scorer.sides()["placebo"].prepare_data()
            scorer.announce()
        return {self._role(role, scorer): data for scorer in self.scorers for role, data in scorer.sides().items()}

    def estimate(self) -> dict[str, Estimate]:
        """What the missing queries would cost, by target; asks nothing.

        Where records have yet to be drawn, only that is estimated: what the audit asks depends on them.
        """
        if drawing := self.data.source.estimates():
            return drawing
        return {role: data.estimate() for role, data in self.sides.items()}

    def query(self) -> dict[str, Cost]:
        """Fill the stores with what is missing, and leave what one of the targets refuses out on all sides."""
        sides = self.sides.values()
        for data in sides:  # what is wrong with the last one shall not come out after the first was paid
            data.check(data.view.labelled)
        for scorer in self.scorers:
            scorer.query()
        for refused in [data.refusals(data.view.labelled) for data in sides]:
            for data in sides:
                data.leave_out(refused)
        return {role: data.cost for role, data in self.sides.items()} | self.data.source.costs()

    def run(self, run: Run) -> MembershipResult:
        """Query what is missing, train all heads and controls, and evaluate them once on test.

        The trained heads are kept in `heads/<attack>.ckpt` of the output folder.
        """
        began = time.perf_counter()
        self.query()
        heads = run.output / "heads"
        heads.mkdir(parents=True, exist_ok=True)
        rows = [row for scorer in self.scorers for row in scorer.rows(heads)]
        pairs = next((data for data in (self.data, self.also) if isinstance(data, AuxiliaryDataModule)), None)
        distances = None if pairs is None else fidelity(pairs, encoder=self.fid_encoder)
        tried = count_opening(self.data.store_path, run.config)
        tools = None if pairs is None else check_tools(pairs, self.attacks)
        view, placebo = self.data.view, self._has_placebo
        evaluation = evaluate(rows, view.known, view.splits, design=self.design, placebo=placebo, tools=tools)
        freeze_thresholds(rows, view, heads)
        outcome = Outcome(
            data=self.data,
            sides=self.sides,
            evaluation=evaluation,
            design=self.design,
            protocol=self.protocol,
            placebo=placebo,
            tried=tried,
            tools=tools,
            distances=distances,
        )
        report = report_of(outcome, Origin.here(run.name, run.config, began))
        return MembershipResult(report, scores_of(rows, view, evaluation))

    def pictures(self, result: Result) -> Sequence[Picture]:
        """Some records of the test split beside the target's answers."""
        _ = self.sides
        return pictures_of(self.data, result) if isinstance(result, MembershipResult) else []

    # ------------------------------------------------------------------ checks

    def _check(self, data: AuditDataModule, design: Design) -> None:
        """Refuse, before anything is asked, what could only fail or mislead afterwards."""
        for scorer in self.scorers:
            target, _ = self._placebos[scorer.sides()["target"]]
            for level in {attack.level for attack in scorer.attacks} - {None}:
                if target is not None and level is not None:
                    target.require(level)
            for kind in sorted(scorer.control_kinds()):
                _ = ROW_KINDS[kind]
        if data.source.shift is not None and design != "post_hoc":
            raise RecordError(f"These records allow only `design: post_hoc`, but it is `{design}`. {data.source.shift}")
        if self.fid_encoder is not None and not any(isinstance(one, AuxiliaryDataModule) for one in self._placebos):
            raise EncoderError(
                f"`fid_encoder` looks at images generated from captions, and {type(data).__name__} holds none. Leave "
                "it out, or audit an AuxiliaryDataModule."
            )

    def _check_same_records(self) -> None:
        """Refuse, before splits are locked, two tables of which a row is not the same record in the same split."""
        if self.also is not None and _table_of(self.also) != _table_of(self.data):
            raise SplitError(
                "`data` and `also` must be about the same records, in the same order and splits, but they differ. Give "
                "both the same `source`, `fractions` and `split_seed`."
            )

    @property
    def _has_placebo(self) -> bool:
        return all(target is not None for target, _ in self._placebos.values())

    def _role(self, role: str, scorer: Scorer) -> str:
        return role if scorer.sides()["target"] is self.data else f"{role} ({scorer.name})"


def _table_of(data: AuditDataModule) -> tuple[Any, ...]:
    """What says which record a row is, and in which split."""
    records, how = data.view.labelled, data.splitting
    return records.ids, records.members, records.groups, tuple(how.fractions), how.seed
