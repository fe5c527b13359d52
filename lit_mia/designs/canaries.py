"""Canaries: what is put into a training set to see whether it comes out again."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, final

from lit_mia.designs.patterns import random_words
from lit_mia.errors import DesignError
from lit_mia.ranges import INNER_SHARE, at_least, check
from lit_mia.reasons import SHOWN, listed
from lit_mia.records import Records
from lit_mia.splits import group_coin

CanaryKind = Literal["token", "permuted", "synthetic"]
FEWEST_CONTROLS = 100
_SYNTHETIC = "lit-mia canary "
"""How names of synthetic canaries begin."""


@final
@dataclass(frozen=True)
class Canaries:
    """Which canaries a design has; a coin of its own decides about each but the controls.

    Args:
        kinds: `token`: a real image whose caption is random words; `permuted`: a real image with the caption of
            another; `synthetic`: a pattern whose caption is random words. Real images leave the ordinary records.
        copies: How many files an inserted canary has, one tier for each number. More than one is a stress test, from
            which no bound for one record follows; tiers are reported apart.
        per_tier: Canaries of each kind in each tier whose coins are tossed.
        never: Canaries that are never inserted, spread over the kinds; they set the threshold of false alarms.
        budget: Share of the training files that canaries may be expected to fill.

    Raises:
        DesignError: If a value is out of its range.
    """

    kinds: tuple[CanaryKind, ...] = ("token", "permuted", "synthetic")
    copies: tuple[int, ...] = (1, 4, 16)
    per_tier: int = 10
    never: int = FEWEST_CONTROLS
    budget: float = 0.01

    def __post_init__(self) -> None:
        """Check the values."""
        if not self.kinds or len(set(self.kinds)) < len(self.kinds):
            raise DesignError(f"`kinds` of canaries must name at least one kind, none twice, but got {self.kinds}.")
        counts = at_least(1)("canaries", copies=self.copies, per_tier=self.per_tier)
        check(DesignError, counts, INNER_SHARE("canaries", budget=self.budget))
        if len(set(self.copies)) < len(self.copies):
            raise DesignError(f"`copies` of canaries must be different numbers, but got {self.copies}.")
        if self.never < FEWEST_CONTROLS:
            raise DesignError(
                f"`never` must be at least {FEWEST_CONTROLS}, since fewer canaries that were never inserted say "
                f"nothing of one false alarm in a hundred, but got {self.never}."
            )

    def tiers(self, kind: CanaryKind) -> list[int]:
        """Copies of each canary of a kind, 0 for those that are never inserted."""
        place = self.kinds.index(kind)
        controls = len(range(place, self.never, len(self.kinds)))
        return [copies for copies in self.copies for _ in range(self.per_tier)] + [0] * controls

    @property
    def files(self) -> int:
        """Files that they would fill if every coin put its canary in."""
        return sum(sum(self.tiers(kind)) for kind in self.kinds)

    @property
    def real(self) -> dict[CanaryKind, int]:
        """How many of each kind are real images."""
        return {kind: len(self.tiers(kind)) for kind in self.kinds if kind != "synthetic"}


@final
@dataclass(frozen=True)
class Canary:
    """A canary before its coin is tossed.

    Attributes:
        id: The id of its record, or a name.
        group: The group whose coin decides.
        kind: Its kind.
        copies: Files if it is inserted; 0: it never is.
        row: Its row among the records; None: it is synthetic.
        key: Random words, if it has some.
        caption: Its caption.
    """

    id: str
    group: str
    kind: CanaryKind
    copies: int
    row: int | None
    key: str | None
    caption: str | None


def dealt(canaries: Canaries, records: Records, seed: str) -> list[Canary]:
    """The canaries of a design.

    Each real image takes a whole group out of the ordinary records, smallest groups first, else by a hash.

    Args:
        canaries: Which there are to be.
        records: The records, those that show the same in one group.
        seed: Seed of the design.

    Raises:
        DesignError: If there are too few records for them, or too few different captions, or a record has the name of a
            canary.
    """
    groups = _groups(records)
    _check_names(records)
    _check_room(canaries, len(groups), len(records))
    rows, start = _chosen(groups, sum(canaries.real.values()), seed), 0
    found: list[Canary] = []
    for kind, number in canaries.real.items():
        of_kind, start = rows[start : start + number], start + number
        captions = _exchanged([records.captions[row] for row in of_kind]) if kind == "permuted" else []
        for place, (row, copies) in enumerate(zip(of_kind, canaries.tiers(kind), strict=True)):
            key = random_words(f"design/{seed}/{records.ids[row]}") if kind == "token" else None
            name, group = records.ids[row], records.groups[row]
            found.append(Canary(name, group, kind, copies, row=row, key=key, caption=key or captions[place]))
    return found + list(_synthetic(canaries, seed))


def _synthetic(canaries: Canaries, seed: str) -> Iterator[Canary]:
    for number, copies in enumerate(canaries.tiers("synthetic") if "synthetic" in canaries.kinds else ()):
        name = f"{_SYNTHETIC}{number:05d}"
        key = random_words(f"design/{seed}/{name}")
        yield Canary(name, name, "synthetic", copies, row=None, key=key, caption=key)


def _groups(records: Records) -> dict[str, list[int]]:
    groups: defaultdict[str, list[int]] = defaultdict(list)
    for row, group in enumerate(records.groups):
        groups[group].append(row)
    return groups


def _chosen(groups: dict[str, list[int]], number: int, seed: str) -> list[int]:
    """One row of each group that becomes a canary, in random order."""

    def coin(group: str) -> float:
        return group_coin(f"design/{seed}/canaries", group)

    smallest = sorted(groups, key=lambda group: (len(groups[group]), coin(group)))[:number]
    return [groups[group][0] for group in sorted(smallest, key=coin)]


def _exchanged(captions: Sequence[str | None]) -> list[str | None]:
    """The captions in an order in which none stays in its place: equal ones stand together, and all move past them.

    Captions that differ in capitals and blanks alone are equal, as they are to the tokenizers of CLIP.

    Raises:
        DesignError: If more than half of them are equal.
    """
    read = [" ".join((caption or "").casefold().split()) for caption in captions]
    places = {text: place for place, text in reversed(list(enumerate(read)))}
    order = sorted(range(len(captions)), key=lambda row: (places[read[row]], row))
    step = max(Counter(read).values(), default=0)
    if 2 * step > len(captions):
        raise DesignError(
            f"{step} of the {len(captions)} records that were drawn for `permuted` canaries have the same caption, so "
            "it cannot be exchanged. Leave `permuted` out of the `kinds` of canaries, or give captions that differ."
        )
    moved = dict(zip(order, [*order[step:], *order[:step]], strict=True))
    return [captions[moved[row]] for row in range(len(captions))]


def _check_names(records: Records) -> None:
    """Refuse records that would share a file or a coin with a synthetic canary."""
    alike = sorted(name for name in {*records.ids, *records.groups} if name.startswith(_SYNTHETIC))
    if alike:
        raise DesignError(
            f"Records or their groups are called as synthetic canaries are ({listed(alike, SHOWN)}). Give them names "
            f"that do not begin with {_SYNTHETIC!r}."
        )


def _check_room(canaries: Canaries, groups: int, records: int) -> None:
    real, files = sum(canaries.real.values()), canaries.files
    needed = math.ceil(files * (1 - canaries.budget) / canaries.budget) + real
    fewer = "Or ask for fewer: a lower `per_tier`, fewer `copies` or `kinds`."
    if real >= groups:
        raise DesignError(
            f"These canaries take the real images of {real} groups, but there are {groups} groups; at a `budget` of "
            f"{canaries.budget:.1%} they need {needed} records in all. {fewer}"
        )
    if records < needed:
        share = files / (files + records - real)
        raise DesignError(
            f"These canaries would be expected to fill {share:.1%} of the training files, but `budget` is "
            f"{canaries.budget:.1%}. They need {needed} records, of which there are {records}, or a `budget` of "
            f"{math.ceil(share * 1000) / 1000}. {fewer}"
        )
