"""Images as arrays: decode a record table once, and resize in batches."""

import hashlib
import logging
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import DTypeLike, NDArray
from PIL import Image, ImageOps
from torch import Tensor

from lit_mia.batches import slices
from lit_mia.dry_run import read_at
from lit_mia.errors import LitMiaError, RecordError
from lit_mia.files import by_one_process, cached_path, replacing
from lit_mia.reasons import told_by_reason
from lit_mia.records import Records
from lit_mia.sealed import sealed_array, sealed_list, sealing, write_list
from lit_mia.transparency import rgb_over_white

DECODING, RESIZING = 2, 1
"""Raised when either gives other pixels, so that nothing made from the old ones is taken for new."""
THUMBNAIL = 32
"""Side in pixels of the images by which near-equal ones are found."""
LOOK = np.dtype([("pixels", "V32"), ("thumbnail", "u1", (3, THUMBNAIL, THUMBNAIL))])
"""What an image is compared by, whatever size it is asked about at: SHA-256 of its pixels, and a thumbnail."""

_AT_ONCE = 1024

_log = logging.getLogger(__name__)


class Decoded(NamedTuple):
    """The images of a record table.

    Attributes:
        images: A read-only memory map `[n, 3, size, size]` in 0..255; what cannot be read is black.
        looks: A read-only memory map `[n]` of `LOOK`.
        unread: Row → reason of the images that cannot be read.
    """

    images: NDArray[np.uint8]
    looks: NDArray[Any]
    unread: dict[int, str]


def decode_images(records: Records, size: int, path: Path) -> Decoded:
    """Decode every image once, in one process; later calls map the same files into memory.

    Transparent pixels become white, the shorter side is resized bicubically with antialiasing, and the centre square
    is kept. What could not be read is tried again at every call.

    Args:
        records: The images.
        size: Edge length in pixels.
        path: Folder of the decoded images. A file is named by what the images are, so a changed image is decoded again
            under an unchanged id.
    """
    images = cached_path(path, pixels_key(records, size))
    looks, unread = images.with_suffix(".looks.npy"), images.with_suffix(".unread.json")
    with by_one_process(unread):
        known = sealed_list(unread)
        if known is None or sealed_array(images) is None or sealed_array(looks) is None:
            known, everything = None, range(len(records))
            with _new(images, _shape(everything, size)) as pixels, _new(looks, (len(records),), LOOK) as seen:
                reasons = _decode(records, everything, pixels, seen)
        else:
            reasons = _try_again(records, known, images, looks)
        if known != list(reasons):
            with replacing(unread) as temporary:  # the last one: without it the others are written anew
                write_list(temporary, list(reasons))
    return Decoded(np.load(read_at(images), mmap_mode="r"), np.load(read_at(looks), mmap_mode="r"), reasons)


def pixels_key(records: Records, size: int) -> dict[str, object]:
    """What decoded images are known by, as JSON values; what is computed from them is kept under it too."""
    return {"images": records.images_digest(), "size": size, "decoding": DECODING}


def resize(images: Tensor, size: int, mode: Literal["bicubic", "bilinear"] = "bicubic") -> Tensor:
    """Resize the shorter side with antialiasing, and keep the centre square, as torchvision does.

    Args:
        images: uint8 `[..., 3, h, w]`.
        size: Edge length in pixels.
        mode: How pixels are interpolated.

    Returns:
        uint8 `[..., 3, size, size]`; the input itself if it has that size already.
    """
    height, width = images.shape[-2:]
    if height == width == size:
        return images
    edge = min(height, width)
    scaled_height, scaled_width = height * size // edge, width * size // edge
    flat = images.reshape(-1, 3, height, width).float()
    scaled = torch.nn.functional.interpolate(flat, (scaled_height, scaled_width), mode=mode, antialias=True)
    top, left = round((scaled_height - size) / 2), round((scaled_width - size) / 2)
    centre = scaled[..., top : top + size, left : left + size].round().clamp(0, 255).to(torch.uint8)
    return centre.reshape(*images.shape[:-2], size, size)


@contextmanager
def _new(file: Path, shape: tuple[int, ...], dtype: DTypeLike = np.uint8) -> Iterator[NDArray[Any]]:
    """An array of zeros in a file that is there once it was written."""
    with replacing(file) as temporary, sealing(temporary, shape, dtype) as array:
        yield array


def _shape(rows: Sequence[int], size: int) -> tuple[int, int, int, int]:
    return len(rows), 3, size, size


def _try_again(records: Records, rows: Sequence[int], images: Path, looks: Path) -> dict[int, str]:
    """Read what could not be read before; the files are written anew only if something can be read now."""
    size = np.load(read_at(images), mmap_mode="r").shape[-1]
    pixels, seen = np.zeros(_shape(rows, size), np.uint8), np.zeros(len(rows), LOOK)
    reasons = _decode(records, rows, pixels, seen)
    arrived = [place for place, row in enumerate(rows) if row not in reasons]
    for file, values in ((images, pixels), (looks, seen)) if arrived else ():
        old = np.load(read_at(file), mmap_mode="r")
        with _new(file, old.shape, old.dtype) as array:
            array[:] = old
            array[[rows[place] for place in arrived]] = values[arrived]
    return reasons


def _decode(records: Records, rows: Sequence[int], images: NDArray[np.uint8], looks: NDArray[Any]) -> dict[int, str]:
    """Write what some rows show into arrays of that length; row → reason of those that cannot be read."""
    size = images.shape[-1]

    def keep(place: int, image: Image.Image) -> None:
        looks[place] = (np.void(pixel_digest(image)), square(image, THUMBNAIL))
        images[place] = square(image, size)

    return read_each(records, rows, keep)


def read_each(records: Records, rows: Sequence[int], keep: Callable[[int, Image.Image], None]) -> dict[int, str]:
    """Read some images, several at a time.

    Args:
        records: The images.
        rows: Which of them.
        keep: Is given the place among the rows and the image as RGB over white; called in several threads.

    Returns:
        Row → reason of those that cannot be read.

    Raises:
        RecordError: If the source refuses to go on, as where an image is not the one that it was.
    """

    def read(place: int) -> str | None:
        try:
            keep(place, rgb_over_white(records.open_image(rows[place])))
        except RecordError:  # what the source refuses is wrong about more than one image
            raise
        except Exception as error:  # decoders raise anything over damaged files, and one must not end the run
            _log.debug("%s: %s", records.ids[rows[place]], error)
            return _reason_of(error)
        return None

    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        parts = (range(part.start, part.stop) for part in slices(len(rows), _AT_ONCE))  # whoever waits takes memory
        reasons = zip(rows, chain.from_iterable(pool.map(read, part) for part in parts), strict=True)
        return {row: reason for row, reason in reasons if reason is not None}


def left_out(records: Records, reasons: Mapping[int, str], error: type[LitMiaError]) -> dict[str, str]:
    """Id → why an image cannot be read; warns of those if there are some.

    Args:
        records: The images.
        reasons: Row → reason.
        error: What to raise.

    Raises:
        LitMiaError: If there are records, but none can be read.
    """
    unread = {records.ids[row]: f"unreadable image: {reason}" for row, reason in reasons.items()}
    if unread and len(unread) == len(records):
        raise error(f"None of the {len(records)} images can be read: {told_by_reason(unread)}.")
    if unread:
        _log.warning("%d of %d images are left out: %s", len(unread), len(records), told_by_reason(unread))
    return unread


def pixel_digest(image: Image.Image) -> bytes:
    """SHA-256 of the size and the bytes of an RGB image."""
    return hashlib.sha256(f"{image.width}x{image.height}".encode() + image.tobytes()).digest()


def square(image: Image.Image, size: int) -> NDArray[np.uint8]:
    """The centre square of an RGB image, resized, `[3, size, size]`."""
    return np.asarray(ImageOps.fit(image, (size, size), Image.Resampling.BICUBIC)).transpose(2, 0, 1)


def _reason_of(error: Exception) -> str:
    """What an error says, without what it says of one file only."""
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return re.sub(r"""'[^']*'|"[^"]*"|<[^>]*>""", "…", said).strip() or type(error).__name__
