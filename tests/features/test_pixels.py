"""Images are decoded once, white behind transparency, unreadable ones reported."""

import logging
from dataclasses import replace

import numpy as np
import torch
from PIL import Image

from lit_mia.features.pixels import REVISION, decode_images, resize
from lit_mia.records import Records


def _records(images, opened):
    def open_image(row):
        opened.append(row)
        if images[row] is None:
            raise OSError("damaged")
        return images[row]

    names = tuple(f"image-{i}" for i in range(len(images)))
    return Records(names, (None,) * len(names), (1,) * len(names), names, open_image, stamps=names)


def test_decoding_happens_once_and_unreadable_rows_are_named(tmp_path, caplog):
    wide = Image.new("RGB", (50, 10), "blue")
    wide.paste("red", (15, 0, 35, 10))
    opened: list[int] = []
    records = _records([wide, None, Image.new("RGBA", (9, 9), (0, 0, 0, 0))], opened)
    with caplog.at_level(logging.WARNING):
        images, unreadable = decode_images(records, 8, tmp_path)
    assert unreadable == [1]
    assert "image-1" in caplog.text
    assert images.shape == (3, 3, 8, 8)
    assert (images[0] == np.array([255, 0, 0], np.uint8).reshape(3, 1, 1)).all(), "the centre square"
    assert (images[1] == 0).all()
    assert (images[2] == 255).all(), "white behind transparent pixels"

    again, rows = decode_images(records, 8, tmp_path)
    assert sorted(opened) == [0, 1, 2]
    assert isinstance(again, np.memmap)
    assert rows == [1]
    np.testing.assert_array_equal(images, again)
    assert decode_images(records, 4, tmp_path)[0].shape == (3, 3, 4, 4)
    assert len(list(tmp_path.iterdir())) == 4


def test_pixels_are_known_by_the_stamps_and_the_revision_of_the_code(tmp_path, monkeypatch):
    opened: list[int] = []
    records = _records([Image.new("RGB", (4, 4), "red")], opened)
    decode_images(replace(records, ids=("renamed",), groups=("renamed",)), 4, tmp_path)
    decode_images(records, 4, tmp_path)
    assert len(opened) == 1
    decode_images(replace(records, stamps=("other pixels",)), 4, tmp_path)
    assert len(opened) == 2
    monkeypatch.setattr("lit_mia.features.pixels.REVISION", REVISION + 1)
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
