"""One YAML → store → heads, statistics and controls → numbers."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import cached_property
from typing import Any, cast, final

from datamodules import AskedDataModule, AuditDataModule, AuxiliaryDataModule, JudgedDataModule
from datamodules.prompts import prompts_told
from lit_mia.attacks import AuditedAttack, Budget, ResidualHead
from lit_mia.attacks.training import leave_to_first
from lit_mia.audits.agreement import agreed_design, check_sides
from lit_mia.audits.base import Audit, Run
from lit_mia.audits.membership import accounts, reporting
from lit_mia.audits.membership.encoder_checks import check_tools, fidelity
from lit_mia.audits.membership.machine import check_machine
from lit_mia.audits.membership.placebo_check import placebo_checks
from lit_mia.audits.membership.same_records import check_same_records, look_alike
from lit_mia.audits.membership.scorer import Means, StatisticProtocol
from lit_mia.audits.membership.ways import AnyScorer, scorers_of
from lit_mia.cost import Cost, Estimate
from lit_mia.errors import EncoderError, HeadError
from lit_mia.features.encoders import Encoder
from lit_mia.metrics.evidence import BY_COIN, Design
from lit_mia.metrics.retrieval import Retrieval
from lit_mia.registry import named_once
from lit_mia.report.base import Origin, Picture, Result
from lit_mia.report.membership import MembershipResult, evaluate, joined
from lit_mia.report.membership.evaluation import Evaluation
from lit_mia.report.membership.judging import Circumstances
from lit_mia.report.membership.notes import limits_of
from lit_mia.report.membership.refused import unequal_refusals
from lit_mia.report.membership.schema import (
    AuditReport,
    CheckedPlacebo,
    Coin,
    Fidelity,
    FoundBy,
    Same,
    ToolCheck,
    Tried,
)
from lit_mia.report.membership.self_test_numbers import SelfTest
from lit_mia.report.membership.sets import set_level_of
from lit_mia.report.membership.tiers import tiers_of
from lit_mia.row_kinds import ROW_KINDS
from lit_mia.targets.base import Target
from lit_mia.targets.sameness import refuse_as_placebo


@final
class MembershipAudit(Audit):
    """Measures how much a target leaks beyond what can be told without it.

    Args:
        data: Records, target, store and splits. With a ShadowDataModule heads and controls learn on the shadow, and
            the attacked target's test split is judged.
        attacks: The attacks; each brings its own controls.
        placebo: A target that saw neither members nor non-members; its answers must not betray membership. One that
            holds the target's weights is refused, and one that is asked otherwise, or answers worse, counts as weak.
        placebo_store: Folder of the placebo's answers; `<store>/placebo` if None.
        budget: Seeds and epochs, the same for attacks and controls.
        design: How the members came to be members. `randomized_split`: by a coin; `canary`: inserted for the audit, by
            a coin; `same_source_holdout`: held out from the same source; `post_hoc`: put together afterwards, which
            caps the verdict and is the only one that synthetic non-members allow. If not given, what the source vouches
            for, as a DesignSource does, else `post_hoc`.
        design_statement: Who drew the coin of a `randomized_split` or `canary`, when and how, where the source does not
            vouch for it. The report quotes it as stated, not checked.
        protocol: For training-free attacks. `threshold` (the default): the statistic itself. `resnet`: a network
            trained on the residual maps.
        head: The network of the protocol `resnet`, and of the control that sees only the image; a ResNet-18 if not
            given.
        fid_encoder: What FID and KID are measured with; the encoder of the heads if not given. `InceptionEncoder` is
            the one for which FID was defined.
        also: Further answers about the same records and splits, at an access level that `data` has not: with a
            StatisticDataModule beside an AuxiliaryDataModule, trained heads and training-free attacks are audited
            together, under one correction for all.
        also_placebo: The placebo of `also`; its answers are in `placebo` of that store.
    """

    def __init__(
        self,
        data: JudgedDataModule,
        attacks: list[AuditedAttack],
        placebo: Target | None = None,
        placebo_store: str | None = None,
        budget: Budget = Budget(),  # noqa: B008 (frozen)
        design: Design | None = None,
        design_statement: str | None = None,
        protocol: StatisticProtocol | None = None,
        head: ResidualHead | None = None,
        fid_encoder: Encoder | None = None,
        also: AuditDataModule | None = None,
        also_placebo: Target | None = None,
    ) -> None:
        named_once("An audit", "attack", attacks)
        if also is None and also_placebo is not None:
            raise HeadError("`also_placebo` is the placebo of `also`, which is not given. Use `placebo`.")
        self.data, self.also, self.attacks, self.budget = data, also, attacks, budget
        self.fid_encoder = fid_encoder
        if also is not None:
            look_alike(data, also)
        self.scorers = scorers_of([data, *([also] if also else [])], attacks, Means(budget, protocol, head))
        self._placebos = {data: (placebo, placebo_store or str(data.store_path / "placebo"))}
        self._placebos |= {also: (also_placebo, str(also.store_path / "placebo"))} if also else {}
        self._check(data)
        self._design = agreed_design(data.source, design, design_statement)

    @property
    def design(self) -> Design:
        """How the members came to be members."""
        return self._design.kind

    @property
    def coin(self) -> Coin | None:
        """What is known of the coin, where one decided who is a member."""
        if self.design not in BY_COIN:
            return None
        return "verified" if self._design.verified else "stated"

    @property
    def suffix(self) -> str:
        """Results of the protocol `resnet` never overwrite those of a threshold, nor those of other prompts the own."""
        protocol = "-resnet" if any(scorer.protocol == "resnet" for scorer in self.scorers) else ""
        return protocol if self.data.prompts == "own" else f"{protocol}-{self.data.prompts}"

    @property
    def protocol(self) -> str:
        """How records are scored: names of `PROTOCOLS`, joined."""
        return joined(scorer.protocol for scorer in self.scorers)

    @cached_property
    def sides(self) -> dict[str, AskedDataModule]:
        """The datamodules by role, whose records are loaded and splits locked; draws records that have to be drawn."""
        if self.fid_encoder is not None:
            self.fid_encoder.check()
        if self.also is not None:
            check_same_records(self.data.sides()["target"], self.also)
        _ = self._shift
        self._check_placebos()
        for scorer in self.scorers:
            scorer.data.prepare_data()
            target, store = self._placebos[scorer.data]
            if target is not None:
                scorer.add_placebo(target, store)
            scorer.announce()
        return {self._role(role, scorer): data for scorer in self.scorers for role, data in scorer.sides().items()}

    @property
    def devices(self) -> int:
        """Processes that train each head."""
        return self.budget.devices

    def estimate(self) -> dict[str, Estimate]:
        """What the missing queries would cost, by target; asks nothing.

        Where records have yet to be drawn, only that is estimated: what the audit asks depends on them.
        """
        if drawing := {name: of for side in self.data.sides().values() for name, of in side.source.estimates().items()}:
            return drawing
        return {role: data.estimate() for role, data in self.sides.items()}

    def query(self) -> dict[str, Cost]:
        """Fill the stores with what is missing, and leave what one of the targets refuses out on all sides."""
        sides = self.sides.values()
        check_machine(sides, self.budget, self.fid_encoder)
        for data in sides:  # what is wrong with the last one shall not come out after the first was paid
            data.check(data.view.labelled)
            _ = data.view.locked
        for scorer in self.scorers:
            scorer.query()
        for refused in [data.refusals(data.view.labelled) for data in sides]:
            for data in sides:
                data.leave_out(refused)
        return {role: data.cost for role, data in self.sides.items()} | self._drawing

    def run(self, run: Run) -> MembershipResult:
        """Query what is missing, train all heads and controls, and evaluate them once on test.

        The trained heads are kept in `heads/<attack>.ckpt` of the output folder, those of controls in
        `heads/<attack> <kind>.ckpt`.
        """
        earlier = SelfTest.read(run.output)
        self.data.check_openings()
        self.query()
        heads = run.output / "heads"
        heads.mkdir(parents=True, exist_ok=True)
        rows = [row for scorer in self.scorers for row in scorer.rows(heads)]
        leave_to_first(self.budget)
        distances = fidelity(self._pairs[0], encoder=self.fid_encoder) if self._pairs else None
        tried = accounts.opened(self.data, run.config)
        view, known = self.data.view, self.circumstances(self.scorers)
        evaluation = evaluate(rows, view.known, view.splits, known)
        reporting.freeze_thresholds(rows, view, heads)
        report = self._report(evaluation, known, distances, tried=tried, origin=run.origin())
        return MembershipResult(report, reporting.scores_of(rows, view, evaluation), earlier)

    def circumstances(self, scorers: Sequence[AnyScorer]) -> Circumstances:
        """What is known beside the scores, once all was asked.

        Args:
            scorers: Those of this audit, or of its answers with other labels.
        """
        known = Circumstances(self.design, verified=self.coin == "verified", tools=self._tools)
        return replace(known, placebos=placebo_checks(scorers, known.tools_fail))

    def pictures(self, result: Result) -> Sequence[Picture]:
        """Some records of the test split beside the target's answers."""
        _ = self.sides
        return reporting.pictures_of(self.data, result) if isinstance(result, MembershipResult) else []

    @property
    def _pairs(self) -> list[AuxiliaryDataModule]:
        """The datamodules that generate images from captions: of the attacked target first, of a shadow last."""
        sides = [side for data in self._placebos for side in data.sides().values()]
        return [side for side in sides if isinstance(side, AuxiliaryDataModule)]

    @cached_property
    def _tools(self) -> Retrieval | None:
        """How well the attacker's tools do outside test, where heads learn."""
        return check_tools(self._pairs[-1], self.attacks) if self._pairs else None

    @property
    def _starts(self) -> dict[str, dict[str, Any]]:
        """What trained heads attacks start from, if some do."""
        starts = {name: digest for scorer in self.scorers for name, digest in scorer.starts().items()}
        return {"init_from": starts} if starts else {}

    @property
    def _drawing(self) -> dict[str, Cost]:
        """What drawing the records of all sides cost, by model."""
        return {name: cost for side in self.data.sides().values() for name, cost in side.source.costs().items()}

    def _report(
        self, evaluation: Evaluation, known: Circumstances, distances: Fidelity | None, tried: Tried, origin: Origin
    ) -> AuditReport:
        view, sides = self.data.view, self.sides
        targets = accounts.targets_of(sides)
        refused, sizes = accounts.refusals_of(sides), view.splits.sizes()
        return AuditReport(
            name=origin.name,
            created=origin.created,
            verdict={
                "kind": evaluation.verdict.kind,
                "sentence": " ".join([evaluation.verdict.sentence, *prompts_told(self.data.prompts)]),
            },
            rows=evaluation.rows,
            cost=accounts.expense_of(sides, self._drawing, origin.seconds_total),
            protocol=self.protocol,
            design=self.design,
            target=accounts.fingerprint_of(sides, "target"),
            placebo=accounts.fingerprint_of(sides, "placebo") if self._has_placebo else None,
            base=accounts.fingerprint_of(sides, "base") or None,
            shadow=accounts.shadow_of(sides),
            facts=accounts.facts_of(sides) | self._starts,
            splits={
                "seed": view.splits.seed,
                "digest": view.splits.digest,
                "sizes": sizes,
                "groups": view.splits.n_groups,
            },
            store_digest=accounts.store_digest_of(sides),
            encoder=next(filter(None, (side.encoder_fingerprint() for side in targets)), {}),
            captioner=next(filter(None, (side.captioner_fingerprint() for side in targets)), {}),
            tools=None if known.tools is None else cast("ToolCheck", asdict(known.tools)),
            config=dict(origin.config),
            tried=tried,
            control_null=evaluation.control_null,
            power=cast("FoundBy", asdict(evaluation.power)),
            skipped=list(view.skipped),
            refused=refused,
            limits=[
                *limits_of(
                    self.design,
                    self.coin,
                    self._has_placebo,
                    sizes["test"],
                    shift=self._shift,
                    reads_base=any(row["reads_base"] for row in evaluation.rows),
                ),
                *unequal_refusals(refused),
                *accounts.shadow_notes(sides),
                *accounts.cut_captions(sides),
                *accounts.table_notes(view),
            ],
            versions=origin.versions,
            git=origin.git,
            fidelity=distances,
            coin=self.coin,
            placebo_checks={name: cast("CheckedPlacebo", asdict(of)) for name, of in known.placebos.items()},
            duplicates=[cast("Same", asdict(of)) for of in view.duplicates],
            design_notes=self._design.told,
            tiers=tiers_of(evaluation, view.known, view.splits, self._design.copies),
            dp_bound=reporting.dp_bound(evaluation, view, self._design),
            set_level=set_level_of(evaluation, view.known, view.splits),
        )

    # ------------------------------------------------------------------ checks

    def _check(self, data: JudgedDataModule) -> None:
        """Refuse, before anything is asked, what could only fail or mislead afterwards."""
        for scorer in self.scorers:
            target, _ = self._placebos[scorer.data]
            for level in {attack.level for attack in scorer.attacks} - {None}:
                if target is not None and level is not None:
                    target.require(level)
            for kind in sorted(scorer.control_kinds()):
                _ = ROW_KINDS[kind]
        if self.fid_encoder is not None and not self._pairs:
            raise EncoderError(
                f"`fid_encoder` looks at images generated from captions, and {type(data).__name__} holds none. Leave "
                "it out, or audit an AuxiliaryDataModule."
            )

    @property
    def _shift(self) -> str | None:
        """How the sides differ by construction in more than membership; refuses a design that they do not allow."""
        return check_sides(self.data.sides()["target"].view.everyone, self.design, self.data.source)

    def _check_placebos(self) -> None:
        """Refuse a placebo that has seen what one of the targets has."""
        for placebo in [placebo for placebo, _ in self._placebos.values() if placebo is not None]:
            for data in self._placebos:
                refuse_as_placebo(placebo, data.target)

    @property
    def _has_placebo(self) -> bool:
        return any(target is not None for target, _ in self._placebos.values())

    def _role(self, role: str, scorer: AnyScorer) -> str:
        return role if scorer.data is self.data else f"{role} ({scorer.name})"
