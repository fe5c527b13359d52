"""The metadata control: files that were made differently are told apart, files of one program are not."""

import numpy as np
import pytest
from PIL import Image

from lit_mia.attacks.controls.metadata import metadata_scores
from lit_mia.metrics.auc import auc
from lit_mia.records import Records

N = 240
LABELS = np.arange(N) % 2
HALF = range(N // 2)


def rest(scores):
    return auc(scores[N // 2 :], LABELS[N // 2 :])


def table(folder, sizes=None, qualities=None, captions=None, kept=True):
    """Noise images as files: JPEG where qualities are given."""
    rng = np.random.default_rng(0)
    files = []
    for row in range(N):
        image = Image.fromarray(rng.integers(0, 256, (*(sizes[row] if sizes else (8, 8)), 3), dtype=np.uint8))
        files.append(folder / f"{row}.{'jpg' if qualities else 'png'}")
        image.save(files[-1], **({"quality": qualities[row]} if qualities else {}))
    ids = tuple(f"r{row}" for row in range(N))
    return Records(
        ids=ids,
        captions=tuple(captions or ["a cat"] * N),
        members=tuple(LABELS.tolist()),
        groups=ids,
        open_image=lambda row: Image.open(files[row]),
        stamps=tuple(f"{folder}/{row}" for row in range(N)),
        **({"encoded": files.__getitem__} if kept else {}),
    )


def mostly(member, other):
    """Three in four members have one value, three in four others the other one."""
    rng = np.random.default_rng(1)
    return [member if (rng.random() < 0.75) == bool(label) else other for label in LABELS]


@pytest.mark.parametrize(
    "made",
    [
        {"sizes": mostly((8, 10), (8, 9))},
        {"qualities": mostly(90, 85)},
        {"captions": mostly("a cat", "a cat there")},
        {"sizes": mostly((8, 10), (8, 9)), "kept": False},
    ],
)
def test_a_planted_difference_is_found(tmp_path, made):
    assert 0.65 < rest(metadata_scores(table(tmp_path, **made), HALF, tmp_path / "kept")) < 0.85


def test_images_of_one_program_and_captions_of_one_length_tell_nothing(tmp_path):
    for kept in (True, False):
        scores = metadata_scores(table(tmp_path, kept=kept), HALF, tmp_path / f"kept-{kept}")
        assert np.isfinite(scores).all()
    assert np.ptp(scores) == 0  # of files, the number of bytes varies by chance


def test_lengths_that_differ_by_chance_tell_nothing(tmp_path):
    rng = np.random.default_rng(2)
    captions = ["word " * rng.integers(1, 9) for _ in range(N)]
    assert 0.35 < rest(metadata_scores(table(tmp_path, captions=captions), HALF, tmp_path / "kept")) < 0.65
