"""An image as a notebook holds it: a path, the bytes of a file, a Pillow image, an array or a tensor."""

import hashlib
import math
from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile
from torch import Tensor

from datamodules.sources.decoding import open_rgb, rgb_of
from datamodules.sources.places import NO_IMAGE, is_there, is_url, with_home
from lit_mia.errors import RecordError
from lit_mia.features.pixels import pixel_digest
from lit_mia.records import Encoded

_CHANNELS = (1, 3, 4)
_PILLOW = Lock()
"""Pillow fills in fields of an image when they are first read, and one image may be in several rows."""


class Look(NamedTuple):
    """An image that was looked at.

    Attributes:
        stamp: SHA-256 of the file, or of size and pixels where there is none.
        decode: Gives it as RGB, upright and over white; raises `OSError` if it cannot be decoded.
    """

    stamp: str
    decode: Callable[[], Image.Image]


def look(cell: Any, where: str) -> Look:
    """Look at an image as it is now.

    Args:
        cell: The image.
        where: The place that an error names, e.g. "row 3 of the list".

    Raises:
        OSError: If there is no image, or it cannot be read.
        RecordError: If the cell holds something else.
    """
    encoded = encoded_in(cell)
    if encoded is None:
        image = _pixels(cell, where)
        return Look(pixel_digest(image).hex(), lambda: image)
    content = encoded if isinstance(encoded, bytes) else _read(str(file_in(cell)), encoded)
    return Look(hashlib.sha256(content).hexdigest(), lambda: open_rgb(BytesIO(content)))


def encoded_in(cell: Any) -> Encoded | None:
    """The file or the bytes of an image; None if it is held as pixels, or there is none."""
    if isinstance(cell, Mapping) and cell.get("bytes") is not None:  # as `datasets` writes an image
        cell = cell["bytes"]
    if isinstance(cell, bytes):
        return cell
    name = file_in(cell)
    return None if name is None else with_home(name)


def file_in(cell: Any) -> str | None:
    """The file that a cell names: also of an image that Pillow opened and has not decoded yet."""
    if isinstance(cell, Mapping) and cell.get("bytes") is None:
        cell = cell.get("path")
    if isinstance(cell, str | Path):
        return cell.as_posix() if isinstance(cell, Path) else cell or None
    return str(cell.filename) if isinstance(cell, ImageFile.ImageFile) and _is_as_its_file(cell) else None


def _is_as_its_file(image: ImageFile.ImageFile) -> bool:
    """Whether an image was opened and nothing else, so that its file is the image."""
    if not image.filename or not image.tile or image.tell():  # no file, decoded, or a later frame
        return False
    try:
        with Image.open(image.filename) as file:
            return (file.size, file.mode) == (image.size, image.mode)  # else it is a draft
    except Exception:  # as where images are decoded
        return False


def _read(name: str, place: Path) -> bytes:
    if is_url(name):
        raise OSError(f"{name} is a URL, and images are not downloaded. Download it, and name the file.")
    if not is_there(place):
        raise OSError(f"There is no file {name}, seen from {Path.cwd()}.")
    return place.read_bytes()


def _pixels(cell: Any, where: str) -> Image.Image:
    if isinstance(cell, Image.Image):
        with _PILLOW:
            return rgb_of(cell)
    if isinstance(cell, np.ndarray):
        return rgb_of(Image.fromarray(_eight_bits(cell, where, "height × width × 3, or height × width")))
    if isinstance(cell, Tensor):
        array = _array(cell, where)
        last = np.moveaxis(array, 0, -1) if array.ndim == 3 else array
        return rgb_of(Image.fromarray(_eight_bits(last, where, "3 × height × width, or height × width", cell)))
    if cell is None or (isinstance(cell, float) and math.isnan(cell)) or cell == {"bytes": None, "path": None}:
        raise OSError(NO_IMAGE)
    raise RecordError(
        f"An image must be a path, the bytes of a file, a Pillow image, an array or a tensor, but {where} has "
        f"{type(cell).__name__} {str(cell)[:80]!r}."
    )


def _array(cell: Tensor, where: str) -> NDArray[Any]:
    try:
        values = cell.detach().cpu()
        return np.asarray((values.float() if values.is_floating_point() else values).numpy())
    except (TypeError, RuntimeError) as error:  # sparse, quantised, or without values
        raise RecordError(
            f"An image tensor must hold its pixels one by one, but that of {where} does not: {error}"
        ) from error


def _eight_bits(array: NDArray[Any], where: str, shapes: str, given: Any = None) -> NDArray[np.uint8]:
    """Pixels in 0..255, `[h, w]` or `[h, w, c]`."""
    flat = array[..., 0] if array.ndim == 3 and array.shape[-1] == 1 else array
    said = f"{where} has {'x'.join(map(str, (array if given is None else given).shape))} of {array.dtype}"
    if not (flat.ndim == 2 or (flat.ndim == 3 and flat.shape[-1] in _CHANNELS)) or not flat.size:
        raise RecordError(
            f"An {'array' if given is None else 'image tensor'} must be {shapes}, but {said}. Bring its axes in this "
            "order."
        )
    if flat.dtype == np.uint8:
        return np.ascontiguousarray(flat)
    if flat.dtype.kind != "f":
        raise RecordError(f"Pixels must be uint8 in 0..255, or floats in [0, 1], but {said}. Convert them to uint8.")
    low, high = float(flat.min()), float(flat.max())
    if not (low >= 0 and high <= 1):  # a NaN is neither
        raise RecordError(
            f"Pixels that are floats must lie in [0, 1], but those of {where} reach from {low:g} to {high:g}. Undo a "
            "normalisation, e.g. `(x + 1) / 2` of [-1, 1]; make 0..255 uint8; clip what a resizing left outside."
        )
    return np.rint(np.ascontiguousarray(flat, dtype=np.float64) * 255).astype(np.uint8)
