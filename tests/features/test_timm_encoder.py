"""A small timm model with random weights against timm's own pipeline."""

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from safetensors.torch import save_file

from lit_mia.errors import EncoderError
from lit_mia.features import TimmEncoder

MODEL = "test_resnet.r160_in1k"
PHOTOS = np.random.default_rng(0).integers(0, 256, (3, 200, 240, 3), dtype=np.uint8)
IMAGES = torch.tensor(PHOTOS).permute(0, 3, 1, 2)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return timm.create_model(MODEL).eval()


@pytest.fixture(scope="module", params=["safetensors", "pth"])
def weights(request, tmp_path_factory, model):
    path = tmp_path_factory.mktemp("timm") / f"model.{request.param}"
    (save_file if request.param == "safetensors" else torch.save)(model.state_dict(), path)
    return str(path)


def test_embeddings_are_those_of_timms_own_pipeline(weights, model):
    config = timm.data.resolve_model_data_config(model)
    assert config["input_size"] == (3, 160, 160)
    transform = timm.data.create_transform(**config)
    headless = timm.create_model(MODEL, num_classes=0).eval()
    headless.load_state_dict(model.state_dict(), strict=False)
    with torch.no_grad():
        expected = headless(torch.stack([transform(Image.fromarray(photo)) for photo in PHOTOS]))
    encoder = TimmEncoder(MODEL, weights, device="cpu", batch_size=2)
    ours = encoder.embed_images(IMAGES)
    assert ours.shape == (3, encoder.dimension) == expected.shape
    # pixels may differ by one level of 255, because timm resizes with Pillow
    assert torch.nn.functional.cosine_similarity(ours, expected).min() > 0.9999
    torch.testing.assert_close(ours, expected, rtol=0.02, atol=0.02 * expected.abs().max().item())


@pytest.mark.parametrize(("name", "dimension"), [("mobilenetv3_small_050", 1024), ("vit_tiny_patch16_224", 192)])
def test_the_dimension_is_known_without_weights(name, dimension):
    assert TimmEncoder(name).dimension == dimension


def test_the_fingerprint_holds_the_weights(weights, tmp_path):
    plain = TimmEncoder(MODEL, weights).fingerprint()
    assert TimmEncoder(MODEL, weights, batch_size=1, device="cpu").fingerprint() == plain
    assert TimmEncoder(MODEL).fingerprint() != plain
    assert TimmEncoder(MODEL, weights, normalize=True).fingerprint() != plain


@pytest.mark.parametrize(
    ("name", "message"), [("vit_tiny_patch17", "Similar ones.*vit_tiny"), ("resnet18.laion", "'laion'.*a1_in1k")]
)
def test_unknown_names_and_tags_are_answered_with_known_ones(name, message):
    with pytest.raises(EncoderError, match=message):
        _ = TimmEncoder(name).dimension


def test_weights_of_another_model_are_refused(weights, tmp_path):
    with pytest.raises(EncoderError, match=r"lack .* of the tensors"):
        TimmEncoder("test_vit", weights, device="cpu").embed_images(IMAGES)
    with pytest.raises(EncoderError, match=r"nowhere\.pth' does not exist"):
        TimmEncoder(MODEL, str(tmp_path / "nowhere.pth")).fingerprint()
    (tmp_path / "broken.pth").write_bytes(b"no weights")
    with pytest.raises(EncoderError, match="cannot be loaded"):
        TimmEncoder(MODEL, str(tmp_path / "broken.pth"), device="cpu").embed_images(IMAGES)
