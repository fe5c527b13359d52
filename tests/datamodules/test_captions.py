"""Captions by the attacker's captioner in the place of the source's: asked, kept, and skipped where it says nothing."""

from typing import final

import numpy as np
import pytest
from small_records import ALL, N

from lit_mia.errors import CaptionerError
from lit_mia.features.captioners import Captioner
from lit_mia.features.open_clip_encoder import OpenClipEncoder


@final
class Brightest(Captioner):
    """Names the brightest channel, notes how many images it was shown, and has no word for one channel."""

    def __init__(self, words=("red", "green", "blue")):
        self.words, self.shown = words, 0

    def fingerprint(self):
        return {"captioner": "brightest", "words": [*self.words]}

    def caption(self, images):
        self.shown += len(images)
        return [self.words[channel] for channel in np.asarray(images).mean(axis=(2, 3)).argmax(axis=1)]


def test_a_captioner_takes_the_place_of_the_captions(data, ink, tiny_clip_folder):
    encoder, captioner = OpenClipEncoder(str(tiny_clip_folder), device="cpu"), Brightest()
    module = data(target=(target := ink()), encoder=encoder, captioner=captioner)
    module.prepare(ALL)
    words = captioner.caption(module.arrays.inputs["image"])
    assert len({*words}) == 3
    assert list(module.view.known.captions) == words
    assert sorted(prompt for prompt, _ in target.asked()) == sorted(words)
    expected = encoder.embed_texts(words).numpy()
    np.testing.assert_allclose(module.arrays.inputs["text_embedding"], expected, rtol=1e-4, atol=1e-5)
    assert module.view.splits.digest == data().view.splits.digest
    assert (module.captioner_fingerprint()["captioner"], data().captioner_fingerprint()) == ("brightest", {})


def test_nothing_is_described_twice_and_another_captioner_describes_anew(data, ink):
    first, again, other = Brightest(), Brightest(), Brightest(("warm", "fresh", "cold"))
    module = data(captioner=first)
    placebo = module.answered_by(ink("placebo", ink=1), module.store_path / "placebo")
    assert module.view.known.captions == placebo.view.known.captions == data(captioner=again).view.known.captions
    assert (first.shown, again.shown) == (N, 0)
    assert placebo.tools.captioner is first
    assert {*data(captioner=other).view.known.captions} == {"warm", "fresh", "cold"}
    assert data(captioner=again, image_size=9).view.known.captions
    assert (again.shown, other.shown) == (N, N)


def test_records_without_a_word_are_skipped_and_named(data, ink):
    whole, module = (
        data(captioner=Brightest()),
        data(captioner=Brightest(("red", "", "blue")), target=(target := ink())),
    )
    known = whole.view.known
    silent = [name for name, word in zip(known.ids, known.captions, strict=True) if word == "green"]
    assert 0 < len(silent) < N
    assert {*module.view.known.captions} == {"red", "blue"}
    assert (module.view.skipped, len(module.view.known)) == (dict.fromkeys(silent, "empty caption"), N - len(silent))
    assert whole.view.skipped == {}
    module.fill(module.view.known)
    assert len(target.asked()) == N - len(silent)


def test_a_captioner_without_any_word_is_refused_before_any_query(data, ink):
    with pytest.raises(CaptionerError, match="captions of all 28 records are empty"):
        data(captioner=Brightest(("", "", "")), target=(target := ink())).query()
    assert target.asked() == []
