"""One YAML → store → heads and controls → numbers."""

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from datamodules.auxiliary import AuxiliaryDataModule
from datamodules.base import AuditDataModule
from datamodules.sources.base import RecordSource
from datamodules.statistics import StatisticDataModule
from lit_mia.attacks.audited import AuditedAttack
from lit_mia.attacks.base import Attack
from lit_mia.attacks.frozen import freeze_threshold
from lit_mia.attacks.residual import ResidualHead
from lit_mia.attacks.statistics.base import StatisticAttack
from lit_mia.attacks.training import Budget
from lit_mia.audit.accounts import charges_of, cut_captions, refusals_of
from lit_mia.audit.fidelity import fidelity
from lit_mia.audit.head_rows import HeadRows
from lit_mia.audit.rows import RowMaker
from lit_mia.audit.statistic_rows import StatisticProtocol, StatisticRows
from lit_mia.audit.tool_check import check_tools
from lit_mia.cost import Cost, Estimate
from lit_mia.errors import EncoderError, HeadError, RecordError
from lit_mia.features.encoders import Encoder
from lit_mia.files import replacing
from lit_mia.metrics.retrieval import Retrieval
from lit_mia.metrics.verdict import Design
from lit_mia.report.numbers import Evaluation, RowScores, evaluate
from lit_mia.report.provenance import git_commit, limits_of, versions
from lit_mia.report.refused import unequal_refusals
from lit_mia.report.schema import AuditReport, Fidelity, Protocol, Spent, ToolCheck, Tried
from lit_mia.report.schema import Cost as ReportedCost
from lit_mia.report.scores import ScoreTable, score_table
from lit_mia.targets.base import Target


class Audit:
    """Measures how much a target leaks beyond what can be told without it.

    Args:
        data: Records, target, store and splits.
        attacks: The attacks; each brings its own controls.
        placebo: A target that saw neither members nor non-members; its answers must not betray membership.
        placebo_store: Folder of the placebo's answers; `<store>/placebo` if None.
        budget: Seeds and epochs, the same for attacks and controls.
        design: How the members came to be members. `randomized_split`: by a coin; `canary`: inserted for the audit;
            `same_source_holdout`: held out from the same source; `post_hoc`: put together afterwards, which caps the
            verdict and is the only one that synthetic non-members allow.
        protocol: For training-free attacks. `threshold` (the default): the statistic itself. `resnet`: a network
            trained on the residual maps. The two are never printed in one column.
        head: The network of the protocol `resnet`, and of the control that sees only the image; a ResNet-18 if not
            given.
        fid_encoder: What FID and KID are measured with; the encoder of the heads if not given. `InceptionEncoder` is
            the one for which FID was defined.
    """

    def __init__(
        self,
        data: AuditDataModule,
        attacks: list[AuditedAttack],
        placebo: Target | None = None,
        placebo_store: str | None = None,
        budget: Budget = Budget(),  # noqa: B008 (frozen)
        design: Design = "same_source_holdout",
        protocol: StatisticProtocol | None = None,
        head: ResidualHead | None = None,
        fid_encoder: Encoder | None = None,
    ) -> None:
        names = [attack.name for attack in attacks]
        if not names or len(set(names)) < len(names):
            raise HeadError(f"An audit needs at least one attack, and each once, but got {names or 'none'}.")
        for attack in attacks:
            for target in (data.target, placebo):
                if target is not None:
                    target.require(attack.level)
        _check_design(data.source, design)
        if fid_encoder is not None and not isinstance(data, AuxiliaryDataModule):
            raise EncoderError(
                f"`fid_encoder` looks at images generated from captions, and {type(data).__name__} holds none. Leave "
                "it out, or audit an AuxiliaryDataModule."
            )
        self.data, self.attacks, self.design = data, attacks, design
        self.fid_encoder, self.budget = fid_encoder, budget
        self.maker = _row_maker(data, attacks, budget, protocol, head)
        self.protocol: Protocol = self.maker.protocol
        self._placebo = (placebo, placebo_store or str(data.store_path / "placebo"))

    def prepare(self) -> None:
        """Load the records and lock the splits; asks no target, but draws records that a model has yet to draw."""
        if self.fid_encoder is not None:
            self.fid_encoder.check()
        self.data.prepare_data()
        target, store = self._placebo
        if target is not None and self.maker.placebo is None:
            self.maker.placebo = self.data.answered_by(target, store)
            self.maker.placebo.prepare_data()
        self.maker.announce()

    def estimate(self) -> dict[str, Estimate]:
        """What the missing queries would cost, by target; asks nothing.

        Where records have yet to be drawn, only that is estimated: what the audit asks depends on them.
        """
        if drawing := self.data.source.estimates():
            return drawing
        self.prepare()
        return {name: data.estimate() for name, data in self.maker.answers().items()}

    def query(self) -> dict[str, Cost]:
        """Fill the stores with what is missing."""
        self.prepare()
        self.maker.query()
        return self._costs()

    def run(self, name: str, config: Mapping[str, Any], output: Path) -> tuple[AuditReport, ScoreTable]:
        """Query what is missing, train all heads and controls, and evaluate them once on test.

        Args:
            name: Name of the audit.
            config: Its configuration, kept in the report.
            output: Folder for the trained heads (`heads/<attack>.ckpt`).

        Returns:
            The report and the scores of every record.
        """
        began = time.perf_counter()
        self.prepare()
        heads = output / "heads"
        heads.mkdir(parents=True, exist_ok=True)
        rows = self.maker.rows(heads)
        distances = fidelity(self.data, encoder=self.fid_encoder)
        tried = _count(self.data.store_path / "ledger.json", config)
        tools = check_tools(self.data, self.attacks)
        placebo = self.maker.placebo is not None
        evaluation = evaluate(rows, self.data.known, self.data.splits, self.design, placebo, tools)
        self._freeze(rows, heads)
        report = self._report(name, config, evaluation, tried, tools, distances, time.perf_counter() - began)
        return report, self._scores(rows, evaluation)

    def _costs(self) -> dict[str, Cost]:
        """What was spent, by target; and by models that draw records."""
        return {role: answers.cost for role, answers in self.maker.answers().items()} | self.data.source.costs()

    # ------------------------------------------------------------------ thresholds

    def _freeze(self, rows: list[RowScores], heads: Path) -> None:
        """Write the threshold of each saved head beside it."""
        import torch

        members = torch.tensor(self.data.known.members)
        calibration, test = (list(self.data.splits.rows[split]) for split in ("calibration", "test"))
        for row in rows:
            if (heads / f"{row.name}.ckpt").is_file():
                score = torch.from_numpy(row.scores[0])
                outside = score[calibration][members[calibration] == 0].tolist()
                freeze_threshold({"nonmembers": outside}, score[test], members[test], heads / f"{row.name}.ckpt")

    # ------------------------------------------------------------------ report

    def _report(
        self,
        name: str,
        config: Mapping[str, Any],
        evaluation: Evaluation,
        tried: Tried,
        tools: Retrieval | None,
        distances: Fidelity | None,
        seconds: float,
    ) -> AuditReport:
        data, placebo = self.data, self.maker.placebo
        costs = self._costs()
        total = sum(costs.values(), Cost())
        refused = refusals_of(self.maker.answers())
        return AuditReport(
            name=name,
            created=datetime.now(UTC).date().isoformat(),
            verdict={"kind": evaluation.verdict.kind, "sentence": evaluation.verdict.sentence},
            rows=evaluation.rows,
            cost=ReportedCost(
                **asdict(total),
                by_target={role: cast("Spent", asdict(c)) for role, c in costs.items()},
                seconds_total=seconds,
                charges=charges_of(self.maker.answers()),
            ),
            protocol=self.protocol,
            design=self.design,
            target=dict(data.target.fingerprint()),
            placebo=None if placebo is None else dict(placebo.target.fingerprint()),
            splits={
                "seed": data.splits.seed,
                "digest": data.splits.digest,
                "sizes": data.splits.sizes(),
                "groups": data.splits.n_groups,
            },
            store_digest=data.store_digest(),
            encoder=data.encoder_fingerprint(),
            captioner=data.captioner_fingerprint(),
            tools=None if tools is None else cast("ToolCheck", asdict(tools)),
            config=dict(config),
            tried=tried,
            control_null=evaluation.control_null,
            mde_auc=evaluation.mde_auc,
            mde_delta_auc=evaluation.mde_delta_auc,
            skipped=data.skipped,
            refused=refused,
            limits=[
                *limits_of(self.design, placebo is not None, data.splits.sizes()["test"], data.source.shift),
                *unequal_refusals(refused),
                *cut_captions(self.maker.answers()),
            ],
            versions=versions(),
            git=git_commit(),
            fidelity=distances,
        )

    def _scores(self, rows: list[RowScores], evaluation: Evaluation) -> ScoreTable:
        records, splits = self.data.known, self.data.splits
        split = {row: name for name, members in splits.rows.items() for row in members}
        names = [split[row] for row in range(len(records))]
        tables = []
        for row in rows:
            seeds = {seed: values for seed, values in enumerate(row.scores)} | {-1: evaluation.combined[row.name]}
            for seed, values in seeds.items():
                tables.append(
                    score_table(records.ids, records.members, names, values, row=row.name, kind=row.kind, seed=seed)
                )
        return ScoreTable.join(tables)


def _check_design(source: RecordSource, design: Design) -> None:
    """Refuse a design that promises more than the records can hold."""
    if source.shift is not None and design != "post_hoc":
        raise RecordError(f"These records allow only `design: post_hoc`, but it is `{design}`. {source.shift}")


def _row_maker(
    data: AuditDataModule,
    attacks: list[AuditedAttack],
    budget: Budget,
    protocol: StatisticProtocol | None,
    head: ResidualHead | None,
) -> RowMaker:
    """What makes the rows: all attacks are heads, or all are statistics."""
    heads = [attack for attack in attacks if isinstance(attack, Attack)]
    statistics = [attack for attack in attacks if isinstance(attack, StatisticAttack)]
    if isinstance(data, StatisticDataModule) and not heads:
        return StatisticRows(data, statistics, protocol or "threshold", head or ResidualHead(), budget)
    if isinstance(data, StatisticDataModule) or statistics:
        raise HeadError(
            f"{type(data).__name__} does not serve {', '.join(a.name for a in (heads or statistics))}. Training-free "
            "attacks need a StatisticDataModule, trained heads an AuxiliaryDataModule; audit the two kinds separately."
        )
    if protocol is not None or head is not None:
        raise HeadError("`protocol` and `head` are for training-free attacks; trained heads have neither.")
    return HeadRows(data, heads, budget)


def _count(ledger: Path, config: Mapping[str, Any]) -> Tried:
    """Count this opening of the test split, and the distinct configurations that opened it so far."""
    seen: Any = json.loads(ledger.read_text()) if ledger.is_file() else {"configurations": [], "openings": 0}
    digest = hashlib.sha256(json.dumps(config, sort_keys=True, default=str).encode()).hexdigest()
    configurations, openings = sorted({*seen["configurations"], digest}), int(seen["openings"]) + 1
    with replacing(ledger) as temporary:
        temporary.write_text(json.dumps({"configurations": configurations, "openings": openings}))
    return {"configurations": len(configurations), "test_openings": openings}
