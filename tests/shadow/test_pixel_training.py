"""A pixel-space diffusion target trained for a few steps on six images."""

import pytest
import torch
from torch.nn import functional as F

from lit_mia.errors import TrainingError
from lit_mia.shadow.pixel_diffusion import PixelDiffusionTraining
from lit_mia.targets.denoiser import DenoiserTarget


def make(**options):
    torch.manual_seed(0)
    return PixelDiffusionTraining(**{"size": 16, "channels": (16, 32), "warmup": 2} | options)


def test_the_loss_is_the_error_of_the_predicted_noise(captioned, encoded):
    model = make()
    batch = encoded(model)
    torch.manual_seed(1)
    loss = model.loss(batch)
    torch.manual_seed(1)
    x = captioned.images.float() / 127.5 - 1
    noise, t = torch.randn_like(x), torch.randint(0, 1000, (8,))
    alpha = torch.cumprod(1 - torch.linspace(1e-4, 0.02, 1000), 0)[t].view(-1, 1, 1, 1)
    predicted = model.unet(alpha.sqrt() * x + (1 - alpha).sqrt() * noise, t).sample
    torch.testing.assert_close(loss, F.mse_loss(predicted, noise), rtol=1e-4, atol=1e-6)


def test_the_export_is_a_target_with_a_denoiser(captioned, members, fit, tmp_path):
    model = make()
    fit(model, members(), 3, tmp_path)
    target = DenoiserTarget(str(tmp_path / "target"), device="cpu")
    assert target.image_size == 16
    x, t = target.encode(captioned.images, [0] * 8), torch.full((8,), 100)
    answer = target.predict_noise(x, t, target.condition([None] * 8))
    with torch.no_grad():
        expected = model.ema(x, t).sample
    torch.testing.assert_close(answer, expected, rtol=0.02, atol=0.02)  # stored in half precision


def test_records_need_no_captions(captioned, members, fit, tmp_path):
    data = members()
    data.source.captions = None
    fit(make(), data, 1, tmp_path)


def test_the_input_convolution_stays_exact_under_autocast():
    model = make()
    x = 1 + 0.01 * torch.randn(2, 3, 16, 16)
    exact = model.unet.conv_in(x)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        under = model.unet.conv_in(x)
    assert under.dtype is torch.float32
    torch.testing.assert_close(under, exact, rtol=0, atol=0)


def test_a_side_that_the_network_cannot_halve_is_refused():
    with pytest.raises(TrainingError, match="3 resolutions need a `size` divisible by 4, but got 18"):
        make(size=18, channels=(16, 16, 32))


@pytest.mark.parametrize("channels", [(), (24, 32), (16, 16), (0, 32)])
def test_widths_that_make_no_groups_or_heads_are_refused(channels):
    with pytest.raises(TrainingError, match=r"`channels` must be multiples of 16, the last one of 32"):
        make(channels=channels)
