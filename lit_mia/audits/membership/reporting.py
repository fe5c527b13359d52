"""What a membership audit shows and keeps of single records: their scores, frozen thresholds, pictures."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from PIL import Image

from datamodules import JudgedDataModule
from datamodules.sources.base import StatedDesign
from datamodules.view import RecordView
from lit_mia.attacks.frozen import freeze_threshold
from lit_mia.records import MEMBER, NON_MEMBER, id_hash
from lit_mia.report.base import Picture
from lit_mia.report.membership import (
    COMBINED,
    Evaluation,
    Listed,
    MembershipResult,
    RowScores,
    ScoreTable,
)
from lit_mia.report.membership.bounds import Coins, DpBound, dp_bound_of
from lit_mia.report.membership.columns import is_attack
from lit_mia.report.words import signed

PER_CLASS = 12
"""Pictures of members, and of non-members, on a page."""

_LABELS = {MEMBER: "member", NON_MEMBER: "non-member"}


def scores_of(rows: Sequence[RowScores], view: RecordView, evaluation: Evaluation) -> ScoreTable:
    """The scores of every record by every row, for each seed and combined."""
    records = view.known
    split = {row: name for name, members in view.splits.rows.items() for row in members}
    names = [split[row] for row in range(len(records))]
    known = Listed.of(records.ids, records.members, names, records.groups)
    return ScoreTable.join(
        [
            known.scored(values, row=row.name, kind=row.kind, seed=seed)
            for row in rows
            for seed, values in (*enumerate(row.scores), (COMBINED, evaluation.combined[row.name]))
        ]
    )


def dp_bound(evaluation: Evaluation, view: RecordView, design: StatedDesign) -> DpBound:
    """The lower bound on ε by the attacks, or why there is none.

    Args:
        evaluation: The scores.
        view: The records.
        design: How members came to be members.
    """
    violated = evaluation.verdict.kind == "design violated"
    coins = Coins(
        of=design.coins,
        copies=design.copies,
        tested=[view.labelled.ids[row] for row in view.locked.rows["test"]],
        reason=design.unbounded or ("The controls found that the coins did not decide." if violated else None),
    )
    attacks = {row.name: evaluation.combined[row.name] for row in evaluation.rows if is_attack(row)}
    return dp_bound_of(attacks, view.known, view.splits, coins)


def freeze_thresholds(rows: Sequence[RowScores], view: RecordView, heads: Path) -> None:
    """Write the threshold of each attack's saved head beside it.

    Args:
        rows: The rows; the head of an attack is saved under its name.
        view: The records.
        heads: Folder of the heads.
    """
    members = torch.tensor(view.known.members)
    calibration, test = (list(view.splits.rows[split]) for split in ("calibration", "test"))
    groups = [view.known.groups[row] for row in test]
    for row in rows:
        checkpoint = heads / f"{row.name}.ckpt"
        if row.kind == "attack" and checkpoint.is_file():
            score = torch.from_numpy(row.scores[0])
            outside = score[calibration][members[calibration] == NON_MEMBER].tolist()
            freeze_threshold({"nonmembers": outside}, score[test], members[test], checkpoint, groups=groups)


def pictures_of(data: JudgedDataModule, content: MembershipResult) -> list[Picture]:
    """Some records of the test split beside the target's answers, chosen by their hash, not by their score.

    Args:
        data: The records and answers.
        content: Scores; those of the last attack are told.
    """
    scores = content.scores.select((content.scores.seed == COMBINED) & (content.scores.row == content.attacks[-1].name))
    score = dict(zip(scores.id_hash.tolist(), scores.score.tolist(), strict=True))
    records = data.view.known
    hashes = {row: id_hash(records.ids[row]) for row in data.view.splits.rows["test"]}
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
