"""Images of any mode as plain RGB."""

import io

import numpy as np
import pytest
from PIL import Image

from lit_mia.transparency import rgb_over_white

RAMP = np.tile(np.arange(0, 256, 15, dtype=np.uint8), (3, 1))
DEEP = RAMP.astype(np.uint16) * 257


def grey(image):
    pixels = np.asarray(rgb_over_white(image))
    assert (pixels == pixels[..., :1]).all()
    return pixels[..., 0].tolist()


def through(file_format, array, **options):
    Image.fromarray(array).save(file := io.BytesIO(), file_format, **options)
    return Image.open(file)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA"])
def test_half_transparent_black_is_grey(mode):
    image = Image.new("RGBA", (2, 2), (0, 0, 0, 128)).convert(mode)
    assert rgb_over_white(image).getpixel((0, 0)) == pytest.approx((127, 127, 127), abs=1)


@pytest.mark.parametrize("file_format", ["png", "tiff", "jpeg2000", "ppm"])
def test_16_bits_are_scaled_to_8(file_format):
    assert grey(through(file_format, DEEP)) == RAMP.tolist()


def test_a_tiff_says_what_is_white():
    assert grey(through("tiff", DEEP, compression="tiff_lzw")) == RAMP.tolist()
    assert grey(through("tiff", DEEP, tiffinfo={262: 0})) == (255 - RAMP).tolist()
    twelve = through("tiff", RAMP.astype(np.uint16) * 16)
    twelve.tag_v2[258] = (12,)
    assert grey(twelve) == pytest.approx(np.rint(RAMP / 4095 * 16 * 255))


def test_a_value_of_16_bits_may_be_transparent():
    assert grey(through("png", DEEP, transparency=15 * 257))[0][:3] == [0, 255, 30]


def test_floats_reach_from_0_to_1():
    assert grey(through("tiff", (RAMP / 255).astype(np.float32))) == RAMP.tolist()
    for odd in (RAMP.astype(np.float32), np.full((2, 2), np.nan, np.float32), np.full((2, 2), -1, np.float32)):
        with pytest.raises(OSError, match=r"must lie between 0 and 1, which is white. Save it with 8 or 16 bits"):
            rgb_over_white(through("tiff", odd))


def test_32_bits_are_refused_where_white_is_not_known():
    with pytest.raises(OSError, match=r"whole numbers of 32 bits.*Save it with 16"):
        rgb_over_white(through("tiff", DEEP.astype(np.int32)))


@pytest.mark.parametrize(
    "mode", ["1", "L", "P", "RGB", "CMYK", "YCbCr", "LAB", "HSV", "F", "RGBX", "I;16", "I;16L", "I;16B", "I;16N"]
)
def test_every_mode_has_its_black_and_white(mode):
    ends = np.array([[[0] * 3, [255] * 3]], dtype=np.uint8)
    if mode.startswith("I;16"):
        image = Image.frombytes(mode, (2, 1), (b"\0\0\xff\xff"))
    elif mode == "F":
        image = Image.fromarray(ends[..., 0].astype(np.float32) / 255)
    else:
        image = Image.fromarray(ends).convert(mode)
    assert np.asarray(rgb_over_white(image)) == pytest.approx(ends, abs=1)


@pytest.mark.parametrize(("mode", "whole"), [("La", "LA"), ("RGBa", "RGBA")])
def test_multiplied_transparency(mode, whole):
    image = Image.new(whole, (2, 2), (200, 128) if whole == "LA" else (200, 200, 200, 128))
    assert grey(image.convert(mode)) == pytest.approx(np.array(grey(image)), abs=1)
