"""From what an audit measured to its report and its scores of single records."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import torch

from datamodules.base import AuditDataModule
from datamodules.view import RecordView
from lit_mia.attacks.frozen import freeze_threshold
from lit_mia.audits.membership.accounts import charges_of, cut_captions, refusals_of
from lit_mia.cost import Cost
from lit_mia.metrics.retrieval import Retrieval
from lit_mia.metrics.verdict import Design
from lit_mia.report.base import Origin
from lit_mia.report.membership import (
    COMBINED,
    AuditReport,
    Evaluation,
    Expense,
    Fidelity,
    RowScores,
    ScoreTable,
    Spent,
    ToolCheck,
    Tried,
    limits_of,
    score_table,
    unequal_refusals,
)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What an audit measured, and of what.

    Attributes:
        data: Records and splits.
        sides: The targets' answers by role.
        evaluation: The numbers.
        design: How the members came to be members.
        protocol: How records were scored.
        placebo: Whether every target has a placebo.
        tried: How often the test split was opened.
        tools: How well captions find their own images; None if that was not checked.
        distances: How far the images are apart; None where nothing was generated.
    """

    data: AuditDataModule
    sides: Mapping[str, AuditDataModule]
    evaluation: Evaluation
    design: Design
    protocol: str
    placebo: bool
    tried: Tried
    tools: Retrieval | None
    distances: Fidelity | None


def report_of(outcome: Outcome, origin: Origin) -> AuditReport:
    """The report of an audit."""
    evaluation, view, sides = outcome.evaluation, outcome.data.view, outcome.sides
    targets = [side for role, side in sides.items() if role.startswith("target")]
    refused, sizes = refusals_of(sides), view.splits.sizes()
    shift = outcome.data.source.shift
    return AuditReport(
        name=origin.name,
        created=origin.created,
        verdict={"kind": evaluation.verdict.kind, "sentence": evaluation.verdict.sentence},
        rows=evaluation.rows,
        cost=_expense(outcome, origin.seconds_total),
        protocol=outcome.protocol,
        design=outcome.design,
        target=_fingerprint(sides, "target"),
        placebo=_fingerprint(sides, "placebo") if outcome.placebo else None,
        splits={
            "seed": view.splits.seed,
            "digest": view.splits.digest,
            "sizes": sizes,
            "groups": view.splits.n_groups,
        },
        store_digest=_store_digest(targets),
        encoder=next(filter(None, (side.encoder_fingerprint() for side in targets)), {}),
        captioner=next(filter(None, (side.captioner_fingerprint() for side in targets)), {}),
        tools=None if outcome.tools is None else cast("ToolCheck", asdict(outcome.tools)),
        config=dict(origin.config),
        tried=outcome.tried,
        control_null=evaluation.control_null,
        mde_auc=evaluation.mde_auc,
        mde_delta_auc=evaluation.mde_delta_auc,
        skipped=list(view.skipped),
        refused=refused,
        limits=[
            *limits_of(outcome.design, outcome.placebo, sizes["test"], shift),
            *unequal_refusals(refused),
            *cut_captions(sides),
        ],
        versions=origin.versions,
        git=origin.git,
        fidelity=outcome.distances,
    )


def scores_of(rows: Sequence[RowScores], view: RecordView, evaluation: Evaluation) -> ScoreTable:
    """The scores of every record by every row, for each seed and combined."""
    records = view.known
    split = {row: name for name, members in view.splits.rows.items() for row in members}
    names = [split[row] for row in range(len(records))]
    tables = []
    for row in rows:
        seeds = {seed: values for seed, values in enumerate(row.scores)} | {COMBINED: evaluation.combined[row.name]}
        for seed, values in seeds.items():
            tables.append(
                score_table(records.ids, records.members, names, values, row=row.name, kind=row.kind, seed=seed)
            )
    return ScoreTable.join(tables)


def freeze_thresholds(rows: Sequence[RowScores], view: RecordView, heads: Path) -> None:
    """Write the threshold of each saved head beside it.

    Args:
        rows: The rows; the head of an attack is saved under its name.
        view: The records.
        heads: Folder of the heads.
    """
    members = torch.tensor(view.known.members)
    calibration, test = (list(view.splits.rows[split]) for split in ("calibration", "test"))
    for row in rows:
        if (heads / f"{row.name}.ckpt").is_file():
            score = torch.from_numpy(row.scores[0])
            outside = score[calibration][members[calibration] == 0].tolist()
            freeze_threshold({"nonmembers": outside}, score[test], members[test], heads / f"{row.name}.ckpt")


def _expense(outcome: Outcome, seconds: float) -> Expense:
    costs = {role: side.cost for role, side in outcome.sides.items()} | outcome.data.source.costs()
    return Expense(
        **asdict(sum(costs.values(), Cost())),
        by_target={role: cast("Spent", asdict(cost)) for role, cost in costs.items()},
        seconds_total=seconds,
        charges=charges_of(outcome.sides),
    )


def _fingerprint(sides: Mapping[str, AuditDataModule], role: str) -> dict[str, Any]:
    """The target's or the placebo's; by role if there are two."""
    found = {name: dict(side.target.fingerprint()) for name, side in sides.items() if name.startswith(role)}
    return next(iter(found.values())) if len(found) == 1 else dict(found)


def _store_digest(targets: Sequence[AuditDataModule]) -> str:
    """The digest of a store, or one of several."""
    digests = [side.store_digest() for side in targets]
    return digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()
