"""A design of small noise images as `lit-mia design` writes one: every other record is in."""

import hashlib
import io
from itertools import count
from pathlib import Path

import numpy as np
from PIL import Image

from lit_mia.designs.coins import file_name, is_drawn, salt_of
from lit_mia.designs.layouts import METADATA, metadata_lines
from lit_mia.designs.manifest import Entry, Manifest, WrittenFile
from lit_mia.designs.survival import FileNow

SEED = "seed"
SALT = salt_of(SEED)


def noise_image(number, side=8):
    """The image of a record."""
    pixels = np.random.default_rng(number).integers(0, 256, (side, side, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def name_of(entry, copy=0):
    """The neutral name of a file."""
    return file_name(SALT, entry, copy)


def record(number, **options):
    return {
        "id": f"r{number:03d}",
        "included": number % 2 == 0,
        "kind": "record",
        "copies": 1,
        "control": False,
    } | options


def canaries(first, number, copies):
    """Token canaries of one tier, every other one inserted."""
    facts = {"kind": "token", "copies": copies, "key": "qz xv"}
    return [record(row, id=f"c{row:03d}", **facts) for row in range(first, first + number)]


def controls(first, number):
    """Canaries that are never inserted."""
    facts = {"kind": "token", "copies": 0, "control": True, "included": False, "key": "qz xv"}
    return [record(row, id=f"k{row:03d}", **facts) for row in range(first, first + number)]


def group_of(facts):
    """A group whose coin falls as it is to be."""
    wanted = facts["included"] or facts["control"]
    names = (f"{facts['id']}-{number}" for number in count())
    return next(name for name in names if is_drawn(SEED, name, 0.5) == wanted)


def write_design(folder: Path, drawn, layout="imagefolder", images=None) -> Manifest:
    """Write a design.

    Args:
        folder: Where to.
        drawn: What `record`, `canaries` and `controls` made.
        layout: Of the training folder.
        images: The image of each; noise if not given.
    """
    entries = []
    for number, facts in enumerate(drawn):
        image = noise_image(number) if images is None else images[number]
        content = io.BytesIO()
        image.save(content, format="PNG")
        side, key = ("train" if facts["included"] else "holdout"), facts.get("key")
        caption = f"{f'{key} ' if key else ''}picture {number}"
        files = []
        for copy in range(facts["copies"] if facts["included"] else 1):
            path = f"{side}/{name_of(facts['id'], copy)}"
            (folder / side).mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content.getvalue())
            files.append(WrittenFile(path, hashlib.sha256(content.getvalue()).hexdigest()))
        entries.append(
            Entry(
                **{"group": group_of(facts), "key": None, "caption": caption} | facts,
                pixels=FileNow.of(image).pixels,
                files=tuple(files),
            )
        )
    manifest = Manifest(SEED, SALT, 0.5, layout, tuple(sorted(entries, key=lambda entry: entry.id)))
    if layout == "imagefolder":
        for side in ("train", "holdout"):
            captions = {Path(f.path).name: e.caption for e in entries for f in e.files if f.path.startswith(side)}
            (folder / side / METADATA).write_bytes(metadata_lines(captions))
    (folder / "secret").mkdir()
    manifest.write(folder)
    return manifest
