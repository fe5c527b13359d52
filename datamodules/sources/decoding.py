"""Image files as upright RGB images; whatever is wrong with one is an `OSError`, so that it fails alone."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from PIL import ExifTags, Image

from datamodules.sources.places import is_url
from lit_mia.transparency import is_deep, rgb_over_white

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What turns an image upright, by the orientation that its EXIF tells."""


def open_rgb(file: Path | IO[bytes]) -> Image.Image:
    """Decode an image: upright by its EXIF tag, RGB, white behind transparent pixels.

    An image whose EXIF cannot be read is taken as it lies. How deep grey is scaled, see `rgb_over_white`.

    Raises:
        OSError: If it is missing, damaged, not an image, too large to be decoded safely, or of unknown white.
    """
    with _failing_alone(), Image.open(file) as image:
        return rgb_of(image)


def rgb_of(image: Image.Image) -> Image.Image:
    """An image that Pillow holds as one of a file is decoded: see `open_rgb`.

    Raises:
        OSError: See `open_rgb`.
    """
    with _failing_alone():
        _load(image)
        return _upright(rgb_over_white(image), image)


def open_listed(name: str, place: Path) -> Image.Image:
    """Decode an image that a list names.

    Args:
        name: What the list says.
        place: Where that is.

    Raises:
        OSError: See `open_rgb`; also if the name is a URL.
    """
    if is_url(name):
        raise OSError(f"{name} is a URL, and images are not downloaded. Download it, and list the file.")
    return open_rgb(place)


def is_deep_file(file: Path) -> bool:
    """Whether a file holds grey that is finer than 8 bits, by its first bytes; not if it cannot be read."""
    try:
        with Image.open(file, formats=("PNG", "TIFF")) as image:
            return is_deep(image)
    except Exception:  # as below
        return False


@contextmanager
def _failing_alone() -> Iterator[None]:
    try:
        yield
    except OSError:
        raise
    except Exception as error:  # decoders raise anything about a damaged file
        raise OSError(f"Not a readable image: {type(error).__name__}: {error}") from error


def _load(image: Image.Image) -> None:
    """Decode the pixels; a TIFF file reads its EXIF after them."""
    try:
        image.load()
    except OSError:
        raise
    except Exception:
        if getattr(image, "tile", None):  # parts of the image that are not decoded
            raise


def _upright(rgb: Image.Image, image: Image.Image) -> Image.Image:
    """An image as it was held, by the EXIF of the file that it came from."""
    try:
        turn = _TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # readers of metadata raise as much as decoders do
        return rgb
    return rgb if turn is None else rgb.transpose(turn)
