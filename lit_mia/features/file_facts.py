"""What the headers of image files tell: size, type and compression, without decoding a pixel."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lit_mia.batches import slices
from lit_mia.files import cached_rows
from lit_mia.records import Encoded, Records

FACTS = ("width", "height", "aspect ratio", "file type", "JPEG quality", "bytes")
TYPES = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "AVIF", "JPEG2000")
"""File types by number; any other has the next."""
READING = 1
"""Raised when the facts change, so that kept ones are read anew."""
_CHUNK = 1024
_STANDARD_SUM = 3688
"""Sum of the 64 numbers of the luminance table of quality 50 (ITU-T T.81, Annex K, Table K.1)."""


def file_facts(records: Records, folder: Path) -> NDArray[np.float64]:
    """The facts of every image, in the order of `FACTS`.

    An image that is not kept as a file tells its size alone.

    Args:
        records: The records.
        folder: Where the facts are kept.

    Returns:
        float64 `[n, 6]`; NaN is what is not known.
    """
    key = {"what": "file facts", "images": records.images_digest(), "reading": READING}

    def chunks() -> Iterator[NDArray[np.float64]]:
        with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
            for part in slices(len(records), _CHUNK):
                yield np.array(list(pool.map(lambda row: _facts_of(records, row), range(part.start, part.stop))))

    return cached_rows(folder, key, len(records), np.float64, chunks)


def jpeg_quality(image: Image.Image) -> float:
    """Quality from 1 to 100 at which a JPEG was saved, by the formula of the Independent JPEG Group.

    It is read off the mean of the first quantisation table, to one step from 25 on; below, where numbers are cut at
    255, it comes out higher, in the same order. Another encoder's tables give an equivalent. NaN for what is no JPEG.
    """
    tables: Any = getattr(image, "quantization", None)
    if not tables:
        return float("nan")
    scale = 100 * sum(tables[min(tables)]) / _STANDARD_SUM
    return float(np.clip((200 - scale) / 2 if scale <= 100 else 5000 / scale, 1, 100))


def _facts_of(records: Records, row: int) -> tuple[float, ...]:
    try:
        encoded = records.encoded(row)
        if encoded is None:
            width, height = records.open_image(row).size
            return width, height, width / height, np.nan, np.nan, np.nan
        return _read(encoded)
    except Exception:  # readers of headers raise anything over damaged files
        return (np.nan,) * len(FACTS)


def _read(encoded: Encoded) -> tuple[float, ...]:
    length = len(encoded) if isinstance(encoded, bytes) else encoded.stat().st_size
    with Image.open(BytesIO(encoded) if isinstance(encoded, bytes) else encoded) as image:
        (width, height), kind = image.size, str(image.format)
        number = TYPES.index(kind) if kind in TYPES else len(TYPES)
        return width, height, width / height, number, jpeg_quality(image), length
