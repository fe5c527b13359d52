"""Transparent images as plain RGB."""

import pytest
from PIL import Image

from lit_mia.transparency import rgb_over_white


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA"])
def test_half_transparent_black_is_grey(mode):
    image = Image.new("RGBA", (2, 2), (0, 0, 0, 128)).convert(mode)
    assert rgb_over_white(image).getpixel((0, 0)) == pytest.approx((127, 127, 127), abs=1)
