"""Bases of denoisers whose noisy images are not those of the target."""

import json
import shutil

import pytest

from lit_mia.errors import TargetError
from lit_mia.targets.bases import check_same_noise
from lit_mia.targets.denoiser import DenoiserTarget


def denoiser(folder):
    return DenoiserTarget(str(folder), device="cpu")


@pytest.fixture
def rescaled(tiny_pipeline_folder, tmp_path):
    """The pipeline with latents on another scale, which its schedule does not tell."""
    folder = shutil.copytree(tiny_pipeline_folder, tmp_path / "rescaled")
    config = folder / "vae/config.json"
    told = json.loads(config.read_text(encoding="utf-8")) | {"scaling_factor": 0.5}
    config.write_text(json.dumps(told), encoding="utf-8")
    return folder


def test_a_base_on_the_latents_of_another_autoencoder_is_refused(tiny_pipeline_folder, other_pipeline_folder, rescaled):
    target = denoiser(other_pipeline_folder)
    check_same_noise(denoiser(tiny_pipeline_folder), target, 16)
    with pytest.raises(TargetError, match="the latents of another autoencoder"):
        check_same_noise(denoiser(rescaled), target, 16)


def test_a_base_of_pixels_is_none_of_latents(tiny_ddpm_folder, tiny_pipeline_folder):
    with pytest.raises(TargetError, match="another autoencoder"):
        check_same_noise(denoiser(tiny_ddpm_folder), denoiser(tiny_pipeline_folder), 16)
