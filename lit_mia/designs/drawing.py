"""From records to a design on paper: images looked at, copies grouped, canaries dealt, coins tossed."""

import logging
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import Any, final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lit_mia.designs.canaries import Canaries, Canary, dealt
from lit_mia.designs.coins import is_drawn, salt_of
from lit_mia.designs.layouts import LAYOUTS
from lit_mia.designs.manifest import Entry, Manifest
from lit_mia.designs.patterns import mosaic
from lit_mia.errors import DesignError
from lit_mia.features.copies import WHOLE_LOOK, copy_pairs, look_at
from lit_mia.features.duplicates import sets_of_equals
from lit_mia.features.pixels import left_out, pixel_digest, read_each
from lit_mia.reasons import SHOWN, listed
from lit_mia.records import UNKNOWN, Records
from lit_mia.transparency import rgb_over_white

logger = logging.getLogger(__name__)


@final
@dataclass(frozen=True)
class Seen:
    """Records whose images can be read, those that show the same in one group.

    Attributes:
        records: The records.
        looks: What their images are compared by, `[n]` of `WHOLE_LOOK`.
    """

    records: Records
    looks: NDArray[Any]

    @cached_property
    def usual_size(self) -> tuple[int, int]:
        """Width and height that most images have."""
        return Counter[tuple[int, int]](map(tuple, self.looks["size"].tolist())).most_common(1)[0][0]


@final
@dataclass(frozen=True)
class Settings:
    """What is drawn, and how it is laid out.

    Attributes:
        include: Probability of each coin.
        layout: Name of a layout.
        canaries: Which canaries there are, if any.
    """

    include: float
    layout: str
    canaries: Canaries | None

    def __post_init__(self) -> None:
        """Check that they go together.

        Raises:
            DesignError: If the share is not in (0, 1), or canaries need captions that the layout has not.
            PluginError: If there is no such layout.
        """
        if not isinstance(self.include, int | float) or not 0 < self.include < 1:
            raise DesignError(
                f"`include` is the chance of being trained on, between 0 and 1, but got {self.include!r}."
            )
        captioned = LAYOUTS[self.layout].captioned
        if self.canaries and not captioned and self.canaries.kinds != ("synthetic",):
            raise DesignError(
                f"The layout {self.layout!r} has no captions, by which `token` and `permuted` canaries are known. Set "
                "`kinds` of the canaries to [synthetic], or use another layout."
            )


@final
@dataclass(frozen=True)
class Plan:
    """A design on paper.

    Attributes:
        manifest: Its entries, which have no files yet.
        seen: The records that it was made of.
    """

    manifest: Manifest
    seen: Seen

    def open_image(self, entry: Entry) -> Image.Image:
        """The image of an entry as RGB over white."""
        if entry.kind == "synthetic":
            return _mosaic(entry.id, self.manifest.seed, self.seen)
        return rgb_over_white(self.seen.records.open_image(self._rows[entry.id]))

    @cached_property
    def _rows(self) -> dict[str, int]:
        return {name: row for row, name in enumerate(self.seen.records.ids)}


def look_through(records: Records) -> Seen:
    """Read every image once, leave out what cannot be read, and group what shows the same.

    Args:
        records: The records. Their labels do not matter.

    Raises:
        DesignError: If there are no records, or no image can be read.
    """
    if not len(records):
        raise DesignError("The source holds no records, so there is nothing to draw from.")
    looks = np.zeros(len(records), WHOLE_LOOK)

    def keep(row: int, image: Image.Image) -> None:
        looks[row] = look_at(image)

    unread = left_out(records, read_each(records, range(len(records)), keep), DesignError)
    rows = [row for row, name in enumerate(records.ids) if name not in unread]
    if any(member != UNKNOWN for member in records.members):
        logger.warning("The records' own labels are ignored: coins decide who is a member.")
    readable = records.select(rows)
    sets = [[readable.ids[row] for row in same] for same in sets_of_equals(looks[rows], copy_pairs)]
    if sets:
        shown = listed([listed(names, SHOWN, between=" ≈ ") for names in sets], SHOWN, between="; ")
        logger.warning("%d images are near copies of another and share its coin: %s", sum(map(len, sets)), shown)
    return Seen(readable.joined(sets), looks[rows])


def drawn(seen: Seen, settings: Settings, seed: str) -> Plan:
    """Toss the coins.

    Args:
        seen: The records.
        settings: What is drawn.
        seed: What everything that chance decides follows from.

    Raises:
        DesignError: If records lack captions that the layout needs, or there are too few of them for the canaries.
    """
    records = seen.records
    if LAYOUTS[settings.layout].captioned:
        _check_captions(records)
    canaries = dealt(settings.canaries, records, seed) if settings.canaries else []
    taken = {canary.group for canary in canaries}
    ordinary = [row for row, group in enumerate(records.groups) if group not in taken]
    lost = len(records) - len(ordinary) - sum(canary.row is not None for canary in canaries)
    if lost:
        logger.warning("%d records are left out, because they are of one group with a canary.", lost)
    entries = [
        Entry(
            id=records.ids[row],
            group=records.groups[row],
            included=is_drawn(seed, records.groups[row], settings.include),
            kind="record",
            copies=1,
            control=False,
            key=None,
            caption=records.captions[row],
            pixels=seen.looks["pixels"][row].tobytes().hex(),
        )
        for row in ordinary
    ]
    entries += [_entry(canary, seen, seed, settings.include) for canary in canaries]
    return Plan(
        Manifest(
            seed=seed,
            salt=salt_of(seed),
            include=settings.include,
            layout=settings.layout,
            entries=tuple(sorted(entries, key=lambda entry: entry.id)),
        ),
        seen,
    )


def _entry(canary: Canary, seen: Seen, seed: str, include: float) -> Entry:
    if canary.row is None:
        pixels = pixel_digest(_mosaic(canary.id, seed, seen))
    else:
        pixels = seen.looks["pixels"][canary.row].tobytes()
    return Entry(
        id=canary.id,
        group=canary.group,
        included=canary.copies > 0 and is_drawn(seed, canary.group, include),
        kind=canary.kind,
        copies=canary.copies,
        control=canary.copies == 0,
        key=canary.key,
        caption=canary.caption,
        pixels=pixels.hex(),
    )


def _mosaic(name: str, seed: str, seen: Seen) -> Image.Image:
    """The image of a synthetic canary, as large as most records are."""
    return mosaic(f"design/{seed}/{name}", seen.usual_size)


def _check_captions(records: Records) -> None:
    without = records.uncaptioned()
    if without:
        raise DesignError(
            f"{len(without)} of {len(records)} records have no caption ({listed(without, SHOWN)}), but the layout "
            "trains on captions. Add them, leave these records out, or use the layout dreambooth."
        )
