"""The attacker's captioner trained for a few steps."""

import pytest
import torch
from torch.nn import functional as F

from lit_mia.features import TransformersCaptioner
from lit_mia.tools.captioner import CaptionerTraining, distorted, train_wordpieces
from lit_mia.tools.training import CaptionedBatch, CaptionedImages, CaptionedImagesDataModule


def make(captions, **options):
    torch.manual_seed(0)
    tokenizer = train_wordpieces(captions, vocabulary=60, length=8)
    return CaptionerTraining(tokenizer, captions, image_size=16, width=32, layers=1, dropout=0.0, **options)


@pytest.fixture(scope="module")
def trained(captioned, train):
    """The module after 40 steps on eight images."""
    model = make(captioned.captions, steps=40, lr=5.0e-3)
    data = CaptionedImages(captioned.images, captioned.captions)
    train(model, CaptionedImagesDataModule(data, 8, 40), 40)
    return model.eval()


@pytest.fixture
def batch(captioned):
    return CaptionedBatch(captioned.images.float() / 255, captioned.captions)


def losses(model, batch):
    seen = model.blip.vision_model(pixel_values=batch.images * 2 - 1).last_hidden_state
    captions = batch.captions
    return [
        float(loss.detach()) for loss in (model._next_tokens(seen, captions), model._own_caption(seen[:, 0], captions))
    ]


def test_training_lowers_both_losses(trained, captioned, batch):
    before = losses(make(captioned.captions).eval(), batch)
    after = losses(trained, batch)
    assert after[0] < before[0] - 1
    assert after[1] < before[1] - 0.1


def test_the_language_loss_is_that_of_blip_itself(captioned, batch):
    model = make(captioned.captions).eval()
    tokens = model._tokens(batch.captions)
    labels = tokens["input_ids"].masked_fill(tokens["attention_mask"] == 0, -100)
    with torch.no_grad():
        logits = model.blip(batch.images * 2 - 1, **tokens).logits
    by_hand = F.cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten(), label_smoothing=0.1)
    assert losses(model, batch)[0] == pytest.approx(float(by_hand), rel=1e-4)


def test_the_export_is_a_captioner(trained, captioned, batch, tmp_path):
    trained.export(tmp_path)
    captioner = TransformersCaptioner(str(tmp_path), num_beams=1, max_length=8, min_length=2, device="cpu")
    texts = captioner.caption(captioned.images)
    tokens = trained.blip.float().generate(batch.images * 2 - 1, num_beams=1, max_length=8, min_length=2)
    assert texts == trained.tokenizer.batch_decode(tokens, skip_special_tokens=True)
    assert all(texts)


def test_distorted_images_are_images_and_none_is_mirrored():
    torch.manual_seed(0)
    left = torch.ones(64, 3, 32, 32)
    left[:, :, 10:22, 6:12] = torch.tensor([0.8, 0.1, 0.1])[:, None, None]
    left[:, :, 10:22, 12:18] = torch.tensor([0.1, 0.1, 0.8])[:, None, None]
    images = distorted(left)
    assert images.shape == left.shape
    assert 0 <= images.min() < images.max() <= 1
    assert not torch.equal(images[0], images[1])
    columns = torch.arange(32.0)
    red, blue = ((1 - images[:, channel]).sum(dim=1) for channel in (2, 0))  # the ink of red is missing blue
    assert ((red * columns).sum(1) / red.sum(1) < (blue * columns).sum(1) / blue.sum(1)).all()


def test_white_stays_white():
    assert torch.allclose(distorted(torch.ones(4, 3, 16, 16)), torch.ones(()), atol=1e-5)
