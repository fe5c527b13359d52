"""Captions against images, with a small encoder whose texts and images share the space of colours."""

import numpy as np
import pytest
import torch
from PIL import Image
from small_records import QUARTERS, InkTarget

from datamodules import AuxiliaryDataModule
from datamodules.sources.base import RecordSource
from lit_mia.attacks import AttackIII, AttackIIP, AttackIIS, AttackIP
from lit_mia.audits.membership.encoder_checks import check_tools
from lit_mia.features import Encoder, FixedCaption
from lit_mia.records import Records

N = 80
COLOURS = np.random.default_rng(0).integers(0, 256, (N, 3), dtype=np.uint8)


class Colours(RecordSource):
    """Images of one colour, whose caption is its three numbers.

    Args:
        wrong: Rows whose caption is wrong.
    """

    def __init__(self, wrong=()):
        self.wrong = frozenset(wrong)

    def load(self):
        names = tuple(f"c{row:02d}" for row in range(N))
        return Records(
            ids=names,
            captions=tuple("wrong" if row in self.wrong else " ".join(map(str, COLOURS[row])) for row in range(N)),
            members=tuple(row % 2 for row in range(N)),
            groups=names,
            open_image=lambda row: Image.fromarray(np.full((8, 8, 3), COLOURS[row])),
            stamps=tuple(map(str, COLOURS)),
        )


class MeanColour(Encoder):
    """The mean colour of an image, and the colour that a text names or else grey, without their mean."""

    dimension = 3
    shares_space = True

    def __init__(self, shares_space=True):
        super().__init__("mean colour", normalize=False, batch_size=16, device="cpu", dtype="float32")
        self.shares_space = shares_space

    def fingerprint(self):
        return {"encoder": "mean colour"}

    def _encode_images(self, images):
        return images.float().mean(dim=(2, 3)) - 127

    def _encode_texts(self, texts):
        numbers = [[float(word) for word in text.split()] if text[0].isdigit() else [130.0, 127, 127] for text in texts]
        return torch.tensor(numbers) - 127


@pytest.fixture
def data(tmp_path):
    def make(encoder=None, captioner=None, wrong=(), prompts="own"):
        module = AuxiliaryDataModule(
            Colours(wrong),
            InkTarget(tmp_path / "notes"),
            store=str(tmp_path / "store"),
            encoder=encoder or MeanColour(),
            captioner=captioner,
            image_size=8,
            fractions=QUARTERS,
            prompts=prompts,
        )
        module.prepare(frozenset({"generated_embedding"}))
        return module

    return make


def test_captions_that_name_the_image_find_it(data):
    module = data()
    check = check_tools(module, [AttackIIS()])
    assert check.n == N - len(module.view.splits.rows["test"])
    assert check.found == check.n
    assert check.p < 1e-20


@pytest.mark.parametrize("prompts", ["fixed", "shuffled", "swapped"])
def test_tools_are_checked_with_own_captions_whatever_the_target_is_asked(data, prompts):
    assert check_tools(data(prompts=prompts), [AttackIIS()]) == check_tools(data(), [AttackIIS()])


def test_one_caption_for_all_finds_ten_of_all(data):
    check = check_tools(data(captioner=FixedCaption("a colour")), [AttackIP(), AttackIII()])
    assert check.found == check.nearest == 10
    assert check.p > 0.3


def test_test_records_have_no_part_in_it(data):
    rows = (module := data()).view.splits.rows
    before = check_tools(module, [AttackIIS()])
    assert check_tools(data(wrong=rows["test"]), [AttackIIS()]) == before
    assert check_tools(data(wrong=rows["train"]), [AttackIIS()]).found < before.found


def test_nothing_is_said_where_nothing_can_be(data):
    assert check_tools(data(), [AttackIP(), AttackIIP()]) is None
    assert check_tools(data(MeanColour(shares_space=False)), [AttackIIS()]) is None
