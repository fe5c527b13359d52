"""A pixel-space diffusion target trained for a few steps on eight images."""

import json

import pytest
import torch
from torch.nn import functional as F

from lit_mia.shadow.diffusion import PixelDiffusionTraining
from lit_mia.shadow.training import CaptionedBatch, CaptionedImagesDataModule
from lit_mia.targets.denoiser import DenoiserTarget


def make(**options):
    torch.manual_seed(0)
    return PixelDiffusionTraining(size=16, channels=(16, 32), warmup=2, **options)


@pytest.fixture(scope="module")
def trained(captioned, train, tmp_path_factory):
    """The model after three of six steps, and its checkpoint."""
    model = make(steps=6)
    checkpoint = tmp_path_factory.mktemp("pixel") / "last.ckpt"
    train(model, CaptionedImagesDataModule(captioned, 4, 6), 3).save_checkpoint(checkpoint)
    return model, checkpoint


def test_the_loss_is_the_error_of_the_predicted_noise(captioned):
    model = make()
    batch = CaptionedBatch(captioned.images.float() / 255, captioned.captions)
    torch.manual_seed(1)
    loss = model.loss(batch)
    torch.manual_seed(1)
    x = captioned.images.float() / 127.5 - 1
    noise, t = torch.randn_like(x), torch.randint(0, 1000, (8,))
    alpha = torch.cumprod(1 - torch.linspace(1e-4, 0.02, 1000), 0)[t].view(-1, 1, 1, 1)
    predicted = model.unet(alpha.sqrt() * x + (1 - alpha).sqrt() * noise, t).sample
    torch.testing.assert_close(loss, F.mse_loss(predicted, noise), rtol=1e-4, atol=1e-6)


def test_a_resume_goes_on_where_it_stopped(trained, captioned, train):
    model, checkpoint = trained
    again = make(steps=6)
    train(again, CaptionedImagesDataModule(captioned, 4, 6), 6, ckpt_path=checkpoint)
    assert len(model.losses) == 3
    assert again.losses[:3] == model.losses
    assert len(again.losses) == 6


def test_the_export_is_a_target_with_a_denoiser(trained, captioned, tmp_path):
    model, _ = trained
    model.export(tmp_path / "target", {"members": ["a"]})
    facts = json.loads((tmp_path / "target/membership.json").read_text())
    assert (facts["members"], facts["steps"]) == (["a"], 3)
    target = DenoiserTarget(str(tmp_path / "target"), device="cpu")
    assert target.image_size == 16
    x, t = target.encode(captioned.images, [0] * 8), torch.full((8,), 100)
    answer = target.predict_noise(x, t, target.condition([None] * 8))
    with torch.no_grad():
        expected = model.ema(x, t).sample
    torch.testing.assert_close(answer, expected, rtol=0.02, atol=0.02)  # stored in half precision


def test_the_input_convolution_stays_exact_under_autocast():
    model = make()
    x = 1 + 0.01 * torch.randn(2, 3, 16, 16)
    exact = model.unet.conv_in(x)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        under = model.unet.conv_in(x)
    assert under.dtype is torch.float32
    torch.testing.assert_close(under, exact, rtol=0, atol=0)
