"""Members from one source and non-members from another."""

from typing import final

from datamodules.sources.base import RecordSource
from datamodules.sources.captions import check_both_sides
from datamodules.sources.concat import join_records, prefixed
from datamodules.sources.places import NO_IMAGE
from lit_mia.errors import RecordError
from lit_mia.reasons import listed
from lit_mia.records import MEMBER, NON_MEMBER, UNKNOWN, Records

_SIDES = {"members": MEMBER, "non_members": NON_MEMBER}


@final
class SidesSource(RecordSource):
    """The records of two sources, labelled by which of the two they come from.

    Ids begin with `members/` and `non_members/`. Sides from different sources differ in more than membership: the
    controls then tell how much of an attack's success is that difference, and only `design: post_hoc` is accepted,
    unless both are splits of one data set of the hub. Sides that are of one source belong into one table with labels.

    Args:
        members: Records that the target was trained on. The source labels them 1, or not at all.
        non_members: Records that it was not trained on. The source labels them 0, or not at all.
    """

    def __init__(self, members: RecordSource, non_members: RecordSource) -> None:
        self.parts = (members, non_members)

    def load(self) -> Records:
        """Read and join both sides.

        Raises:
            RecordError: If a source cannot be read, a label contradicts its side, an image is on both sides, or one
                side alone has captions.
        """
        tables = [source.load() for source in self.parts]
        for (side, member), table in zip(_SIDES.items(), tables, strict=True):
            _check_labels(table, side, member)
        _check_images(*tables)
        labelled = [
            prefixed(side, table.relabelled([member] * len(table)))
            for (side, member), table in zip(_SIDES.items(), tables, strict=True)
        ]
        origins = [part.origin or f"`{side}`" for side, part in zip(_SIDES, self.parts, strict=True)]
        joined = join_records(labelled, origins)
        check_both_sides(joined, "the two sources", "Give captions of both sides or of neither.")
        return joined


def _check_labels(table: Records, side: str, member: int) -> None:
    other = [name for name, own in zip(table.ids, table.members, strict=True) if own not in (member, UNKNOWN)]
    if other:
        raise RecordError(
            f"`{side}` holds {len(other)} records that their source labels {MEMBER + NON_MEMBER - member}: "
            f"{listed(other, most=3)}. Give only {side.replace('_', '-')}; or give one source with its labels."
        )


def _check_images(members: Records, non_members: Records) -> None:
    trained = {*members.stamps} - {NO_IMAGE}
    pairs = enumerate(zip(non_members.ids, non_members.stamps, strict=True))
    both = [f"{name} (row {row})" for row, (name, stamp) in pairs if stamp in trained]
    if both:
        raise RecordError(
            f"{len(both)} images of `non_members` are in `members` too: {listed(both, most=3)}. No image is a member "
            "and a non-member: leave them out of one side."
        )
