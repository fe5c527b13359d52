"""A CLIP of transformers as a target, against the library's own path."""

import numpy as np
import pytest
import torch
import transformers
from PIL import Image
from tokenizers import Tokenizer, models, pre_tokenizers

from lit_mia.errors import TargetError
from lit_mia.targets import TransformersClipTarget

TOWER = {"hidden_size": 24, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
TEXT = TOWER | {"vocab_size": 16, "max_position_embeddings": 12, "bos_token_id": 1, "eos_token_id": 2}
RNG = np.random.default_rng(0)
IMAGES = [Image.fromarray(RNG.integers(0, 256, (h, w, 3), dtype=np.uint8)) for h, w in ((40, 56), (33, 32), (90, 35))]
TEXTS = ["a photo <eos>", "Ana Petrov <eos>", "photo"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("clip")
    words = ["<pad>", "<bos>", "<eos>", "<unk>", "a", "photo", "of", "Ana", "Petrov"]
    tokenizer = Tokenizer(models.WordLevel({word: number for number, word in enumerate(words)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>", eos_token="<eos>")
    fast.save_pretrained(path)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        vision = TOWER | {"image_size": 32, "patch_size": 8}
        config = transformers.CLIPConfig(text_config=TEXT, vision_config=vision, projection_dim=10)
        transformers.CLIPModel(config).save_pretrained(path)
    size = {"size": {"shortest_edge": 32}, "crop_size": {"height": 32, "width": 32}}
    transformers.CLIPImageProcessor(**size).save_pretrained(path)
    return str(path)


def test_embeddings_and_scale_are_the_librarys_own(folder):
    model = transformers.CLIPModel.from_pretrained(folder).eval()
    processor = transformers.AutoImageProcessor.from_pretrained(folder)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    target = TransformersClipTarget(folder, batch_size=2, device="cpu")
    with torch.no_grad():
        images = model.get_image_features(**processor(IMAGES, return_tensors="pt")).pooler_output
        tokens = tokenizer(TEXTS, padding="max_length", max_length=12, return_tensors="pt")
        tokens.pop("token_type_ids", None)
        texts = model.get_text_features(**tokens).pooler_output
    normalize = torch.nn.functional.normalize
    torch.testing.assert_close(target.embed_images(IMAGES), normalize(images), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(target.embed_texts(TEXTS), normalize(texts), rtol=1e-4, atol=1e-4)
    assert target.logit_scale == pytest.approx(float(model.logit_scale.detach().exp()))


def test_the_untrained_twin_has_other_weights(folder):
    target = TransformersClipTarget(folder, seed=1, device="cpu")
    twin = target.untrained_twin()
    assert torch.equal(twin.embed_images(IMAGES), target.untrained_twin().embed_images(IMAGES))
    assert (twin.embed_images(IMAGES) - target.embed_images(IMAGES)).abs().max() > 0.01
    assert twin.fingerprint() != target.fingerprint()


def test_long_captions_are_counted(folder):
    assert TransformersClipTarget(folder).too_long(["a photo", "a " * 12, "a " * 13]) == 1


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(TargetError, match="must be a hub id or a folder"):
        TransformersClipTarget(str(tmp_path / "none"), device="cpu").embed_texts(["x"])
