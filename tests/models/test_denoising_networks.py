"""Latents of real autoencoders of tiny size, and what a target makes of an image."""

import pytest
import torch

from lit_mia.errors import TargetError
from lit_mia.models.denoising_networks import Autoencoder
from lit_mia.targets.denoiser import DenoiserTarget

SEEDS = [5, 2**63 - 1, 7, 8, 9]
IMAGES = torch.randint(0, 256, (5, 3, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
PIXELS = IMAGES / 127.5 - 1


@pytest.fixture(scope="module")
def vae(tiny_pipeline_folder):
    from diffusers import AutoencoderKL

    return AutoencoderKL.from_pretrained(tiny_pipeline_folder / "vae").requires_grad_(False)


def make(folder, **options):
    return DenoiserTarget(str(folder), device="cpu", **options)


def assert_equal(first, second):
    torch.testing.assert_close(first, second, rtol=0, atol=1e-5)


def test_the_mean_of_the_posterior_is_scaled_as_in_training(vae):
    mean = vae.encode(PIXELS).latent_dist.mean
    assert_equal(Autoencoder(vae).encode(PIXELS, None), mean * vae.config.scaling_factor)
    assert mean.std() > 0.01
    assert Autoencoder(vae).factor == PIXELS.shape[-1] // mean.shape[-1] == 2


def test_a_draw_is_that_of_the_posterior_with_the_seed_of_the_image(vae):
    drawn = Autoencoder(vae).encode(PIXELS, SEEDS)
    for row, seed in enumerate(SEEDS):
        posterior = vae.encode(PIXELS[row : row + 1]).latent_dist
        latent = posterior.sample(torch.Generator().manual_seed(seed)) * vae.config.scaling_factor
        assert_equal(drawn[row : row + 1], latent)


def test_decoding_takes_the_scale_away(vae):
    latents = vae.encode(PIXELS).latent_dist.mean
    assert_equal(Autoencoder(vae).decode(latents * vae.config.scaling_factor), vae.decode(latents).sample)


def test_a_shift_is_taken_away_and_given_back(vae):
    from diffusers import AutoencoderKL

    shifted = AutoencoderKL.from_config(vae.config, shift_factor=0.3, scaling_factor=2.0).requires_grad_(False)
    shifted.load_state_dict(vae.state_dict())
    latents = vae.encode(PIXELS).latent_dist.mean
    encoded = Autoencoder(shifted).encode(PIXELS, None)
    assert_equal(encoded, (latents - 0.3) * 2)
    assert_equal(Autoencoder(shifted).decode(encoded), vae.decode(latents).sample)


def test_a_vq_model_has_latents_but_nothing_to_draw():
    from diffusers import VQModel

    blocks = {"down_block_types": ("DownEncoderBlock2D",) * 3, "up_block_types": ("UpDecoderBlock2D",) * 3}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = VQModel(block_out_channels=(4, 4, 8), norm_num_groups=2, num_vq_embeddings=16, **blocks)
    model.requires_grad_(False)
    autoencoder, latents = Autoencoder(model), model.encode(PIXELS).latents
    assert_equal(autoencoder.encode(PIXELS, None), latents * model.config.scaling_factor)
    assert_equal(autoencoder.encode(PIXELS, SEEDS), autoencoder.encode(PIXELS, None))
    assert_equal(autoencoder.decode(latents * model.config.scaling_factor), model.decode(latents).sample)
    assert autoencoder.factor == 16 // latents.shape[-1] == 4


def test_a_target_encodes_the_mean_unless_told_to_draw(tiny_pipeline_folder, vae):
    mean, drawn = make(tiny_pipeline_folder), make(tiny_pipeline_folder, latent="sample")
    assert mean.image_size == 16
    assert mean.is_latent
    assert_equal(mean.encode(IMAGES, SEEDS), Autoencoder(vae).encode(PIXELS, None))
    assert_equal(drawn.encode(IMAGES, SEEDS), Autoencoder(vae).encode(PIXELS, SEEDS))
    assert_equal(mean.encode(IMAGES, SEEDS, sample=True), Autoencoder(vae).encode(PIXELS, SEEDS))
    twice = drawn.encode(IMAGES[[0, 0, 0]], [1, 2, 1])
    assert_equal(twice[0], twice[2])
    assert (twice[0] - twice[1]).abs().max() > 1e-3


def test_the_batch_size_changes_no_latent_and_no_image(tiny_pipeline_folder):
    small, large = (make(tiny_pipeline_folder, batch_size=size, latent="sample") for size in (2, 5))
    latents = small.encode(IMAGES, SEEDS)
    assert_equal(latents, large.encode(IMAGES, SEEDS))
    assert_equal(small.decode(latents), large.decode(latents))
    assert small.decode(latents).shape == IMAGES.shape


def test_pixels_are_scaled_exactly(tmp_path):
    from diffusers import DDPMPipeline, DDPMScheduler, UNet2DModel

    blocks = {"down_block_types": ("DownBlock2D",), "up_block_types": ("UpBlock2D",)}
    unet = UNet2DModel(sample_size=16, block_out_channels=(4,), norm_num_groups=2, attention_head_dim=2, **blocks)
    DDPMPipeline(unet, DDPMScheduler()).save_pretrained(tmp_path)
    levels = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16).repeat(1, 3, 1, 1)
    for precision, kind in (("float32", torch.float32), ("float64", torch.float64), ("bfloat16", torch.float32)):
        target = make(tmp_path, precision=precision, latent="sample")
        encoded = target.encode(levels, [0])
        assert encoded.dtype == kind
        assert torch.equal(encoded, levels.to(kind) / 127.5 - 1)
        assert (encoded.min(), encoded.max()) == (-1, 1)
        assert torch.equal(target.decode(encoded), encoded)


@pytest.mark.parametrize(
    "images",
    [IMAGES[..., :8], IMAGES[:, :1], PIXELS, IMAGES[0], IMAGES.to(torch.int64)],
    ids=["size", "grayscale", "float", "no batch", "int64"],
)
def test_images_of_another_form_are_refused(tiny_pipeline_folder, images):
    with pytest.raises(TargetError, match=r"takes uint8 RGB images \[n, 3, 16, 16\], but got torch.*Resize or convert"):
        make(tiny_pipeline_folder).encode(images, SEEDS)
