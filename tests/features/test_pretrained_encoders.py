"""CLIP, SigLIP, SigLIP 2, DINOv2 and DINOv3 of transformers: tiny models with random weights against the library."""

import json
import os
import shutil

import numpy as np
import pytest
import torch
import transformers
from PIL import Image
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, models, pre_tokenizers

from lit_mia.errors import EncoderError
from lit_mia.features import DinoEncoder, TransformersClipEncoder

TOWER = {"hidden_size": 24, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
VISION = TOWER | {"image_size": 32, "patch_size": 8}
TEXT = TOWER | {
    "vocab_size": 16,
    "max_position_embeddings": 12,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": 0,
}
SHIFT = {"image_mean": [0.1, 0.2, 0.3], "image_std": [0.4, 0.5, 0.6]}
PHOTOS = np.random.default_rng(0).integers(0, 256, (3, 40, 56, 3), dtype=np.uint8)
IMAGES = torch.tensor(PHOTOS).permute(0, 3, 1, 2)
TEXTS = ["a cat", "the dog on the moon", "moon " * 40]
CLOSE = {"rtol": 1e-4, "atol": 1e-4}  # the library's own processor prepares the same pixels


def clip():
    config = transformers.CLIPConfig(text_config=TEXT, vision_config=VISION, projection_dim=10)
    processor = transformers.CLIPImageProcessor(
        size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}, **SHIFT
    )
    return transformers.CLIPModel(config), processor


def siglip():
    config = transformers.SiglipConfig(text_config=TEXT, vision_config=VISION)
    return transformers.SiglipModel(config), transformers.SiglipImageProcessor(size={"height": 32, "width": 32})


def siglip2():
    vision = TOWER | {"patch_size": 8, "num_patches": 16}
    config = transformers.Siglip2Config(text_config=TEXT, vision_config=vision)
    return transformers.Siglip2Model(config), transformers.Siglip2ImageProcessor(patch_size=8, max_num_patches=16)


def dinov2():
    processor = transformers.BitImageProcessor(
        size={"shortest_edge": 36}, crop_size={"height": 32, "width": 32}, resample=3, **SHIFT
    )
    return transformers.Dinov2Model(transformers.Dinov2Config(**VISION, mlp_ratio=2)), processor


def dinov3_vit():
    processor = transformers.DINOv3ViTImageProcessor(size={"height": 32, "width": 32})
    return transformers.DINOv3ViTModel(transformers.DINOv3ViTConfig(**VISION, num_register_tokens=2)), processor


def dinov3_convnext():
    config = transformers.DINOv3ConvNextConfig(hidden_sizes=[4, 8, 16, 24], depths=[1, 1, 1, 1])
    processor = transformers.DINOv3ViTImageProcessor(size={"height": 32, "width": 32})
    return transformers.DINOv3ConvNextModel(config), processor


def save_tokenizer(path):
    words = ["<pad>", "<bos>", "<eos>", "<unk>", "a", "cat", "dog", "on", "the", "moon"]
    tokenizer = Tokenizer(models.WordLevel({word: number for number, word in enumerate(words)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="<eos>", model_input_names=["input_ids"]
    ).save_pretrained(path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Saves each model once."""
    root = tmp_path_factory.mktemp("models")

    def saved(make):
        path = root / make.__name__
        if not path.exists():
            torch.manual_seed(0)
            model, processor = make()
            model.save_pretrained(path)
            processor.save_pretrained(path)
            save_tokenizer(path)
        return str(path)

    return saved


def processed(path):
    processor = transformers.AutoImageProcessor.from_pretrained(path)
    return processor([Image.fromarray(photo) for photo in PHOTOS], return_tensors="pt")


@pytest.mark.parametrize(("make", "dimension"), [(clip, 10), (siglip, 24), (siglip2, 24)])
def test_image_and_text_projections_are_those_of_the_library(folder, make, dimension):
    encoder = TransformersClipEncoder(folder(make), normalize=False, device="cpu", batch_size=2)
    model = transformers.AutoModel.from_pretrained(folder(make)).eval()
    tokens = transformers.AutoTokenizer.from_pretrained(folder(make))(
        TEXTS, padding="max_length", max_length=12, truncation=True, return_tensors="pt"
    )
    with torch.no_grad():
        image = model.get_image_features(**processed(folder(make))).pooler_output
        text = model.get_text_features(**tokens).pooler_output
    assert encoder.dimension == dimension == image.shape[1]
    torch.testing.assert_close(encoder.embed_images(IMAGES), image, **CLOSE)
    torch.testing.assert_close(encoder.embed_texts(TEXTS), text, **CLOSE)


@pytest.mark.parametrize("make", [dinov2, dinov3_vit, dinov3_convnext])
def test_dino_gives_what_the_library_pools(folder, make):
    encoder = DinoEncoder(folder(make), device="cpu", batch_size=2)
    with torch.no_grad():
        output = transformers.AutoModel.from_pretrained(folder(make)).eval()(**processed(folder(make)))
    assert encoder.dimension == 24
    torch.testing.assert_close(encoder.embed_images(IMAGES), output.pooler_output, **CLOSE)
    torch.testing.assert_close(output.pooler_output, output.last_hidden_state[:, 0])


def test_what_each_declares(folder):
    clip_encoder, dino = TransformersClipEncoder(folder(clip), device="cpu"), DinoEncoder(folder(dinov2), device="cpu")
    assert (clip_encoder.shares_space, clip_encoder.embeds_text, clip_encoder.normalize) == (True, True, True)
    assert (dino.shares_space, dino.embeds_text, dino.normalize) == (False, False, False)
    assert clip_encoder.embed_texts(TEXTS).norm(dim=-1).tolist() == pytest.approx([1, 1, 1], abs=1e-5)
    unit = DinoEncoder(folder(dinov2), normalize=True, device="cpu").embed_images(IMAGES)
    torch.testing.assert_close(unit, torch.nn.functional.normalize(dino.embed_images(IMAGES), dim=-1))


def test_images_alone_have_no_text_embeddings(folder):
    with pytest.raises(EncoderError, match=r"DinoEncoder .*dinov2 embeds images alone.*OpenClipEncoder"):
        DinoEncoder(folder(dinov2), device="cpu").embed_texts(TEXTS)


def test_the_dimension_is_known_without_weights(folder, tmp_path):
    for encoder, make in ((TransformersClipEncoder, clip), (DinoEncoder, dinov2)):
        path = tmp_path / make.__name__
        path.mkdir()
        shutil.copy(f"{folder(make)}/config.json", path)
        assert encoder(str(path)).dimension == encoder(folder(make)).dimension


def test_the_fingerprint_follows_weights_and_settings(folder, tmp_path):
    path = shutil.copytree(folder(clip), tmp_path / "copy")
    plain = TransformersClipEncoder(folder(clip)).fingerprint()
    assert TransformersClipEncoder(str(path), batch_size=1, device="cpu").fingerprint() == plain
    assert TransformersClipEncoder(str(path), normalize=False).fingerprint() != plain
    settings = json.loads((path / "preprocessor_config.json").read_text())
    (path / "preprocessor_config.json").write_text(json.dumps(settings | {"image_mean": [0.5, 0.5, 0.5]}))
    assert TransformersClipEncoder(str(path)).fingerprint() != plain
    json.dumps(plain)


def test_another_family_is_refused_by_its_name(folder):
    with pytest.raises(EncoderError, match="type 'dinov2', but this class reads clip, siglip, siglip2"):
        _ = TransformersClipEncoder(folder(dinov2)).dimension
    with pytest.raises(EncoderError, match="type 'clip', but this class reads dinov2"):
        DinoEncoder(folder(clip), device="cpu").embed_images(IMAGES)


def test_missing_weights_are_counted(folder, tmp_path):
    path = shutil.copytree(folder(dinov2), tmp_path / "larger")
    config = json.loads((path / "config.json").read_text())
    (path / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 3}))
    with pytest.raises(EncoderError, match=r"holds no whole Dinov2Model: \d+ weights are missing.*encoder.layer.2"):
        DinoEncoder(str(path), device="cpu").embed_images(IMAGES)


def test_a_missing_folder_and_a_missing_processor_are_named(folder, tmp_path):
    with pytest.raises(EncoderError, match="nowhere"):
        _ = DinoEncoder(str(tmp_path / "nowhere")).dimension
    path = shutil.copytree(folder(dinov2), tmp_path / "bare")
    (path / "preprocessor_config.json").unlink()
    with pytest.raises(EncoderError, match="AutoImageProcessor cannot be loaded"):
        DinoEncoder(str(path), device="cpu").embed_images(IMAGES)


def test_a_hub_id_is_known_by_its_commit_and_loaded_from_it(folder, tmp_path, monkeypatch):
    from huggingface_hub import constants

    cache, commits = tmp_path / "models--someone--tiny", ("0123456789" * 4, "9876543210" * 4)
    for commit in commits:
        path = shutil.copytree(folder(dinov2), cache / "snapshots" / commit)
    weights = load_file(path / "model.safetensors")
    save_file({name: 1.5 * values for name, values in weights.items()}, path / "model.safetensors", {"format": "pt"})
    (cache / "refs").mkdir()
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    encoders = []
    for commit in commits:
        (cache / "refs" / "main").write_text(commit)
        encoders.append(DinoEncoder("someone/tiny", device="cpu"))
        assert encoders[-1].fingerprint()["model"] == f"someone/tiny@{commit}"
    first, moved = (encoder.embed_images(IMAGES) for encoder in encoders)
    torch.testing.assert_close(first, DinoEncoder(folder(dinov2), device="cpu").embed_images(IMAGES))
    assert not torch.allclose(first, moved)


def test_an_unreachable_hub_id_is_reported():
    with pytest.raises(EncoderError, match=r"'nobody/nothing', .* is no folder.*HF_HUB_OFFLINE"):
        DinoEncoder("nobody/nothing").fingerprint()


class _Payload:
    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.mkdir, (str(self.marker),)


def test_neither_code_nor_a_pickle_of_a_model_is_run(folder, tmp_path):
    path, marker = shutil.copytree(folder(dinov2), tmp_path / "evil"), tmp_path / "marker"
    (path / "model.safetensors").unlink()
    torch.save({"weight": _Payload(marker)}, path / "pytorch_model.bin")
    with pytest.raises(EncoderError, match="cannot be loaded"):
        DinoEncoder(str(path), device="cpu").embed_images(IMAGES)
    code = {"model_type": "evil", "auto_map": {"AutoConfig": "evil.Evil", "AutoModel": "evil.Evil"}}
    (path / "config.json").write_text(json.dumps(code))
    (path / "evil.py").write_text(f"import os\nos.mkdir({str(marker)!r})\nclass Evil: pass\n")
    with pytest.raises(EncoderError, match="cannot be loaded"):
        _ = DinoEncoder(str(path)).dimension
    assert not marker.exists()
