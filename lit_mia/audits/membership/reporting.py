"""Parts of the report of a membership audit: what targets are, charged, refused and cut; scores; pictures."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import torch
from PIL import Image

from datamodules import AuditDataModule
from datamodules.view import RecordView
from lit_mia.attacks.frozen import freeze_threshold
from lit_mia.cost import Cost
from lit_mia.files import replacing
from lit_mia.records import MEMBER, NON_MEMBER
from lit_mia.report.base import Picture
from lit_mia.report.membership import (
    COMBINED,
    Evaluation,
    Expense,
    MembershipResult,
    RowScores,
    ScoreTable,
    Spent,
    Tried,
    score_table,
)
from lit_mia.report.membership.notes import count_refused
from lit_mia.report.membership.schema import Charged, Refused
from lit_mia.report.words import signed

Sides = Mapping[str, AuditDataModule]
"""The datamodules of an audit by role: `target`, `placebo`."""
LEDGER = "ledger.json"
"""How often the test split of a store was opened, and by how many configurations."""
PER_CLASS = 12
"""Pictures of members, and of non-members, on a page."""
_LABELS = {MEMBER: "member", NON_MEMBER: "non-member"}


def charges_of(sides: Sides) -> dict[str, Charged]:
    """What was paid, by role, of the targets that keep accounts."""
    kept = {role: data.target.charges() for role, data in sides.items()}
    return {
        role: {
            "confirmed": paid.confirmed,
            "uncertain": paid.uncertain,
            "confirmed_money": paid.confirmed_money,
            "uncertain_money": paid.uncertain_money,
        }
        for role, paid in kept.items()
        if paid.images
    }


def refusals_of(sides: Sides) -> dict[str, Refused]:
    """Refusals by role, of the targets that refused something."""
    reasons = {role: data.refusals(data.view.labelled) for role, data in sides.items()}
    return {role: count_refused(data.view.labelled, reasons[role]) for role, data in sides.items() if reasons[role]}


def cut_captions(sides: Sides) -> list[str]:
    """A sentence for each target that was asked, in this run, with captions longer than it takes."""
    return [
        f"In this run the {role} cut {data.target.truncated} captions that are too long for it."
        for role, data in sides.items()
        if data.target.truncated
    ]


def expense_of(sides: Sides, drawing: dict[str, Cost], seconds: float) -> Expense:
    """What an audit cost.

    Args:
        sides: The datamodules.
        drawing: What was spent on drawing records, by model.
        seconds: Time of the whole audit.
    """
    costs = {role: side.cost for role, side in sides.items()} | drawing
    return Expense(
        **asdict(sum(costs.values(), Cost())),
        by_target={role: cast("Spent", asdict(cost)) for role, cost in costs.items()},
        seconds_total=seconds,
        charges=charges_of(sides),
    )


def fingerprint_of(sides: Mapping[str, AuditDataModule], role: str) -> dict[str, Any]:
    """The target's or the placebo's; by role if there are two."""
    found = {name: dict(side.target.fingerprint()) for name, side in sides.items() if name.startswith(role)}
    return next(iter(found.values())) if len(found) == 1 else dict(found)


def store_digest_of(targets: Sequence[AuditDataModule]) -> str:
    """The digest of a store, or one of several."""
    digests = [side.store_digest() for side in targets]
    return digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()


def count_opening(store: Path, config: Mapping[str, Any]) -> Tried:
    """Count this opening of the test split, and the distinct configurations that opened it so far.

    Args:
        store: Folder of the answers.
        config: Configuration of the audit.
    """
    path = store / LEDGER
    seen: Any = json.loads(path.read_text()) if path.is_file() else {"configurations": [], "openings": 0}
    digest = hashlib.sha256(json.dumps(config, sort_keys=True, default=str).encode()).hexdigest()
    configurations, openings = sorted({*seen["configurations"], digest}), int(seen["openings"]) + 1
    with replacing(path) as temporary:
        temporary.write_text(json.dumps({"configurations": configurations, "openings": openings}))
    return {"configurations": len(configurations), "test_openings": openings}


def scores_of(rows: Sequence[RowScores], view: RecordView, evaluation: Evaluation) -> ScoreTable:
    """The scores of every record by every row, for each seed and combined."""
    records = view.known
    split = {row: name for name, members in view.splits.rows.items() for row in members}
    names = [split[row] for row in range(len(records))]
    return ScoreTable.join(
        [
            score_table(records.ids, records.members, names, values, row=row.name, kind=row.kind, seed=seed)
            for row in rows
            for seed, values in (*enumerate(row.scores), (COMBINED, evaluation.combined[row.name]))
        ]
    )


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


def pictures_of(data: AuditDataModule, content: MembershipResult) -> list[Picture]:
    """Some records of the test split beside the target's answers, chosen by their hash, not by their score.

    Args:
        data: The records and answers.
        content: Scores; those of the last attack are told.
    """
    scores = content.scores.select((content.scores.seed == COMBINED) & (content.scores.row == content.attacks[-1].name))
    score = dict(zip(scores.id_hash.tolist(), scores.score.tolist(), strict=True))
    records = data.view.known
    hashes = {row: hashlib.sha256(records.ids[row].encode()).hexdigest() for row in data.view.splits.rows["test"]}
    hashes = {row: digest for row, digest in hashes.items() if digest in score}  # the others were refused
    chosen = _chosen(hashes, records.members)
    return [
        Picture(
            images=(records.open_image(row), Image.fromarray(answer)),
            caption=str(records.captions[row]),
            note=f"{_LABELS[records.members[row]]}, score {signed(score[hashes[row]])}",
        )
        for row, answer in zip(chosen, data.answers(chosen), strict=True)
    ]


def _chosen(hashes: Mapping[int, str], members: Sequence[int]) -> list[int]:
    ordered = sorted(hashes, key=hashes.__getitem__)
    return [row for label in _LABELS for row in [row for row in ordered if members[row] == label][:PER_CLASS]]
