"""A tiny BLIP with random weights."""

import pytest
import torch
from transformers import (
    BertTokenizerFast,
    BlipConfig,
    BlipForConditionalGeneration,
    BlipForImageTextRetrieval,
    BlipImageProcessor,
)

from lit_mia.errors import EncoderError
from lit_mia.features import BlipEncoder

TOWER = {"hidden_size": 24, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
WORDS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "cat", "dog", "on", "the", "moon")
IMAGES = torch.randint(0, 256, (5, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
TEXTS = ["a cat", "the dog on the moon", "moon"]


def _config():
    text = TOWER | {"vocab_size": 16, "encoder_hidden_size": 24, "max_position_embeddings": 12, "bos_token_id": 2}
    vision = TOWER | {"image_size": 32, "patch_size": 8}
    return BlipConfig(text_config=text, vision_config=vision, image_text_hidden_size=10, projection_dim=10)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("blip")
    torch.manual_seed(0)
    BlipForImageTextRetrieval(_config()).save_pretrained(path)
    BlipImageProcessor(size={"height": 32, "width": 32}).save_pretrained(path)
    (path / "vocab.txt").write_text("\n".join(WORDS))
    BertTokenizerFast(str(path / "vocab.txt")).save_pretrained(path)
    return str(path)


@pytest.mark.parametrize(("features", "shared", "dimension"), [("cls", False, 24), ("itc", True, 10)])
def test_shape_space_and_batch_size(folder, features, shared, dimension):
    one, many = (BlipEncoder(folder, features, batch_size=size, device="cpu") for size in (1, 4))
    assert (one.shares_space, one.dimension) == (shared, dimension)
    images, texts = one.embed_images(IMAGES), one.embed_texts(TEXTS)
    assert (images.shape, texts.shape) == ((5, dimension), (3, dimension))
    torch.testing.assert_close(images, many.embed_images(IMAGES), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(texts, many.embed_texts(TEXTS), rtol=1e-4, atol=1e-5)


def test_projections_give_the_similarity_of_the_model_itself(folder):
    encoder = BlipEncoder(folder, "itc", device="cpu")
    ours = encoder.embed_images(IMAGES) @ encoder.embed_texts(TEXTS).T
    pixels = BlipImageProcessor.from_pretrained(folder)(list(IMAGES), return_tensors="pt").pixel_values
    tokens = BertTokenizerFast.from_pretrained(folder)(TEXTS, padding=True, return_tensors="pt")
    model = BlipForImageTextRetrieval.from_pretrained(folder).eval()
    with torch.no_grad():
        expected = model(tokens.input_ids, pixels, False, tokens.attention_mask).itm_score
    torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-5)


def test_the_class_tokens_are_those_of_the_two_towers(folder):
    encoder = BlipEncoder(folder, device="cpu")
    model = BlipForImageTextRetrieval.from_pretrained(folder).eval()
    pixels = BlipImageProcessor.from_pretrained(folder)(list(IMAGES), return_tensors="pt").pixel_values
    tokens = BertTokenizerFast.from_pretrained(folder)(TEXTS, padding=True, return_tensors="pt")
    with torch.no_grad():
        image = model.vision_model(pixels).last_hidden_state[:, 0]
        text = model.text_encoder(tokens.input_ids, attention_mask=tokens.attention_mask).last_hidden_state[:, 0]
    torch.testing.assert_close(encoder.embed_images(IMAGES), image, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(encoder.embed_texts(TEXTS), text, rtol=1e-4, atol=1e-5)


def test_long_texts_are_cut_off(folder):
    assert BlipEncoder(folder, device="cpu").embed_texts(["cat " * 100]).isfinite().all()


def test_the_fingerprint_holds_the_features(folder):
    assert BlipEncoder(folder).fingerprint() != BlipEncoder(folder, "itc").fingerprint()
    assert BlipEncoder(folder).fingerprint() == BlipEncoder(folder, batch_size=1).fingerprint()


def test_a_model_without_the_text_encoder_is_refused(tmp_path):
    BlipForConditionalGeneration(_config()).save_pretrained(tmp_path)
    with pytest.raises(EncoderError, match="no whole BlipForImageTextRetrieval"):
        BlipEncoder(str(tmp_path), device="cpu").embed_images(IMAGES)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(EncoderError, match="nowhere"):
        BlipEncoder(str(tmp_path / "nowhere"), device="cpu").embed_images(IMAGES)
