"""Images as arrays: decode a record table once, and resize in batches."""

import json
import logging
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps
from torch import Tensor

from lit_mia.files import cached_path, replacing
from lit_mia.records import Records
from lit_mia.transparency import rgb_over_white

REVISION = 2
"""Raised when decoding or resizing gives other pixels, so that nothing made from the old ones is taken for new."""

_log = logging.getLogger(__name__)


def decode_images(records: Records, size: int, path: Path) -> tuple[NDArray[np.uint8], list[int]]:
    """Decode every image once; later calls map the same file into memory.

    Transparent pixels become white, the shorter side is resized bicubically with antialiasing, and the centre square
    is kept.

    Args:
        records: The images.
        size: Edge length in pixels.
        path: Folder of the decoded images. A file is named by what the images are, so a changed image is decoded again
            under an unchanged id.

    Returns:
        A read-only memory map `[n, 3, size, size]` in 0..255, and the rows that cannot be read, which are black.
    """
    images = cached_path(path, pixels_key(records, size))
    unreadable = images.with_suffix(".unreadable.json")
    if not (images.exists() and unreadable.exists()):
        with replacing(unreadable) as rows_file, replacing(images) as images_file:
            rows = _decode_all(records, size, images_file)
            rows_file.write_text(json.dumps(rows), encoding="utf-8")
    rows = [int(row) for row in json.loads(unreadable.read_text(encoding="utf-8"))]
    if rows:
        names = ", ".join(records.ids[row] for row in rows[:20]) + (", ..." if len(rows) > 20 else "")
        _log.warning("%d of %d images cannot be read: %s", len(rows), len(records), names)
    return np.load(images, mmap_mode="r"), rows


def pixels_key(records: Records, size: int) -> dict[str, object]:
    """What decoded images are known by, as JSON values; what is computed from them is kept under it too."""
    return {"images": records.images_digest(), "size": size, "decoding": REVISION}


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
    square = scaled[..., top : top + size, left : left + size].round().clamp(0, 255).to(torch.uint8)
    return square.reshape(*images.shape[:-2], size, size)


def _decode_all(records: Records, size: int, file: Path) -> list[int]:
    """Write all images into a new `.npy` file and name the rows that cannot be read."""
    array = np.lib.format.open_memmap(file, "w+", np.uint8, (len(records), 3, size, size))

    def decode(row: int) -> bool:
        try:
            image = rgb_over_white(records.open_image(row))
        except OSError as error:
            _log.debug("%s: %s", records.ids[row], error)
            return False
        array[row] = np.asarray(ImageOps.fit(image, (size, size), Image.Resampling.BICUBIC)).transpose(2, 0, 1)
        return True

    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        readable = list(pool.map(decode, range(len(records))))
    array.flush()
    return [row for row, is_read in enumerate(readable) if not is_read]
