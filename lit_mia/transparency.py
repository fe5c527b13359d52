"""Images of any mode as plain RGB."""

import numpy as np
from PIL import Image

_BITS, _PHOTOMETRIC, _WHITE_IS_ZERO = 258, 262, 0
"""TIFF tags, and the value of the second by which the smallest number is white."""


def rgb_over_white(image: Image.Image) -> Image.Image:
    """The image as RGB, with white behind its transparent pixels.

    Grey that is finer than 8 bits is scaled by its white: 65535 in 16 bits (mode `I;16`), 4095 in a 12-bit TIFF, 1.0 in
    floats. What whole numbers of 32 bits mean is known only of a PPM or PNG file, whose white Pillow makes 65535.

    Raises:
        OSError: If the pixels do not lie between black and white, or it is not known what white is.
    """
    if is_deep(image):
        image = _scaled(image)
    elif image.mode == "La":
        image = image.convert("LA")  # Pillow knows no other way out of this mode
    if not image.has_transparency_data:
        return image.convert("RGB")
    layer = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")


def is_deep(image: Image.Image) -> bool:
    """Whether the image is grey that is finer than 8 bits; known before it is decoded."""
    return image.mode == "F" or image.mode.startswith("I")


def _scaled(image: Image.Image) -> Image.Image:
    """Deep grey as 8-bit grey, with the transparency that one of its values may stand for."""
    tags = getattr(image, "tag_v2", {})
    white = _white(image, tags)
    values = np.asarray(image).astype(np.float64)
    if not (values.min() >= 0 and values.max() <= white):  # a NaN is neither
        raise OSError(
            f"Its pixels (mode {image.mode}) reach from {values.min():g} to {values.max():g}, but must lie between 0 "
            f"and {white:g}, which is white. Save it with 8 or 16 bits."
        )
    shares = 1 - values / white if tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO else values / white
    grey = Image.fromarray(np.rint(shares * 255).astype(np.uint8))
    if "transparency" in image.info:
        opaque = np.where(values == image.info["transparency"], 0, 255).astype(np.uint8)
        return Image.merge("LA", (grey, Image.fromarray(opaque)))
    return grey


def _white(image: Image.Image, tags: dict[int, object]) -> float:
    if image.mode == "F":
        return 1.0
    if image.mode == "I" and image.format not in ("PPM", "PNG"):
        raise OSError("Its pixels are whole numbers of 32 bits, of which none is known to be white. Save it with 16.")
    return 4095.0 if tags.get(_BITS) == (12,) else 65535.0
