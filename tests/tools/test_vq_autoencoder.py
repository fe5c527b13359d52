"""An image tokenizer trained for a few steps from the continuous autoencoder of a tiny target."""

import pytest
import torch

from lit_mia.tools.autoencoder import VqAutoencoderTraining, quantised
from lit_mia.tools.training import CaptionedImages, CaptionedImagesDataModule

STEPS = 30
without_trainer = pytest.mark.filterwarnings("ignore:You are trying to `self.log")


@pytest.fixture(scope="module")
def images():
    """Eight images of 16 px: two flat halves of random colours."""
    colours = torch.randint(0, 256, (8, 3, 1, 2), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    return colours.repeat_interleave(8, dim=3).expand(-1, -1, 16, -1).contiguous()


@pytest.fixture(scope="module")
def make(tools):
    def made(**options):
        torch.manual_seed(0)
        return VqAutoencoderTraining(str(tools / "vae"), **{"codes": 16, "steps": STEPS} | options)

    return made


@pytest.fixture(scope="module")
def fit(images, train):
    def fitted(model, steps):
        names = [f"image {number}" for number in range(8)]
        train(model, CaptionedImagesDataModule(CaptionedImages(images, names), 8, steps), steps)
        return model

    return fitted


@pytest.fixture(scope="module")
def trained(make, fit, images):
    """The model after its training, and its error before it."""
    model = make(revive_every=5, lr=5e-3)
    model.start_codebook(images.float() / 255)
    before = error(model, images)
    return fit(model, STEPS).eval(), before


@torch.no_grad()
def error(model, images):
    x = images.float() / 127.5 - 1
    return float((model.vq(x).sample - x).abs().mean())


@torch.no_grad()
def codes_of(model, images):
    return model.vq.quantize(model.vq.encode(images.float() / 127.5 - 1).latents)[2][2]


def test_it_starts_as_the_continuous_autoencoder(tools, images):
    from diffusers import AutoencoderKL

    source = AutoencoderKL.from_pretrained(tools / "vae", torch_dtype=torch.float32)
    model = quantised(tools / "vae", codes=16)
    x = images.float() / 127.5 - 1
    with torch.no_grad():
        latents = source.encode(x).latent_dist.mean
        torch.testing.assert_close(model.encode(x).latents, latents, rtol=1e-4, atol=1e-5)
        own = model.decode(latents, force_not_quantize=True).sample
        torch.testing.assert_close(own, source.decode(latents).sample)
    assert model.quantize.embedding.weight.shape == (16, latents.shape[1])


def test_training_lowers_the_error_of_reconstructions(trained, images):
    model, before = trained
    assert error(model, images) < 0.7 * before


def test_the_codebook_starts_among_the_latents(make, images):
    def distance(model):
        with torch.no_grad():
            points = model.vq.encode(images.float() / 127.5 - 1).latents.permute(0, 2, 3, 1).flatten(0, 2)
            return float(torch.cdist(points, model.vq.quantize.embedding.weight).amin(1).mean())

    model = make()
    at_random = distance(model)
    model.start_codebook(images.float() / 255)
    assert distance(model) < 0.5 * at_random
    assert len(codes_of(model, images).unique()) >= 12


@pytest.mark.parametrize(("revive_every", "steps", "alive"), [(1, 9, True), (100, 9, False)])
def test_dead_codes_move_to_latents(make, fit, images, revive_every, steps, alive):
    model = make(revive_every=revive_every, steps=steps)
    with torch.no_grad():
        model.vq.quantize.embedding.weight[1:] = 100.0  # only the first code is near any latent
    assert len(codes_of(model, images).unique()) == 1
    fit(model, 2)
    far = int((model.vq.quantize.embedding.weight > 50).any(dim=1).sum())
    assert far == (0 if alive else 15)
    assert (len(codes_of(model, images).unique()) > 4) is alive


@without_trainer
def test_codes_in_use_stay_where_training_puts_them(make, images):
    model = make(revive_every=1)
    before = model.vq.quantize.embedding.weight.detach().clone()
    latents = torch.randn(2, before.shape[1], 3, 3)
    model._keep_alive(latents, torch.arange(15))
    after = model.vq.quantize.embedding.weight.detach()
    assert torch.equal(after[:15], before[:15])
    assert (latents.permute(0, 2, 3, 1).flatten(0, 2) == after[15]).all(dim=1).any()


@without_trainer
def test_no_code_moves_in_the_last_third(make, fit, images):
    model = make(revive_every=1, steps=3, lr=1e-9)
    fit(model, 3)
    with torch.no_grad():
        model.vq.quantize.embedding.weight[1:] = 100.0
    model._keep_alive(torch.zeros(1, 4, 3, 3), torch.zeros(1, dtype=torch.long))
    assert (model.vq.quantize.embedding.weight[1:] == 100).all()


@without_trainer
def test_the_loss_has_the_parts_of_the_paper(make, images):
    x = images.float() / 127.5 - 1

    def loss(**weights):
        model = make(**{"edge_weight": 0.0, "square_weight": 0.0, "commitment": 0.0} | weights)
        batch = next(iter(CaptionedImagesDataModule(CaptionedImages(images, ["x"] * 8), 8, 1).train_dataloader()))
        return model, batch, float(model.training_step(batch, 0).detach())

    model, batch, plain = loss()
    x = batch.images * 2 - 1
    with torch.no_grad():
        latents = model.vq.encode(x).latents
        nearest = model.vq.quantize(latents)[0]
        y = model.vq.decode(nearest, force_not_quantize=True).sample
        pull = float((nearest - latents).square().mean())
        l1 = float((y - x).abs().mean())
    assert plain == pytest.approx(l1 + pull, rel=1e-4)
    assert loss(commitment=0.5)[2] == pytest.approx(l1 + 1.5 * pull, rel=1e-3)


def test_the_export_gives_the_same_images(trained, images, tmp_path):
    from diffusers import VQModel

    model, _ = trained
    codes = codes_of(model, images)
    x = images.float() / 127.5 - 1
    with torch.no_grad():
        own = model.vq(x).sample
    model.export(tmp_path)
    loaded = VQModel.from_pretrained(tmp_path, torch_dtype=torch.float32)
    with torch.no_grad():
        assert (loaded.quantize(loaded.encode(x).latents)[2][2] == codes).float().mean() > 0.98
        assert (loaded(x).sample - own).abs().mean() < 0.02  # stored in half precision
