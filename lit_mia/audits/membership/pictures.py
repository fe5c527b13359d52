"""Records beside what the target made of their captions, for a page that shows images."""

import hashlib
from collections.abc import Mapping, Sequence

from PIL import Image

from datamodules.base import AuditDataModule
from lit_mia.records import MEMBER, NON_MEMBER
from lit_mia.report.base import Picture
from lit_mia.report.membership import COMBINED, MembershipResult
from lit_mia.report.words import signed

PER_CLASS = 12
_LABELS = {MEMBER: "member", NON_MEMBER: "non-member"}


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
    chosen = []
    for label in (MEMBER, NON_MEMBER):
        rows = sorted((row for row in hashes if members[row] == label), key=hashes.__getitem__)
        chosen += rows[:PER_CLASS]
    return chosen
