"""Pictures, records of them, and a design of theirs in a folder."""

import io
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from lit_mia.designs import Manifest, Plan, Settings, drawn, look_through, write
from lit_mia.designs.drawing import Seen
from lit_mia.records import UNKNOWN, Records

PLAIN = Settings(include=0.5, layout="imagefolder", canaries=None)


@cache
def scene(seed: int, side: int = 48) -> Image.Image:
    """A smooth picture of random colours."""
    small = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    return Image.fromarray(small).resize((side, side), Image.Resampling.BICUBIC)


def as_jpeg(image: Image.Image, quality: int = 80) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Image.open(file).convert("RGB")


def cropped(left: int, top: int, right: int, bottom: int):
    return lambda image: image.crop((left, top, image.width - right, image.height - bottom))


COPIES = {
    "itself": lambda image: image.copy(),
    "smaller": lambda image: image.resize((36, 36), Image.Resampling.BICUBIC),
    "larger": lambda image: image.resize((80, 80), Image.Resampling.BICUBIC),
    "jpeg": as_jpeg,
    "mirrored": ImageOps.mirror,
    "mirrored jpeg": lambda image: as_jpeg(ImageOps.mirror(image)),
    "a column less": cropped(1, 0, 0, 0),
    "a row less": cropped(0, 0, 0, 1),
    "a frame less": cropped(1, 1, 1, 1),
    "mirrored, a corner less": lambda image: ImageOps.mirror(cropped(0, 1, 1, 0)(image)),
}


def table(images: Sequence[Image.Image], captions: Sequence[str | None] | None = None, **columns) -> Records:
    """Records `r000`, `r001` and so on, each of its own group and of unknown membership, if not said otherwise."""
    ids = tuple(f"r{row:03d}" for row in range(len(images)))
    return Records(
        ids=ids,
        captions=tuple(captions if captions is not None else (f"picture {name}" for name in ids)),
        members=columns.get("members", (UNKNOWN,) * len(ids)),
        groups=columns.get("groups", ids),
        open_image=images.__getitem__,
        stamps=ids,
    )


@cache
def seen(n: int) -> Seen:
    """So many different pictures, looked at."""
    return look_through(table([scene(seed) for seed in range(n)]))


def plan_of(n: int, seed: str = "s", settings: Settings = PLAIN) -> Plan:
    return drawn(seen(n), settings, seed)


def write_design(folder: Path, n: int, seed: str = "s", settings: Settings = PLAIN) -> Manifest:
    return write(plan_of(n, seed, settings), folder)


def contents(folder: Path) -> dict[str, tuple[bytes, float]]:
    """Path → bytes and time of change of every file."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): (path.read_bytes(), path.stat().st_mtime) for path in files}
