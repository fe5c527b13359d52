"""What cannot be loaded is told before anything is trained."""

import shutil

import pytest

from lit_mia.errors import LitMiaError, TrainingError
from lit_mia.shadow.latent_diffusion import LatentDiffusionTraining
from lit_mia.shadow.seq2seq import Seq2SeqTraining


@pytest.mark.parametrize("path", ["/nowhere", "some/hub-id", "shipped:openmoji-ddpm"])
def test_parts_that_are_not_there_are_named(monkeypatch, path):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(TrainingError, match=rf"'{path}' gives no AutoencoderKL \(in vae\)"):
        LatentDiffusionTraining(path)


def test_parts_that_do_not_ship_are_named():
    with pytest.raises(LitMiaError, match="No shipped model is called 'shipped:nothing'"):
        LatentDiffusionTraining("shipped:nothing")


@pytest.mark.parametrize(("part", "told"), [("tokenizer", "CLIPTokenizer"), ("text_encoder", "CLIPTextModel")])
def test_a_missing_part_is_named(tools, tmp_path, part, told):
    shutil.copytree(tools, tmp_path / "parts")
    shutil.rmtree(tmp_path / f"parts/{part}")
    with pytest.raises(TrainingError, match=told):
        LatentDiffusionTraining(str(tmp_path / "parts"))


def test_missing_weights_are_told(tools, tmp_path):
    shutil.copytree(tools, tmp_path / "parts")
    (tmp_path / "parts/vae/diffusion_pytorch_model.safetensors").unlink()
    with pytest.raises(TrainingError, match="AutoencoderKL"):
        LatentDiffusionTraining(str(tmp_path / "parts"))


def test_a_sequence_model_needs_its_image_tokenizer(tools):
    with pytest.raises(TrainingError, match="'/nowhere' gives no VQModel"):
        Seq2SeqTraining("/nowhere", str(tools / "tokenizer"))
