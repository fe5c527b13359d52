"""Copies that were changed a little are found, so that they share a coin; other pictures are not taken for them."""

import numpy as np
import pytest
from designed import COPIES, scene
from PIL import Image

from lit_mia.features.copies import copy_pairs, look_at
from lit_mia.features.duplicates import sets_of_equals

N = 60


def sets(images):
    return sets_of_equals(np.stack([look_at(image) for image in images]), copy_pairs)


@pytest.mark.parametrize("change", COPIES.values(), ids=COPIES)
def test_every_copy_is_found_and_nothing_else(change):
    images = [scene(seed) for seed in range(N)]
    assert sets([*images, *map(change, images)]) == [[row, row + N] for row in range(N)]


def test_whole_images_are_compared_beside_their_centre_squares():
    wide = [scene(seed).resize((90, 48)) for seed in range(20)]
    squares = [image.crop((21, 0, 69, 48)) for image in wide]
    assert sets([*wide, *squares]) == [[row, row + 20] for row in range(20)]
    assert sets([*wide, *(image.crop((1, 1, 90, 48)) for image in wide)]) == [[row, row + 20] for row in range(20)]


def test_plain_images_are_equal_or_not():
    assert sets([Image.new("RGB", (48, 48), (level, level, 200)) for level in range(0, 250, 2)]) == []
    assert sets([Image.new("RGB", (48, 48), "red") for _ in range(3)]) == [[0, 1, 2]]


def test_few_images_and_none_have_no_copies():
    assert sets([scene(1)]) == []
    assert sets([Image.new("RGB", (1, 1), "red"), scene(1), Image.new("RGB", (1, 300))]) == []
