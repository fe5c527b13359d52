"""A tiny open_clip model in a folder of its own."""

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import open_clip
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from lit_mia.errors import EncoderError, TargetError
from lit_mia.features.open_clip_encoder import OpenClipEncoder

IMAGES = torch.randint(0, 256, (7, 3, 48, 48), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
TEXTS = ["a cat", "a much longer text about a dog on the moon", ""]


@pytest.fixture
def folder(tiny_clip_folder):
    return tiny_clip_folder


@pytest.mark.parametrize("prefix", ["", "local-dir:"])
def test_embeddings_have_their_shape_and_share_a_space(folder, prefix):
    encoder = OpenClipEncoder(f"{prefix}{folder}", device="cpu")
    assert encoder.shares_space
    assert encoder.dimension == 12
    images, texts = encoder.embed_images(IMAGES), encoder.embed_texts(TEXTS)
    assert (images.shape, texts.shape) == ((7, 12), (3, 12))
    assert images.dtype == texts.dtype == torch.float32
    assert not images.is_inference()


def test_the_batch_size_does_not_change_embeddings(folder):
    one, many = (OpenClipEncoder(str(folder), batch_size=size, device="cpu") for size in (1, 5))
    torch.testing.assert_close(one.embed_images(IMAGES), many.embed_images(IMAGES.numpy()), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(one.embed_texts(TEXTS), many.embed_texts(TEXTS), rtol=1e-4, atol=1e-5)


def test_embeddings_match_the_pipeline_of_open_clip(folder):
    model, _, preprocess = open_clip.create_model_and_transforms(f"local-dir:{folder}")
    pixels = np.random.default_rng(0).integers(0, 256, (40, 56, 3), dtype=np.uint8)
    with torch.no_grad():
        expected = model.eval().encode_image(preprocess(Image.fromarray(pixels)).unsqueeze(0), normalize=True)
    encoder = OpenClipEncoder(str(folder), device="cpu")
    ours = encoder.embed_images(pixels.transpose(2, 0, 1)[None])
    assert (ours * expected).sum() > 0.9999
    assert encoder.embed_texts(TEXTS).norm(dim=-1).tolist() == pytest.approx([1, 1, 1], abs=1e-5)


def test_the_fingerprint_follows_the_weights_and_not_the_place(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "copy")
    (copy / "README.md").write_text("not part of the model")
    plain = OpenClipEncoder(str(folder)).fingerprint()
    assert OpenClipEncoder(str(copy), batch_size=3, device="cpu").fingerprint() == plain
    assert OpenClipEncoder(str(copy), normalize=False).fingerprint() != plain
    save_file({"other": torch.zeros(1)}, copy / "open_clip_model.safetensors")
    assert OpenClipEncoder(str(copy)).fingerprint() != plain
    with pytest.raises(EncoderError, match="cannot be loaded"):
        OpenClipEncoder(str(copy), device="cpu").embed_texts(TEXTS)
    json.dumps(plain)


def test_lower_precision_is_close(folder):
    full = OpenClipEncoder(str(folder), device="cpu").embed_images(IMAGES)
    half = OpenClipEncoder(str(folder), device="cpu", dtype="bfloat16").embed_images(IMAGES)
    assert half.dtype == torch.float32
    assert torch.nn.functional.cosine_similarity(full, half).min() > 0.99


class _Payload:
    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.mkdir, (str(self.marker),)


def test_a_pickle_that_runs_code_is_refused(folder, tmp_path):
    path, marker = tmp_path / "evil", tmp_path / "marker"
    path.mkdir()
    shutil.copy(folder / "open_clip_config.json", path)
    torch.save({"weight": _Payload(marker)}, path / "open_clip_pytorch_model.bin")
    with pytest.raises(EncoderError, match="cannot be loaded"):
        OpenClipEncoder(str(path), device="cpu").embed_texts(TEXTS)
    assert not marker.exists()


def test_code_beside_a_tokenizer_is_not_run(folder, tmp_path):
    path, marker = shutil.copytree(folder, tmp_path / "evil"), tmp_path / "marker"
    config = json.loads((folder / "open_clip_config.json").read_text())
    config["model_cfg"]["text_cfg"] |= {"hf_tokenizer_name": "x", "tokenizer_kwargs": {"trust_remote_code": True}}
    (path / "open_clip_config.json").write_text(json.dumps(config))
    (path / "tokenizer_config.json").write_text(json.dumps({"auto_map": {"AutoTokenizer": ["evil.Evil", None]}}))
    (path / "evil.py").write_text(f"import os\nos.mkdir({str(marker)!r})\nclass Evil: pass\n")
    with pytest.raises(EncoderError, match=r"tokenizer of .* cannot be loaded"):
        OpenClipEncoder(str(path), device="cpu").embed_texts(TEXTS)
    assert not marker.exists()


@pytest.mark.parametrize(
    ("model", "pretrained", "message"),
    [
        ("ViT-B-33", None, "neither a folder nor a model tag.*ViT-B-32"),
        ("ViT-B-32", None, "must be a weights file or one of .*laion2b_s34b_b79k"),
        ("ViT-B-32", "laion9b", "is 'laion9b'"),
        ("local-dir:/nowhere", None, "does not exist"),
    ],
)
def test_unknown_models_are_named(model, pretrained, message):
    with pytest.raises(EncoderError, match=message):
        OpenClipEncoder(model, pretrained).fingerprint()


def test_other_folders_are_refused(folder, tmp_path):
    with pytest.raises(EncoderError, match=r"holds no `open_clip_config\.json`"):
        OpenClipEncoder(str(tmp_path)).fingerprint()
    shutil.copy(folder / "open_clip_config.json", tmp_path)
    with pytest.raises(EncoderError, match="could not be loaded"):
        OpenClipEncoder(str(tmp_path), device="cpu").embed_images(IMAGES)
    with pytest.raises(TargetError, match="shipped:no-such"):
        OpenClipEncoder("shipped:no-such").fingerprint()
    with pytest.raises(EncoderError, match="batch_size"):
        OpenClipEncoder(str(tmp_path), batch_size=0)


def test_importing_encoders_stays_light():
    code = (
        "import sys, lit_mia.features;"
        "print({'diffusers', 'transformers', 'open_clip', 'timm', 'torch_fidelity'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
