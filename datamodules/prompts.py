"""Which captions a target and its attacks are given: each record's own, or others as a negative control.

What a member's own caption betrays goes with it: of CLiD an AUC of 1 was found with own prompts and .59 to .73 with
others. An attack that still tells members apart reads the images, and one that no longer does read the captions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Literal

from lit_mia.errors import RecordError
from lit_mia.reasons import listed
from lit_mia.records import MEMBER, NON_MEMBER, Records
from lit_mia.splits import group_coin

Prompts = Literal["own", "fixed", "swapped", "shuffled"]

FIXED = "a picture"
"""The caption of all records under `fixed`."""
_TOLD: Mapping[Prompts, str] = {
    "fixed": f"every record was given the caption “{FIXED}”",
    "swapped": "members were given captions of non-members and the reverse, within each split",
    "shuffled": "captions were dealt out anew within each split, among members and among non-members",
}


def prompts_told(prompts: Prompts) -> list[str]:
    """What a report says of prompts that are not the records' own."""
    if prompts == "own":
        return []
    return [
        f"Negative control (`prompts: {prompts}`): {_TOLD[prompts]}. Target, attacks and controls saw these; the "
        "numbers say what is left without the records' own captions, and are no audit of the target as it is used."
    ]


def prompted(records: Records, split_of: Mapping[str, str], prompts: Prompts, seed: int) -> Records:
    """The records with the captions that a target is asked.

    Args:
        records: The records.
        split_of: Id → split of those of known membership; the others are dealt with among themselves.
        prompts: `own`; `fixed`: one text for all; `shuffled`: others of the same split and side, each once; `swapped`:
            those of the other side of the same split, as often as it takes.
        seed: Another seed deals the captions out otherwise.

    Returns:
        The records, in their order. No record is given a caption of its own group, unless that group is most of its
        split and side.

    Raises:
        RecordError: If captions are to be changed and a record has none.
    """
    if prompts == "own":
        return records
    bare = records.uncaptioned()
    if bare:
        raise RecordError(
            f"`prompts: {prompts}` replaces captions, but {len(bare)} of {len(records)} records have none: "
            f"{listed(bare)}. Add captions, or leave `prompts` out."
        )
    if prompts == "fixed":
        return replace(records, captions=(FIXED,) * len(records))
    cells: dict[tuple[str | None, int], list[int]] = {}
    for row in _dealt(records, seed):
        cells.setdefault((split_of.get(records.ids[row]), records.members[row]), []).append(row)
    captions = list(records.captions)
    for (split, member), rows in cells.items():
        across = cells.get((split, MEMBER + NON_MEMBER - member)) if prompts == "swapped" else None
        givers = _across(records, rows, across) if across else _turned(records, rows)
        for row, giver in zip(rows, givers, strict=True):
            captions[row] = records.captions[giver]
    return replace(records, captions=tuple(captions))


def _dealt(records: Records, seed: int) -> list[int]:
    """All rows in an order that a hash decides, each group in one piece; it does not depend on the rows' order."""

    def place(row: int) -> tuple[float, str, str]:
        group = records.groups[row]
        return group_coin(f"prompts/{seed}", group), group, records.ids[row]

    return sorted(range(len(records)), key=place)


def _turned(records: Records, rows: Sequence[int]) -> list[int]:
    """The rows, turned on by the size of the largest group, so that each meets one of another group."""
    longest = max(len([*same]) for _, same in groupby(records.groups[row] for row in rows))
    return [*rows[longest:], *rows[:longest]]


def _across(records: Records, rows: Sequence[int], givers: Sequence[int]) -> list[int]:
    """One of some other rows for each row, in turn; of another group than its own, if there is one."""

    def giver(number: int, row: int) -> int:
        in_turn = (givers[(number + step) % len(givers)] for step in range(len(givers)))
        return next((other for other in in_turn if records.groups[other] != records.groups[row]), givers[0])

    return [giver(number, row) for number, row in enumerate(rows)]
