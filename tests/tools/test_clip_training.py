"""The attacker's encoder trained for a few steps."""

import pytest
import torch

from lit_mia.features.open_clip_encoder import OpenClipEncoder
from lit_mia.shadow.clip_parts import ClipSize
from lit_mia.tools.clip import EncoderTraining, same_name
from lit_mia.tools.training import CaptionedImagesDataModule


@pytest.fixture(scope="module")
def trained(captioned, tokenizer, train):
    """The module after three steps, and its weights before them."""
    torch.manual_seed(0)
    size = ClipSize(image_size=16, width=48, layers=2, text_width=48, text_layers=1, dimension=48)
    model = EncoderTraining(tokenizer, size, shift=1, steps=3)
    before = model.clip.visual.proj.detach().clone()
    train(model, CaptionedImagesDataModule(captioned, 8, 3), 3)
    return model.eval(), before


def test_training_moves_the_weights(trained):
    model, before = trained
    assert torch.isfinite(model.clip.visual.proj).all()
    assert not torch.equal(model.clip.visual.proj, before)


def test_the_export_gives_the_same_embeddings(trained, captioned, tmp_path):
    model, _ = trained
    model.export(tmp_path)
    encoder = OpenClipEncoder(str(tmp_path), normalize=False, device="cpu")
    texts = ["red cat", "blue dog, animal", ""]
    tokens = model.tokenizer(texts, padding="max_length", truncation=True, return_tensors="pt")["input_ids"]
    with torch.no_grad():
        images = model.clip.encode_image(captioned.images.float() / 127.5 - 1)
        words = model.clip.encode_text(tokens)
    assert encoder.dimension == 48
    for own, exported in ((images, encoder.embed_images(captioned.images)), (words, encoder.embed_texts(texts))):
        assert (exported - own).norm() < 5e-3 * own.norm()


def test_images_of_one_name_share_the_truth():
    truth = same_name(["cat, animal", "dog", "cat", "dog, pet, animal", "cats"])
    a, b = [0.5, 0, 0.5, 0, 0], [0, 0.5, 0, 0.5, 0]
    assert truth.tolist() == [a, b, a, b, [0, 0, 0, 0, 1]]
