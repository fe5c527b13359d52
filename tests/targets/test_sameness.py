"""Which models are the same, and which are asked otherwise, by what fingerprints tell."""

import shutil

import pytest

from lit_mia.errors import TargetError
from lit_mia.targets.denoiser import DenoiserTarget
from lit_mia.targets.diffusion import DiffusersTarget
from lit_mia.targets.sameness import holds, refuse_as_placebo, settings_apart

BASE = {"access": "generate", "pipeline": "StableDiffusionPipeline", "weights": "a", "steps": 10, "dtype": "float32"}
TUNED = BASE | {"lora": "l", "lora_scale": 1.0}
SERVED = {"access": "generate", "base_url": "https://x/v1", "model": "m", "size": "64x64"}


@pytest.mark.parametrize(
    ("placebo", "target", "same"),
    [
        (BASE, BASE, True),
        (BASE | {"steps": 20, "dtype": "float16"}, BASE, True),
        (BASE | {"access": "denoise", "variant": "fp16"}, BASE, True),
        (BASE | {"weights": "b"}, BASE, False),
        (BASE, TUNED, False),  # the model before the training
        (TUNED, BASE, True),  # a base keeps what it has seen
        (TUNED | {"lora_scale": 0.5}, TUNED, True),
        (TUNED | {"weights": "b"}, TUNED, True),
        (TUNED | {"lora": "k"}, TUNED, False),
        (SERVED | {"size": "32x32"}, SERVED, True),
        (SERVED | {"model": "n"}, SERVED, False),
        (SERVED | {"base_url": "https://y/v1"}, SERVED, False),
        (SERVED | {"model": None, "size": "32x32"}, SERVED | {"model": None}, False),
        (BASE, SERVED, False),
        (SERVED, BASE, False),
        ({"kind": "of a plugin", "colour": 1}, {"kind": "of a plugin", "colour": 1}, True),
        ({"kind": "of a plugin", "colour": 2}, {"kind": "of a plugin", "colour": 1}, False),
        ({}, {}, True),
    ],
)
def test_what_holds_the_weights_of_another(placebo, target, same):
    assert holds(placebo, target) is same


def test_settings_are_named_and_models_are_not():
    assert settings_apart(BASE, TUNED | {"weights": "b", "pipeline": "Other", "variant": "fp16"}) == []
    assert settings_apart(BASE, BASE | {"weights": "b", "steps": 20, "guidance": 2.0}) == ["steps", "guidance"]
    assert settings_apart(SERVED, BASE) == ["size", "steps", "dtype"]


def test_a_copy_in_another_folder_is_the_same_model(tiny_pipeline_folder, tmp_path):
    copy = tmp_path / "renamed"
    shutil.copytree(tiny_pipeline_folder, copy)
    target = DiffusersTarget(str(tiny_pipeline_folder), steps=4, batch_size=4, device="cpu")
    for placebo in (
        DiffusersTarget(str(copy), steps=4, batch_size=1, name="another", device="cpu"),
        DiffusersTarget(str(copy), steps=5, guidance=1.0, device="cpu"),
        DenoiserTarget(str(copy), device="cpu"),
    ):
        with pytest.raises(TargetError, match=f"The placebo '{placebo.name}' holds the weights of the target"):
            refuse_as_placebo(placebo, target)


def test_other_weights_are_another_model(tiny_pipeline_folder, family_folder):
    target = DiffusersTarget(str(tiny_pipeline_folder), steps=4, device="cpu")
    other = DiffusersTarget(str(family_folder("sdxl")), steps=4, device="cpu")
    refuse_as_placebo(other, target)
    assert settings_apart(target.fingerprint(), other.fingerprint()) == []
