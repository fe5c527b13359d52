"""Images as answers hold them: in base64, in `data:` URIs, in files."""

import base64
import io
from urllib.parse import quote

import pytest
import torch
from PIL import Image

from lit_mia.targets.images_api.failures import UnusableError
from lit_mia.targets.images_api.payloads import is_data_uri, read_image, read_payload
from lit_mia.targets.images_api.settings import write_image

SHAPE = (3, 4, 6)
DATA = bytes(range(256)) + b"?"
BASE64 = base64.b64encode(DATA).decode()
URI = f"data:image/png;base64,{BASE64}"


def encoded(image, kind):
    file = io.BytesIO()
    image.save(file, kind)
    return file.getvalue()


@pytest.mark.parametrize(
    "text",
    [
        BASE64,
        BASE64.rstrip("="),
        base64.urlsafe_b64encode(DATA).decode(),
        base64.encodebytes(DATA).decode().replace("\n", "\r\n"),
        f" {BASE64}\n",
        URI,
        f"\n{URI}",
        URI.replace("data:image/png;base64", "DATA:;BASE64"),
        f"data:image/png;name=a.png;charset=utf-8;base64,{quote(BASE64, safe='')}",
        f"data:application/octet-stream,{quote(DATA)}",
        f"data:,{quote(DATA)}",
    ],
)
def test_every_spelling_is_read(text):
    assert read_payload(text) == DATA


@pytest.mark.parametrize("text", ["Q*", "QQQQQ", "data:image/png;base64,Q*", "é", "https://example.org/a.png"])
def test_what_is_no_base64_is_said(text):
    with pytest.raises(UnusableError, match="is no base64"):
        read_payload(text)


def test_addresses_are_no_data():
    assert [is_data_uri(text) for text in (URI, "data", "https://data:1/", "/data:")] == [True, False, False, False]


@pytest.mark.parametrize(
    ("mode", "kind"), [("L", "PNG"), ("P", "PNG"), ("RGB", "JPEG"), ("RGB", "WEBP"), ("I;16", "PNG")]
)
def test_every_mode_becomes_rgb(mode, kind):
    image = Image.new("RGB", (6, 4), (200, 200, 200)) if mode == "RGB" else Image.new(mode, (6, 4), 200)
    pixels = read_image(encoded(image, kind), SHAPE)
    assert (pixels.dtype, pixels.shape) == (torch.uint8, SHAPE)


def test_transparent_pixels_become_white():
    assert (read_image(encoded(Image.new("RGBA", (6, 4), (0, 0, 0, 0)), "PNG"), SHAPE) == 255).all()


def test_a_file_written_is_read_unchanged():
    image = torch.randint(0, 256, SHAPE, dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    assert torch.equal(read_image(write_image(image), SHAPE), image)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"<html>", "cannot be decoded"),
        (encoded(Image.new("RGB", (6, 4)), "PNG")[:-30], "cannot be decoded"),
        (read_payload("data:image/png,\ud800"), "cannot be decoded"),
        (encoded(Image.new("RGB", (6, 4)), "GIF"), "cannot be decoded"),
        (encoded(Image.new("RGB", (4, 6)), "PNG"), "has 4x6 pixels instead of 6x4; if all have, set `size`"),
    ],
)
def test_what_is_no_image_of_that_size_is_unusable(data, message):
    with pytest.raises(UnusableError, match=message):
        read_image(data, SHAPE)
