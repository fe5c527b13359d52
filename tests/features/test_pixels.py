"""Images are decoded once, white behind transparency, unreadable ones reported."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Event

import numpy as np
import pytest
import torch
from PIL import Image

from lit_mia.features.pixels import DECODING, LOOK, decode_images, resize
from lit_mia.records import Records


def _records(images, opened):
    def open_image(row):
        opened.append(row)
        if images[row] is None:
            raise OSError("damaged")
        return images[row]

    names = tuple(f"image-{i}" for i in range(len(images)))
    return Records(names, (None,) * len(names), (1,) * len(names), names, open_image, stamps=names)


def test_decoding_happens_once(tmp_path):
    wide = Image.new("RGB", (50, 10), "blue")
    wide.paste("red", (15, 0, 35, 10))
    opened: list[int] = []
    records = _records([wide, None, Image.new("RGBA", (9, 9), (0, 0, 0, 0))], opened)
    images, looks, unread = decode_images(records, 8, tmp_path)
    assert unread == {1: "damaged"}
    assert images.shape == (3, 3, 8, 8)
    assert (images[0] == np.array([255, 0, 0], np.uint8).reshape(3, 1, 1)).all(), "the centre square"
    assert (images[1] == 0).all()
    assert (images[2] == 255).all(), "white behind transparent pixels"

    assert (looks.shape, looks.dtype) == ((3,), LOOK)
    again = decode_images(records, 8, tmp_path)
    assert sorted(opened) == [0, 1, 1, 2], "only what could not be read is tried again"
    assert isinstance(again.images, np.memmap)
    assert again.unread == {1: "damaged"}
    np.testing.assert_array_equal(images, again.images)
    np.testing.assert_array_equal(looks, again.looks)
    other = decode_images(records, 4, tmp_path)
    assert other.images.shape == (3, 3, 4, 4)
    np.testing.assert_array_equal(looks, other.looks), "looks do not depend on the size"


def test_two_that_want_the_same_images_decode_them_once(tmp_path):
    opened: list[int] = []
    records = _records([Image.new("RGB", (9, 9))], opened)

    def open_image(row):
        began.set()
        time.sleep(0.2)
        return records.open_image(row)

    began, slow = Event(), replace(records, open_image=open_image)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(decode_images, slow, 4, tmp_path)
        assert began.wait(10)
        assert (pool.submit(decode_images, slow, 4, tmp_path).result().images == first.result().images).all()
    assert opened == [0]


def test_what_can_be_read_later_is_read_later(tmp_path):
    images = [Image.new("RGB", (4, 4), "red"), None, None]
    records = _records(images, [])
    assert decode_images(records, 4, tmp_path).unread == {1: "damaged", 2: "damaged"}
    images[2] = Image.new("RGB", (4, 4), "blue")  # the same stamp: it could not be read for another reason
    later = decode_images(records, 4, tmp_path)
    assert later.unread == {1: "damaged"}
    assert later.images[:, :, 0, 0].tolist() == [[255, 0, 0], [0, 0, 0], [0, 0, 255]]
    assert later.looks["thumbnail"][2, :, 0, 0].tolist() == [0, 0, 255]
    assert decode_images(records, 4, tmp_path).unread == {1: "damaged"}


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (FileNotFoundError(2, "No such file or directory", "/data/1.png"), "No such file or directory"),
        (OSError("cannot identify image file '/data/1.png'"), "cannot identify image file …"),
        (ZeroDivisionError(), "ZeroDivisionError"),
        (IndexError("index out of range"), "index out of range"),
    ],
)
def test_whatever_a_decoder_raises_ends_no_run_and_says_its_kind(tmp_path, error, reason):
    def open_image(row):
        if row:
            raise error
        return Image.new("RGB", (4, 4))

    records = replace(_records([None, None], []), open_image=open_image)
    assert decode_images(records, 4, tmp_path).unread == {1: reason}


def test_pixels_are_known_by_the_stamps_and_the_revision_of_the_code(tmp_path, monkeypatch):
    opened: list[int] = []
    records = _records([Image.new("RGB", (4, 4), "red")], opened)
    decode_images(replace(records, ids=("renamed",), groups=("renamed",)), 4, tmp_path)
    decode_images(records, 4, tmp_path)
    assert len(opened) == 1
    decode_images(replace(records, stamps=("other pixels",)), 4, tmp_path)
    assert len(opened) == 2
    monkeypatch.setattr("lit_mia.features.pixels.DECODING", DECODING + 1)
    decode_images(records, 4, tmp_path)
    assert len(opened) == 3


def test_resize_matches_pillow():
    pixels = np.random.default_rng(0).integers(0, 256, (48, 48, 3), dtype=np.uint8)
    expected = np.asarray(Image.fromarray(pixels).resize((17, 17), Image.Resampling.BICUBIC)).astype(int)
    ours = resize(torch.from_numpy(pixels).permute(2, 0, 1), 17)
    assert ours.dtype == torch.uint8
    assert np.abs(ours.permute(1, 2, 0).numpy().astype(int) - expected).max() <= 1


def test_resize_keeps_leading_dimensions_and_the_centre_square():
    images = torch.zeros(2, 5, 3, 8, 40, dtype=torch.uint8)
    images[..., 10:30] = 200
    assert resize(images, 6).shape == (2, 5, 3, 6, 6)
    assert (resize(images, 6) == 200).all()
