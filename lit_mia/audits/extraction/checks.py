"""What an extraction audit refuses: settings and records of which nothing would follow, before anything is paid."""

from collections.abc import Sequence

from datamodules import AuxiliaryDataModule
from lit_mia.attacks.copying import CopyMeasure
from lit_mia.audits.extraction.untargeted import Untargeted
from lit_mia.errors import HeadError, TargetError
from lit_mia.reasons import listed
from lit_mia.records import MEMBER, NON_MEMBER, Records
from lit_mia.registry import named_once

LEAST_GROUPS = 2
"""Fewest groups of each half of which an AUC has a variance."""


def check_measures(measures: Sequence[CopyMeasure], untargeted: Untargeted | None) -> None:
    """Refuse no measure, one that is given twice, and none that can compare what other prompts give."""
    names = named_once("An extraction audit", "measure", measures)
    if untargeted is not None and all(measure.needs_pool for measure in measures):
        raise HeadError(
            f"`untargeted` compares drawn images with one another, which {', '.join(names)} cannot. Add another "
            "measure, such as TiledDistance, or leave `untargeted` out."
        )


def check_prompts(data: AuxiliaryDataModule) -> None:
    """Refuse prompts that are not the captions of the training."""
    if data.prompts != "own" or data.tools.captioner is not None:
        raise HeadError(
            "An extraction audit draws from the captions that records were trained with. Leave `prompts` and "
            "`captioner` of the datamodule out."
        )


def check_both(records: Records) -> None:
    """Refuse records of which one half is missing, or is a single group."""
    members = records.members
    if min(_groups_of_halves(records)) < LEAST_GROUPS:
        raise HeadError(
            "Without records that were held out nothing tells a copy from what a caption alone describes, but the "
            f"source gives {members.count(MEMBER)} members and {members.count(NON_MEMBER)} non-members, and at least "
            f"{LEAST_GROUPS} groups of each are needed. Hold some out by a coin before the training (`lit-mia design`)."
        )


def check_foreign(prompts: Sequence[str], records: Records) -> None:
    """Refuse prompts that are the captions of records."""
    own = sorted(set(prompts) & {caption for caption in records.captions if caption is not None})
    if own:
        raise HeadError(
            f"The `prompts` of `untargeted` belong to no record, but {listed(own, most=3)} is a caption. Leave it out: "
            "images are drawn from all captions anyway."
        )


def check_left(records: Records, asked: int, drawn: int) -> None:
    """Refuse what models refused so much of that nothing can be counted.

    Args:
        records: Those of both halves that were not refused.
        asked: From how many captions images were to be drawn.
        drawn: From how many they were.
    """
    members = records.members
    if not drawn or min(_groups_of_halves(records)) < LEAST_GROUPS:
        raise TargetError(
            f"Of {asked} captions, {asked - drawn} were refused by the target or its base, which leaves "
            f"{members.count(MEMBER)} members and {members.count(NON_MEMBER)} non-members; at least {LEAST_GROUPS} "
            "groups of each are needed. What was drawn is kept. Ask a base that refuses less, or other records."
        )


def _groups_of_halves(records: Records) -> tuple[int, int]:
    by_half = [
        {group for group, of in zip(records.groups, records.members, strict=True) if of == half}
        for half in (MEMBER, NON_MEMBER)
    ]
    return len(by_half[0]), len(by_half[1])
