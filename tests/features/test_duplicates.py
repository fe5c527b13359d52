"""Equal and nearly equal images: found, and told from images that only look alike in grey."""

import io
import tracemalloc

import imagehash
import numpy as np
import pytest
from PIL import Image

from lit_mia.features.duplicates import Duplicates, find_duplicates, near_pairs, perceptual_hashes, told
from lit_mia.features.pixels import LOOK, decode_images
from lit_mia.records import Records


def scene(seed):
    """A smooth picture with an edge, 96 pixels a side."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (6, 6, 3), dtype=np.uint8)
    return Image.fromarray(small).resize((96, 96), Image.Resampling.BICUBIC)


def as_jpeg(image, quality):
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Image.open(file)


def thumbnails(images):
    return np.stack([np.asarray(i.convert("RGB").resize((32, 32))).transpose(2, 0, 1) for i in images])


def table(images, groups=None, members=None):
    ids = tuple(f"r{row}" for row in range(len(images)))
    return Records(
        ids,
        (None,) * len(ids),
        tuple(members or [1] * len(ids)),
        tuple(groups or ids),
        images.__getitem__,
        stamps=ids,
    )


def found(images, tmp_path, **columns):
    records = table(images, **columns)
    return find_duplicates(records, decode_images(records, 16, tmp_path).looks)


def test_hashes_equal_those_of_imagehash():
    rng = np.random.default_rng(1)
    images = [*(scene(seed) for seed in range(40)), Image.fromarray(rng.integers(0, 256, (32, 32, 3), dtype=np.uint8))]
    small = thumbnails(images)
    expected = [int(str(imagehash.phash(Image.fromarray(image.transpose(1, 2, 0)))), 16) for image in small]
    assert perceptual_hashes(small).tolist() == expected
    assert perceptual_hashes(small[:0]).shape == (0,)


@pytest.mark.parametrize(
    "change",
    [
        lambda image: as_jpeg(image, 90),
        lambda image: as_jpeg(image, 50),
        lambda image: image.resize((48, 48), Image.Resampling.BICUBIC),
        lambda image: image.resize((200, 200)),
    ],
    ids=["jpeg 90", "jpeg 50", "half", "double"],
)
def test_a_picture_is_found_after_what_usually_happens_to_it(change):
    images = [scene(seed) for seed in range(50)]
    first, second = near_pairs(thumbnails([*images, *map(change, images)]))
    pairs = set(zip(first.tolist(), second.tolist(), strict=True))
    assert len(pairs & {(row, row + 50) for row in range(50)}) >= 48
    assert len(pairs - {(row, row + 50) for row in range(50)}) == 0


def test_pictures_of_other_colours_are_others():
    red, green = (Image.new("RGB", (96, 96), "white") for _ in range(2))
    red.paste((200, 60, 60), (20, 20, 70, 70))
    green.paste((40, 140, 40), (20, 20, 70, 70))
    hashes = perceptual_hashes(thumbnails([red, green]))
    assert np.bitwise_count(hashes[0] ^ hashes[1]) <= 5, "the hash alone does not tell them apart"
    assert len(near_pairs(thumbnails([red, green]))[0]) == 0


def test_plain_pictures_are_equal_or_not():
    flat = [Image.new("RGB", (96, 96), (level, level, 200)) for level in range(0, 250, 2)]
    assert len(near_pairs(thumbnails(flat))[0]) == 0


def test_sets_across_groups_or_sides_are_found_and_others_are_not(tmp_path):
    a, b, c = scene(1), scene(2), scene(3)
    images = [a, b, a.copy(), as_jpeg(b, 80), c, c.copy(), scene(4), a.copy()]
    groups, members = ["A", "B", "A2", "B", "C", "C", "D", "A"], [1, 1, 0, 0, 1, 1, 0, 1]
    sets = found(images, tmp_path, groups=groups, members=members)
    assert sets == [
        Duplicates(("r0", "r2", "r7"), exact=True, groups=2, sides=2),
        Duplicates(("r1", "r3"), exact=False, groups=1, sides=2),
    ], "C is one group on one side, as the source says"
    assert told(sets) == (
        "5 records show the same image, or one that looks alike, as a record of another group or side, in 2 sets, of "
        "which 2 hold members and non-members (=: equal pixels, ≈: alike by thumbnail or to the "
        "encoder): r0 = r2 = r7; r1 ≈ r3."
    )


def test_what_is_near_what_is_near_is_in_one_set(tmp_path):
    images = [scene(1), as_jpeg(scene(1), 60), as_jpeg(scene(1), 30), scene(2)]
    (only,) = found(images, tmp_path)
    assert only.ids == ("r0", "r1", "r2")


def test_many_sets_are_counted_and_some_named(tmp_path):
    images = [scene(row // 2) for row in range(30)]
    sentence = told(found(images, tmp_path))
    assert sentence.startswith("30 records show the same image")
    assert sentence.count(" = ") == 10
    assert sentence.endswith("; ….")


def test_an_empty_table_has_none(tmp_path):
    records = table([scene(1)])
    looks = decode_images(records, 8, tmp_path).looks
    assert find_duplicates(records.select([]), looks[:0]) == []


def test_some_rows_of_a_mapped_file_are_compared_among_themselves(tmp_path):
    images = [scene(5), scene(1), scene(2), as_jpeg(scene(1), 80), scene(5)]
    looks = decode_images(table(images), 16, tmp_path).looks
    rows = [1, 2, 3, 4]
    records = table(images).select(rows)
    (only,) = find_duplicates(records, looks, rows=rows)
    assert only.ids == ("r1", "r3")
    assert find_duplicates(records, looks[rows]) == [only]


def test_many_looks_are_never_all_in_memory(tmp_path):
    n, rng = 8000, np.random.default_rng(0)
    looks = np.lib.format.open_memmap(tmp_path / "looks.npy", "w+", LOOK, (n,))
    looks["pixels"] = np.arange(n).astype(">u8").view("V8")
    looks["thumbnail"] = rng.integers(0, 256, (n, 3, 32, 32), dtype=np.uint8)
    records = table(range(n))
    find_duplicates(records, looks[:10])  # imports what it needs
    tracemalloc.start()
    assert find_duplicates(records, looks) == []
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < looks.nbytes / 2
