"""The images in an answer: base64, `data:` URIs and files of images."""

import base64
import binascii
import io
from urllib.parse import unquote_to_bytes

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from lit_mia.targets.images_api.failures import UnusableError
from lit_mia.transparency import rgb_over_white

FORMATS = ("PNG", "JPEG", "WEBP")


def is_data_uri(text: str) -> bool:
    """Whether a text is a `data:` URI."""
    return text.lstrip()[:5].lower() == "data:"


def read_payload(text: str) -> bytes:
    """The bytes in a `data:` URI, or in base64.

    Raises:
        UnusableError: If it is neither.
    """
    if not is_data_uri(text):
        return _read_base64(text)
    head, _, data = text.partition(",")
    content = unquote_to_bytes(data.encode(errors="replace"))
    return _read_base64(content.decode("latin-1")) if head.strip().lower().endswith(";base64") else content


def read_image(data: bytes, shape: tuple[int, int, int]) -> Tensor:
    """Decode a PNG, JPEG or WebP file as RGB over white: uint8 `[3, h, w]`.

    Raises:
        UnusableError: If it is no such file, or of another size.
    """
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
        if image.size == (shape[2], shape[1]):  # before it is decoded: a small file can hold a huge image
            return torch.from_numpy(np.array(rgb_over_white(image))).permute(2, 0, 1).contiguous()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise UnusableError(f"an image of the answer cannot be decoded ({type(error).__name__})") from None
    raise UnusableError(
        f"an image of the answer has {image.size[0]}x{image.size[1]} pixels instead of {shape[2]}x{shape[1]}; if all "
        "have, set `size`, and `send_size: false` if the server takes no size"
    )


def _read_base64(text: str) -> bytes:
    """Decode base64 of either alphabet, with line breaks or without padding."""
    letters = "".join(text.split()).translate(str.maketrans("-_", "+/")).rstrip("=")
    try:
        return base64.b64decode(letters + "=" * (-len(letters) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise UnusableError("an image of the answer is no base64") from None
