"""OpenMoji as a lesson: two kinds of emoji that a target never saw, one of them called its members."""

from typing import Literal, final

from datamodules.sources.base import RecordSource
from datamodules.sources.openmoji import all_emoji, emoji_records, image_folder, owner
from lit_mia.errors import RecordError
from lit_mia.ranges import SIDE, check
from lit_mia.records import MEMBER, NON_MEMBER, Records

Kind = Literal["smileys", "animals", "food", "symbols"]

KINDS: dict[Kind, tuple[range, ...]] = {
    "smileys": (range(0x1F600, 0x1F650), range(0x1F910, 0x1F930), range(0x1F970, 0x1F97B)),
    "animals": (
        *(range(0x1F400, 0x1F440), range(0x1F980, 0x1F9AF)),
        *(range(0x1F331, 0x1F345), range(0x1FAB0, 0x1FAC0)),
    ),
    "food": (
        *(range(0x1F32D, 0x1F330), range(0x1F345, 0x1F380)),
        *(range(0x1F950, 0x1F970), range(0x1F9C0, 0x1F9CC), range(0x1FAD0, 0x1FAE0)),
    ),
    "symbols": (range(0x2000, 0x3300), range(0x1F100, 0x1F1E6), range(0x1F200, 0x1F300)),
}
"""Where Unicode has the code points of a kind; an emoji is of the kind of its first one."""


@final
class ShiftedOpenMojiSource(RecordSource):
    """Emoji of two kinds that a shipped target was not trained on; those of one kind are called its members.

    No attack can find a leak here, as there is none, but all that see image or caption tell the kinds apart.

    Args:
        members: The kind that is called members.
        non_members: The other one.
        unseen_by: The shipped target; what it was trained on is left out.
        size: Side of the rendered images in pixels.
        cache_dir: Folder for rendered images.

    Raises:
        RecordError: If both kinds are the same.
    """

    def __init__(
        self,
        members: Kind = "smileys",
        non_members: Kind = "symbols",
        unseen_by: Literal["demo", "shadow"] = "shadow",
        size: int = 64,
        cache_dir: str = "~/.cache/lit-mia",
    ) -> None:
        if members == non_members:
            raise RecordError(f"Members and non-members are both {members!r}. Choose two of {', '.join(KINDS)}.")
        self.members, self.non_members, self.unseen_by = members, non_members, unseen_by
        check(RecordError, SIDE(size=size))
        self.size, self.folder = size, image_folder(cache_dir, size)

    @property
    def shift(self) -> str:
        """What each side shows."""
        return (
            f"Members show {self.members} and non-members {self.non_members}; the shipped {self.unseen_by} target was "
            "trained on neither."
        )

    def load(self) -> Records:
        """The records, rendered where the cache lacks them."""
        unseen = [row for row in all_emoji() if owner(row[1]) != self.unseen_by]
        asked = [row for row in unseen if kind_of(row[0]) in (self.members, self.non_members)]
        members = [MEMBER if kind_of(code) == self.members else NON_MEMBER for code, _, _ in asked]
        return emoji_records(asked, members, self.folder, self.size)


def kind_of(code: str) -> Kind | None:
    """The kind of an emoji, if it is one of `KINDS`.

    >>> kind_of("1F34E")
    'food'
    """
    first = int(code.split("-")[0], 16)
    return next((kind for kind, points in KINDS.items() if any(first in some for some in points)), None)
