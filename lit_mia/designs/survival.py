"""Whether a training folder still holds what the coins decided: each file against the file that was written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

from PIL import Image

from lit_mia.designs.manifest import TRAIN, Entry
from lit_mia.features.pixels import pixel_digest


@final
@dataclass(frozen=True)
class FileNow:
    """A file as a trainer would see it now.

    Attributes:
        pixels: What it shows, as `Entry.pixels`; empty if no image can be read from it.
        size: Its size in words.
    """

    pixels: str
    size: str

    @classmethod
    def of(cls, image: Image.Image) -> "FileNow":
        """What an RGB image shows."""
        return cls(pixel_digest(image).hex(), f"{image.width} × {image.height} pixels")


def survival(entries: Sequence[Entry], now: Mapping[str, FileNow]) -> dict[str, list[str]]:
    """What is wrong with the files of a training folder: kind → files.

    A file that was saved anew with the same pixels is as good as the one that was written.

    Args:
        entries: Records and canaries of the design.
        now: Place in the training folder → what is there now.
    """
    written = files_of(entries, TRAIN)
    included = {entry.pixels: name for name, entry in written.items()}
    held_out = {entry.pixels: entry.id for entry in entries if not entry.included}
    more = {name: seen for name, seen in now.items() if name not in written}
    doubled = {name for name, seen in more.items() if seen.pixels in included}
    leaked = {name for name, seen in more.items() if seen.pixels in held_out} - doubled
    return {
        "held out, but there": [f"{name} (the record {held_out[more[name].pixels]!r})" for name in sorted(leaked)],
        **losses(written, now),
        "duplicated": [f"{name} (shows the same as {included[more[name].pixels]})" for name in sorted(doubled)],
        "added": sorted(more.keys() - doubled - leaked),
    }


def losses(written: Mapping[str, Entry], now: Mapping[str, FileNow]) -> dict[str, list[str]]:
    """What is no longer there, and what shows something else: kind → files.

    Args:
        written: Place in a folder → what was written there.
        now: Place in the folder → what is there now.
    """
    return {
        "dropped": sorted(written.keys() - now.keys()),
        "changed or resized": [
            f"{name} (now {now[name].size})"
            for name, entry in sorted(written.items())
            if name in now and now[name].pixels != entry.pixels
        ],
    }


def caption_survival(entries: Sequence[Entry], listed: Mapping[str, Sequence[str | None]]) -> dict[str, list[str]]:
    """What is wrong with the captions of a training folder: kind → files.

    Args:
        entries: Records and canaries of the design.
        listed: Place of an image in the training folder → the captions that `metadata.jsonl` gives to it.
    """
    captions = {name: entry.caption for name, entry in files_of(entries, TRAIN).items()}
    written = sorted(captions.keys() & listed.keys())
    return {
        "without a caption": sorted(captions.keys() - listed.keys()),
        "with another caption": [name for name in written if {*listed[name]} != {captions[name]}],
        "listed several times": [name for name in written if len(listed[name]) > 1],
        "listed, but not of the design": sorted(listed.keys() - captions.keys()),
    }


def files_of(entries: Sequence[Entry], folder: str) -> dict[str, Entry]:
    """Place in a folder of the design → what was written there."""
    files = {file.path: entry for entry in entries for file in entry.files}
    return {path.removeprefix(f"{folder}/"): entry for path, entry in files.items() if path.startswith(f"{folder}/")}
