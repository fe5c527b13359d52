"""A latent diffusion target trained for a few steps on eight images."""

import json

import pytest
import torch
from lightning.pytorch.callbacks import Callback

from lit_mia.shadow.diffusion import (
    LatentBatch,
    LatentDiffusionDataModule,
    LatentDiffusionTraining,
    encode_images,
    encode_texts,
    learning_rate,
    load_tools,
)
from lit_mia.targets.diffusion import DiffusersTarget


class Watcher(Callback):
    """Keeps the weights of the U-Net before the first step and after each."""

    def on_train_start(self, trainer, pl_module):
        self.weights = [self._copy(pl_module)]

    def on_train_batch_end(self, trainer, pl_module, *_):
        self.weights.append(self._copy(pl_module))

    @staticmethod
    def _copy(module):
        return torch.cat([p.detach().flatten().clone() for p in module.unet.parameters()])


@pytest.fixture(scope="module")
def make(tools):
    def made(**options):
        torch.manual_seed(0)
        return LatentDiffusionTraining(str(tools), channels=(16, 32), layers_per_block=1, warmup=2, **options)

    return made


@pytest.fixture(scope="module")
def members(captioned, tools):
    return LatentDiffusionDataModule(captioned.images, captioned.captions, str(tools), batch_size=4, steps=6)


@pytest.fixture(scope="module")
def trained(make, members, train, tmp_path_factory):
    """Model, watcher and checkpoint after three of six steps."""
    model, watcher = make(), Watcher()
    checkpoint = tmp_path_factory.mktemp("three-steps") / "last.ckpt"
    train(model, members, 3, [watcher]).save_checkpoint(checkpoint)
    return model, watcher, checkpoint


@pytest.fixture
def batch():
    """Five latents and text states."""
    generator = torch.Generator().manual_seed(1)
    return LatentBatch(torch.randn(5, 4, 8, 8, generator=generator), torch.randn(5, 8, 8, generator=generator))


def test_the_tools_encode_members_to_unit_latents(tools, captioned):
    parts = load_tools(tools)
    assert parts["vae"].config.sample_size == 16
    latents = encode_images(parts["vae"], captioned.images)
    assert latents.shape == (8, 4, 8, 8)
    assert latents.std() == pytest.approx(1, abs=0.02)
    text = encode_texts(parts["text_encoder"], parts["tokenizer"], ["red cat", ""])
    assert text.shape == (2, 8, 8)


def test_the_export_is_a_target(trained, tmp_path):
    model, _, _ = trained
    ids = ["red-cat", "blue-dog"]
    model.export(tmp_path / "target", {"members": ids, "training_seed": 0})
    target = DiffusersTarget(str(tmp_path / "target"), steps=2, guidance=2.0, device="cpu")
    images = target.generate(["red cat", "blue dog"], [1, 2])
    assert images.shape == (2, 3, 16, 16)
    assert images.float().std() > 0
    facts = json.loads((tmp_path / "target/membership.json").read_text())
    assert (facts["members"], facts["training_seed"], facts["steps"]) == (ids, 0, 3)
    assert facts["losses_every_50_steps"] == [pytest.approx(sum(model.losses) / 3, abs=1e-5)]


def test_the_export_holds_the_averaged_weights(trained, tmp_path):
    from diffusers import UNet2DConditionModel

    model, _, _ = trained
    model.export(tmp_path, {})
    saved = UNet2DConditionModel.from_pretrained(tmp_path / "unet")
    for own, other in zip(model.ema.parameters(), saved.parameters(), strict=True):
        torch.testing.assert_close(own, other.float(), rtol=1e-3, atol=1e-4)
    assert next(model.ema.parameters()).dtype == torch.float32


def test_a_resume_goes_on_to_the_same_number_of_steps(make, members, train, trained):
    first, _, checkpoint = trained
    model, watcher = make(), Watcher()
    trainer = train(model, members, 6, [watcher], ckpt_path=str(checkpoint))
    assert trainer.global_step == len(model.losses) == 6
    assert model.losses[:3] == first.losses
    start = torch.cat([p.detach().flatten() for p in first.unet.parameters()])
    torch.testing.assert_close(watcher.weights[0], start)
    assert len(watcher.weights) == 4


def test_the_average_follows_the_weights(trained):
    model, watcher, _ = trained
    average = watcher.weights[0]
    for step, weights in enumerate(watcher.weights[1:], start=1):
        decay = min(0.99, (step + 1) / (step + 10))
        average = decay * average + (1 - decay) * weights
    assert not any(p.requires_grad for p in model.ema.parameters())
    own = torch.cat([p.flatten() for p in model.ema.parameters()])
    torch.testing.assert_close(own, average)
    assert not torch.equal(own, watcher.weights[0])
    assert not torch.equal(own, watcher.weights[-1])


def test_the_loss_is_that_of_the_paper(make, batch):
    model = make(caption_dropout=0.0)
    torch.manual_seed(3)
    loss = model.training_step(batch, 0)
    torch.manual_seed(3)
    noise, t = torch.randn(5, 4, 8, 8), torch.randint(0, 1000, (5,))
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2
    kept = (1 - betas).cumprod(0)[t].view(5, 1, 1, 1)
    noisy = kept.sqrt() * batch.latents + (1 - kept).sqrt() * noise
    expected = (model.unet(noisy, t, batch.text).sample - noise).square().mean()
    assert float(loss.detach()) == pytest.approx(float(expected.detach()), rel=1e-5)
    assert model.losses == [float(loss.detach())]


def test_a_dropped_caption_becomes_the_empty_text(make, batch, tools):
    def loss(model, text):
        torch.manual_seed(4)
        return float(model.training_step(LatentBatch(batch.latents, text), 0).detach())

    parts, always, never = load_tools(tools), make(caption_dropout=1.0), make(caption_dropout=0.0)
    empty = encode_texts(parts["text_encoder"], parts["tokenizer"], [""])
    assert torch.equal(always.empty, empty)
    nothing = empty.expand(5, -1, -1)
    assert loss(always, batch.text) == pytest.approx(loss(never, nothing), rel=1e-5)
    assert loss(never, batch.text) != pytest.approx(loss(never, nothing), rel=1e-5)


@pytest.mark.parametrize(
    ("step", "share"), [(0, 0.01), (49, 0.5), (99, 1), (750, 1), (875, 0.55), (1000, 0.1), (2000, 0.1)]
)
def test_the_learning_rate_rises_stays_and_falls(step, share):
    assert learning_rate(step, warmup=100, steps=1000) == pytest.approx(share)
