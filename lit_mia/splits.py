"""Train, validation, calibration and test: disjoint by group, drawn once by a hash and then locked."""

import hashlib
import json
import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, product
from pathlib import Path
from typing import Any

import numpy as np

from lit_mia.dry_run import read_at
from lit_mia.errors import SplitError
from lit_mia.files import key_digest, write_whole
from lit_mia.records import MEMBER, NON_MEMBER, Records

IdSets = Sequence[Sequence[str]]
"""Ids that belong together."""
SPLITS = ("train", "val", "calibration", "test")
LEARNED = SPLITS[:3]
"""What heads learn from, choose and calibrate on."""
LEAST = 2
"""Least records of each class in a split, and least groups of each class in test."""


@dataclass(frozen=True)
class Splits:
    """Which rows of a record table belong to which split.

    Attributes:
        rows: Rows of each split, ascending. Records of unknown membership are in no split.
        members: Number of members in each split.
        seed: The seed of the hash.
        fractions: Share of the groups that each split was meant to hold, in the order of `SPLITS`.
        n_groups: Number of groups of known membership.
        digest: SHA-256 of the ids of each split and of the record table, independent of row order.
    """

    rows: dict[str, tuple[int, ...]]
    members: dict[str, int]
    seed: int
    fractions: tuple[float, ...]
    n_groups: int
    digest: str

    def sizes(self) -> dict[str, dict[str, int]]:
        """Records of each class in each split: `{"train": {"member": 40, "non_member": 38}, ...}`."""
        return {
            name: {"member": self.members[name], "non_member": len(rows) - self.members[name]}
            for name, rows in self.rows.items()
        }


def assign_splits(records: Records, fractions: Sequence[float] = (0.4, 0.1, 0.1, 0.4), seed: int = 0) -> Splits:
    """Let each group fall into a split by the hash of its name.

    A group that holds both members and non-members stays together, and sizes match the fractions only on average. Where
    so few records would leave a split with fewer than `LEAST` of a class, it is given the groups whose hashes come
    nearest to it, of splits that can spare them. No other group ever moves when records are added or reordered.

    Args:
        records: The table to split. Rows of unknown membership are left out.
        fractions: Shares of train, val, calibration and test: four positive numbers that sum to 1.
        seed: Another seed draws other splits.

    Raises:
        SplitError: If the fractions are not four positive numbers that sum to 1.
    """
    check_fractions(fractions)
    known = records.rows_of(MEMBER, NON_MEMBER)
    held: dict[str, Counter[int]] = {}
    for row in known:
        held.setdefault(records.groups[row], Counter())[records.members[row]] += 1
    split_of = _Draw(held, fractions, seed).fill()
    rows: dict[str, list[int]] = {name: [] for name in SPLITS}
    for row in known:
        rows[split_of[records.groups[row]]].append(row)
    return Splits(
        rows={name: tuple(kept) for name, kept in rows.items()},
        members=members_in(rows, records),
        seed=seed,
        fractions=tuple(fractions),
        n_groups=len(held),
        digest=_digest(rows, records),
    )


def remaining(splits: Splits, records: Records, kept: Sequence[int]) -> Splits:
    """The same splits after some records have left; nothing is redrawn, and the digest stays.

    Args:
        splits: Splits of `records`.
        records: The table that was split.
        kept: Rows that remain, ascending; rows of the result count among them, as in `records.select(kept)`.
    """
    place = np.full(len(records), -1)
    place[np.array(kept, np.int64)] = np.arange(len(kept))
    rows = {name: tuple(row for row in of_split if place[row] >= 0) for name, of_split in splits.rows.items()}
    return replace(
        splits,
        rows={name: tuple(place[np.array(of_split, np.int64)].tolist()) for name, of_split in rows.items()},
        members=members_in(rows, records),
        n_groups=len({records.groups[row] for of_split in rows.values() for row in of_split}),
    )


def relabelled(splits: Splits, records: Records) -> Splits:
    """The same splits of the same records with other labels.

    Args:
        splits: Splits of the records with their own labels.
        records: The records with other labels, in the same order.
    """
    return replace(splits, members=members_in(splits.rows, records))


def members_in(rows: Mapping[str, Sequence[int]], records: Records) -> dict[str, int]:
    """Split → how many of its records are members."""
    return {name: sum(records.members[row] == MEMBER for row in of_split) for name, of_split in rows.items()}


def check_splits(splits: Splits, records: Records) -> None:
    """Refuse splits that are too small to train or to measure with.

    Args:
        splits: Splits of `records`.
        records: The table that was split.

    Raises:
        SplitError: If a split holds fewer than `LEAST` records of a class, or test fewer groups of one.
    """
    held, groups = Counter[tuple[str, int]](), Counter[tuple[str, int]]()
    for name, rows in splits.rows.items():
        held.update((name, records.members[row]) for row in rows)
        groups.update((name, member) for member, _ in {(records.members[row], records.groups[row]) for row in rows})
    if all(_enough(cell[0], held[cell], groups[cell]) for cell in product(splits.rows, (MEMBER, NON_MEMBER))):
        return
    counts = ", ".join(f"{name} {c['member']} + {c['non_member']}" for name, c in splits.sizes().items())
    known = f"{records.members.count(MEMBER)} members and {records.members.count(NON_MEMBER)} non-members"
    raise SplitError(
        f"Each split needs at least {LEAST} members and {LEAST} non-members, but they hold (members + "
        f"non-members): {counts}; and test at least {LEAST} groups of each. The records are {known} in "
        f"{splits.n_groups} groups. Add records of the class that is missing, use smaller groups, or give the small "
        "split a larger fraction."
    )


def lock_splits(splits: Splits, records: Records, path: Path, former: str | None = None, *, alike: IdSets = ()) -> str:
    """Write the splits at the first call, and refuse any other splits at later calls.

    Args:
        splits: Splits of `records`.
        records: The table that was split.
        path: The lock, a JSON file. Its folder is made if it is missing.
        former: Digest of the same splits without the records that cannot be read, which is what versions before 0.2
            locked.
        alike: Ids that an encoder found to show the same, and that were put into one group before the splits.

    Returns:
        The digest in the lock.

    Raises:
        SplitError: If the lock holds other splits or cannot be read.
    """
    if read_at(path).exists():
        locked = _read_lock(path)
        if locked["digest"] not in (splits.digest, former):
            raise SplitError(_refusal(path, locked, splits, records))
        return str(locked["digest"])
    content = {
        "digest": splits.digest,
        "records": records.digest(),
        "seed": splits.seed,
        "fractions": splits.fractions,
        "ids": {name: [records.ids[row] for row in rows] for name, rows in splits.rows.items()},
        "alike": alike,
    }
    write_whole(path, json.dumps(content, indent=1))
    return splits.digest


def locked_as_alike(path: Path) -> IdSets | None:
    """The sets of ids that were put into one group before the splits of a lock, because an encoder took them for alike.

    Whoever goes on with these splits groups the same, whatever the encoder: none for a lock of a version that did not
    ask encoders.

    Args:
        path: The lock.

    Returns:
        The sets; None if there is no lock.

    Raises:
        SplitError: If the lock cannot be read.
    """
    if not read_at(path).exists():
        return None
    sets: Any = _read_lock(path).get("alike", ())
    return [[str(name) for name in names] for names in sets]


def check_fractions(fractions: Sequence[float] | None) -> None:
    """Refuse shares of the splits that are no whole.

    Raises:
        SplitError: If they are not four positive numbers that sum to 1.
    """
    given = list(fractions or ())
    positive = len(given) == len(SPLITS) and all(fraction > 0 for fraction in given)
    if not positive or not math.isclose(sum(given), 1, abs_tol=1e-6):
        raise SplitError(
            f"`fractions` must be four positive numbers that sum to 1 ({', '.join(SPLITS)}), but got {given}."
        )


def group_coin(seed: int | str, group: str) -> float:
    """A number in [0, 1] that depends on nothing but the seed and the group's name."""
    return int(hashlib.sha256(f"{seed}/{group}".encode()).hexdigest()[:16], 16) / 2**64


def _enough(name: str, records: int, groups: int) -> bool:
    """Whether so many records, in so many groups, are enough of one class in a split."""
    return records >= LEAST and (name != "test" or groups >= LEAST)


class _Draw:
    """Groups in splits by their hashes, and how much each split holds."""

    def __init__(self, held: Mapping[str, Counter[int]], fractions: Sequence[float], seed: int) -> None:
        self.held, self.edges = held, [0.0, *accumulate(fractions)]
        self.coins = {group: group_coin(seed, group) for group in held}
        self.split_of: dict[str, str] = {}
        self.records: Counter[tuple[str, int]] = Counter()
        self.groups: Counter[tuple[str, int]] = Counter()
        for group, coin in self.coins.items():
            self._put(group, SPLITS[bisect_right(self.edges[1:-1], coin)])

    def fill(self) -> dict[str, str]:
        """Group → split, after splits that lack a class were given the nearest groups of it that others can spare."""
        for name, member in product(SPLITS, (MEMBER, NON_MEMBER)):
            if self._enough(name, member):
                continue
            for group in self._nearest(name, member):
                if self._spared(group):
                    self._put(group, name)
                if self._enough(name, member):
                    break
        return self.split_of

    def _put(self, group: str, name: str) -> None:
        for member, count in self.held[group].items():
            if group in self.split_of:
                self.records[self.split_of[group], member] -= count
                self.groups[self.split_of[group], member] -= 1
            self.records[name, member] += count
            self.groups[name, member] += 1
        self.split_of[group] = name

    def _enough(self, name: str, member: int, but: int = 0, groups: int = 0) -> bool:
        """Whether a split holds enough of a class, without some of its records and groups."""
        return _enough(name, self.records[name, member] - but, self.groups[name, member] - groups)

    def _spared(self, group: str) -> bool:
        name = self.split_of[group]
        return all(self._enough(name, member, count, 1) for member, count in self.held[group].items())

    def _nearest(self, name: str, member: int) -> list[str]:
        """Groups of a class in other splits, the one whose hash is nearest to a split first."""
        low, high = self.edges[SPLITS.index(name) :][:2]
        others = [group for group, held in self.held.items() if held[member] and self.split_of[group] != name]
        return sorted(others, key=lambda group: (max(low - self.coins[group], self.coins[group] - high), group))


def _digest(rows: Mapping[str, Sequence[int]], records: Records) -> str:
    ids = {name: sorted(records.ids[row] for row in kept) for name, kept in rows.items()}
    return key_digest([ids, records.digest()])


def _read_lock(path: Path) -> dict[str, object]:
    try:
        content = json.loads(read_at(path).read_text(encoding="utf-8"))
    except ValueError as error:
        raise SplitError(f"The lock {path} is not readable as JSON ({error}). Restore it, or start anew.") from error
    missing = {"digest", "records", "seed", "fractions", "ids"}.difference(content if isinstance(content, dict) else ())
    if missing:
        raise SplitError(f"The lock {path} lacks {sorted(missing)}. Restore it, or start anew in another folder.")
    return dict(content)


def _refusal(path: Path, locked: Mapping[str, object], splits: Splits, records: Records) -> str:
    pairs = {
        "seed": (locked["seed"], splits.seed),
        "fractions": (locked["fractions"], list(splits.fractions)),
        "records": (str(locked["records"])[:12], records.digest()[:12]),
    }
    different = [f"{name}: locked {old}, now {new}" for name, (old, new) in pairs.items() if old != new]
    return (
        f"The splits in {path} are locked and never redrawn, but these differ ({'; '.join(different) or 'ids'}). "
        "Go back to the locked settings and records, or start a new audit in another folder. (Equal images are put "
        "into one group unless `near_duplicates` says otherwise.)"
    )
