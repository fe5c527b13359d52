"""An open_clip model as a target, against open_clip itself."""

import json
import logging

import numpy as np
import open_clip
import pytest
import torch
from PIL import Image

from lit_mia.errors import TargetError
from lit_mia.models.pretrained import OpenClipFiles
from lit_mia.targets import AccessLevel, OpenClipTarget

RNG = np.random.default_rng(0)
IMAGES = [Image.fromarray(RNG.integers(0, 256, (h, w, 3), dtype=np.uint8)) for h, w in ((40, 56), (32, 32), (90, 33))]
TEXTS = ["Ana Petrov", "a photo of Ana Petrov", "x"]


@pytest.fixture
def target(tiny_clip_folder):
    return OpenClipTarget(str(tiny_clip_folder), seed=1, batch_size=2, device="cpu")


def test_embeddings_and_scale_are_open_clips_own(target, tiny_clip_folder):
    model, _, preprocess = open_clip.create_model_and_transforms(f"local-dir:{tiny_clip_folder}")
    tokenizer = open_clip.get_tokenizer(f"local-dir:{tiny_clip_folder}")
    with torch.no_grad():
        images = model.eval().encode_image(torch.stack([preprocess(image) for image in IMAGES]), normalize=True)
        texts = model.encode_text(tokenizer(TEXTS), normalize=True)
    torch.testing.assert_close(target.embed_images(IMAGES), images, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(target.embed_texts(TEXTS), texts, rtol=1e-4, atol=1e-5)
    assert target.logit_scale == pytest.approx(float(model.logit_scale.detach().exp()))
    assert target.embed_images(IMAGES).dtype == torch.float32
    target.require(AccessLevel.EMBED)


def test_the_untrained_twin_has_the_architecture_and_other_weights(target, tiny_clip_folder):
    twin, again = target.untrained_twin(), target.untrained_twin()
    state = torch.random.get_rng_state()
    assert torch.equal(twin.embed_images(IMAGES), again.embed_images(IMAGES))
    assert torch.equal(torch.random.get_rng_state(), state)
    assert twin.embed_images(IMAGES).shape == target.embed_images(IMAGES).shape
    assert (twin.embed_images(IMAGES) - target.embed_images(IMAGES)).abs().max() > 0.01
    other = OpenClipTarget(str(tiny_clip_folder), untrained=True, seed=2, device="cpu")
    prints = [json.dumps(model.fingerprint(), sort_keys=True) for model in (target, twin, other)]
    assert len(set(prints)) == 3
    assert twin.name.endswith("(untrained)")


def test_an_untrained_tag_needs_no_weights():
    assert OpenClipFiles("ViT-B-32", "laion400m_e32", TargetError, untrained=0).source == "ViT-B-32"
    assert OpenClipFiles("ViT-B-32", None, TargetError, untrained=0).activation_mismatch is None


@pytest.mark.parametrize(
    ("model", "says"),
    [("ViT-B-32", "Use the model ViT-B-32-quickgelu"), ("ViT-B-32-quickgelu", None), ("ViT-B-16", None)],
)
def test_a_mismatch_of_the_activation_is_noted(model, says):
    (note, *_) = (*OpenClipTarget(model, "laion400m_e32", device="cpu").notes, None)
    assert (note is None) == (says is None)
    assert says is None or says in note


def test_the_mismatch_is_warned_about_before_the_weights_are_fetched(caplog):
    target = OpenClipTarget("ViT-B-32", "laion400m_e32", device="cpu")
    with caplog.at_level(logging.WARNING), pytest.raises(TargetError, match="cannot be loaded"):
        target.embed_texts(TEXTS)  # there is no network
    assert "QuickGELU mismatch" in caplog.text


def test_long_captions_are_counted(target):
    long = "a photo of a person with the name of a very long line of kings of the north and of the south"
    assert target.too_long(["Ana", "a photo of Ana Petrov"]) == 0
    assert target.too_long(["Ana", long, "a cool photo of Ana", long]) == 2


@pytest.mark.parametrize(
    ("model", "pretrained", "message"),
    [
        ("ViT-B-33", None, "neither a folder nor a model tag.*ViT-B-32"),
        ("ViT-B-32", None, "must be a weights file or one of .*laion400m_e32"),
        ("local-dir:/nowhere", None, "does not exist"),
    ],
)
def test_unknown_models_are_named(model, pretrained, message):
    with pytest.raises(TargetError, match=message):
        OpenClipTarget(model, pretrained).fingerprint()


def test_a_batch_of_none_is_refused():
    with pytest.raises(TargetError, match="batch_size"):
        OpenClipTarget("ViT-B-32", "laion400m_e32", batch_size=0)
