"""A latent diffusion target trained for a few steps on six images."""

import pytest
import torch
from lightning.pytorch.callbacks import Callback

from lit_mia.callbacks import KeepTarget
from lit_mia.errors import TrainingError
from lit_mia.models import normal
from lit_mia.shadow.diffusion import PROBED, learning_rate
from lit_mia.shadow.latent_diffusion import LatentDiffusionTraining, frozen_parts
from lit_mia.targets.denoiser import DenoiserTarget
from lit_mia.targets.diffusion import DiffusersTarget
from lit_mia.training_batch import TrainingBatch

pytestmark = pytest.mark.filterwarnings("ignore:You are trying to `self.log")


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
def trained(make, members, fit, tmp_path_factory):
    """Model, watcher and folder after three steps."""
    model, watcher = make(), Watcher()
    root = tmp_path_factory.mktemp("three-steps")
    fit(model, members(), 3, root, callbacks=[watcher, KeepTarget()])
    return model, watcher, root


@pytest.fixture
def batch():
    """Five latents and text states."""
    generator = torch.Generator().manual_seed(1)
    parts = {
        "latents": torch.randn(5, 4, 8, 8, generator=generator),
        "text": torch.randn(5, 8, 8, generator=generator),
    }
    return TrainingBatch(torch.empty(0), [""] * 5, parts)


def test_records_are_encoded_as_the_target_would(make, encoded, captioned, trained):
    model = make()
    parts = encoded(model).parts
    assert model.image_size == 16
    assert parts["latents"].shape == (8, 4, 8, 8)
    assert parts["latents"].std() == pytest.approx(1, abs=0.02)
    target = DenoiserTarget(str(trained[2] / "target"), device="cpu")
    torch.testing.assert_close(parts["latents"], target.encode(captioned.images, [0] * 8), rtol=1e-3, atol=2e-3)
    told = target.condition(captioned.captions).parts["text"]
    torch.testing.assert_close(parts["text"], told, rtol=1e-2, atol=1e-2)


def test_the_export_is_a_target(trained):
    target = DiffusersTarget(str(trained[2] / "target"), steps=2, guidance=2.0, device="cpu")
    images = target.generate(["red cat", "blue dog"], [1, 2])
    assert images.shape == (2, 3, 16, 16)
    assert images.float().std() > 0


def test_the_export_holds_the_averaged_weights(trained):
    from diffusers import UNet2DConditionModel

    model, _, root = trained
    saved = UNet2DConditionModel.from_pretrained(root / "target/unet")
    for own, other in zip(model.ema.parameters(), saved.parameters(), strict=True):
        torch.testing.assert_close(own, other.float(), rtol=1e-3, atol=1e-4)
    assert next(model.ema.parameters()).dtype == torch.float32


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


def test_a_checkpoint_holds_nothing_that_stays_as_it_is(trained):
    checkpoint = torch.load(trained[2] / "last.ckpt", weights_only=True)
    assert {name.partition(".")[0] for name in checkpoint["state_dict"]} == {"unet", "ema", "empty"}


def test_the_loss_is_that_of_the_paper(make, batch):
    model = make(caption_dropout=0.0)
    torch.manual_seed(3)
    loss = model.loss(batch)
    torch.manual_seed(3)
    latents = batch.parts["latents"]
    noise, t = torch.randn(5, 4, 8, 8), torch.randint(0, 1000, (5,))
    expected = squared_error(model.unet, latents, noise, t, batch.parts["text"]).mean()
    assert float(loss.detach()) == pytest.approx(float(expected), rel=1e-5)


def test_records_are_probed_at_fixed_timesteps_with_noise_of_their_own(make, batch):
    model, seeds = make(), [11, 12, 13, 14, 15]
    state = torch.get_rng_state()
    losses = model.probe_losses(batch, seeds)
    assert torch.equal(torch.get_rng_state(), state)
    assert losses.shape == (5, len(model.probes)) == (5, len(PROBED))
    noise = normal((4, 8, 8), [seed + 1 for seed in seeds])
    time = torch.full((5,), PROBED[1])
    expected = squared_error(model.ema, batch.parts["latents"], noise, time, batch.parts["text"])
    torch.testing.assert_close(losses[:, 1], expected.mean(dim=(1, 2, 3)), rtol=1e-4, atol=1e-6)
    alone = TrainingBatch(torch.empty(0), [""], {name: part[2:3] for name, part in batch.parts.items()})
    torch.testing.assert_close(model.probe_losses(alone, seeds[2:3]), losses[2:3], rtol=1e-4, atol=1e-6)


def squared_error(unet, latents, noise, t, text):
    """By hand: Stable Diffusion's betas."""
    kept = (1 - torch.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2).cumprod(0)[t].view(-1, 1, 1, 1)
    with torch.no_grad():
        return (unet(kept.sqrt() * latents + (1 - kept).sqrt() * noise, t, text).sample - noise).square()


def test_a_dropped_caption_becomes_the_empty_text(make, batch, tools):
    def loss(model, text):
        torch.manual_seed(4)
        return float(model.loss(batch._replace(parts={**batch.parts, "text": text})).detach())

    always, never = make(caption_dropout=1.0), make(caption_dropout=0.0)
    parts = frozen_parts(str(tools))
    tokens = parts["tokenizer"]([""], padding="max_length", return_tensors="pt")["input_ids"]
    assert torch.equal(always.empty, parts["text_encoder"](tokens).last_hidden_state)
    nothing, text = always.empty.expand(5, -1, -1), batch.parts["text"]
    assert loss(always, text) == pytest.approx(loss(never, nothing), rel=1e-5)
    assert loss(never, text) != pytest.approx(loss(never, nothing), rel=1e-5)


def test_a_side_that_the_networks_cannot_divide_is_refused(make):
    with pytest.raises(TrainingError, match=r"`size` must be a multiple of 4, .* but got 18"):
        make(size=18)


@pytest.mark.parametrize(
    ("step", "share"), [(0, 0.01), (49, 0.5), (99, 1), (750, 1), (875, 0.55), (1000, 0.1), (2000, 0.1)]
)
def test_the_learning_rate_rises_stays_and_falls(step, share):
    assert learning_rate(step, warmup=100, steps=1000) == pytest.approx(share)
