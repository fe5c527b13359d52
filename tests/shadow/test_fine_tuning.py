"""Real pipelines of every layout at tiny size, fine-tuned for a few steps."""

import json

import pytest
import torch
from lightning.pytorch.callbacks import Callback

from lit_mia.callbacks import KeepTarget
from lit_mia.errors import TargetError, TrainingError
from lit_mia.models import Autoencoder
from lit_mia.shadow.fine_tuning import PipelineFineTuning
from lit_mia.targets.denoiser import DenoiserTarget
from lit_mia.targets.diffusion import DiffusersTarget
from lit_mia.training_batch import TrainingBatch

FAMILIES = ("sd", "sdxl", "sd3")
CAPTIONS = ["a red cat", "moon", "", "old house"]
IMAGES = torch.randint(0, 256, (4, 3, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
RAW = TrainingBatch(IMAGES, CAPTIONS, {})
SEEDS = [1, 2, 3, 4]


def make(folder, **options):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return PipelineFineTuning(str(folder), **{"lr": 2e-2} | options)


def fit(model, steps):
    """Some steps on four records, as the Trainer does them."""
    batch = model.encoded(RAW)
    optimizer = torch.optim.AdamW(model.trained, lr=float(model.hparams["lr"]))
    torch.manual_seed(1)
    for _ in range(steps):
        optimizer.zero_grad()
        model.loss(batch).backward()
        optimizer.step()
    return model


def shifted(model):
    """Moves every trained weight, so that the adapter is far from nothing."""
    with torch.no_grad():
        for number, weight in enumerate(model.trained):
            weight += 0.3 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(number))
    return model


def load(folder):
    from diffusers import DiffusionPipeline

    pipeline = DiffusionPipeline.from_pretrained(folder, torch_dtype=torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def drawn(pipeline):
    pipeline.set_progress_bar_config(disable=True)
    generators = [torch.Generator().manual_seed(seed) for seed in (1, 2)]
    images = pipeline(["cat", "sun"], generator=generators, num_inference_steps=2, output_type="np").images
    return torch.from_numpy(images).permute(0, 3, 1, 2) * 255


def asked(folder, **options):
    target = DiffusersTarget(str(folder), steps=2, guidance=None, device="cpu", **options)
    return target.generate(["cat", "sun"], [1, 2]).float()


def assert_alike(first, second, levels=0.51):
    assert (first - second).abs().max() <= levels  # of 255


@pytest.mark.parametrize(("family", "rank"), [("sd", 4), ("sdxl", None), ("sd3", 4)])
def test_the_losses_of_four_records_fall(family_folder, family, rank):
    model = make(family_folder(family), rank=rank, lr=0.1 if rank else 0.02)
    before = model.probe_losses(RAW, SEEDS)
    torch.testing.assert_close(model.probe_losses(RAW, SEEDS), before, rtol=0, atol=0)
    assert before.shape == (4, len(model.probes))
    after = fit(model, 10).probe_losses(RAW, SEEDS)
    assert after.mean() < 0.97 * before.mean()
    assert all(p.grad is None for p in model.network.parameters() if not p.requires_grad)


@torch.no_grad()
@pytest.mark.parametrize("family", FAMILIES)
def test_an_adapter_begins_as_nothing_and_switched_off_is_nothing(family_folder, family):
    model = make(family_folder(family), rank=4)
    x, t = torch.randn(4, 4, 8, 8), torch.tensor([5, 100, 500, 900])
    batch = model.encoded(RAW)
    told = {name: part for name, part in batch.parts.items() if name != "latents"}
    base = type(model.layout)(load(family_folder(family))).predict(x, t, told)
    torch.testing.assert_close(model.predict(x, t, told), base, rtol=0, atol=1e-6)
    shifted(model)
    assert (model.predict(x, t, told) - base).abs().max() > 1e-3
    model.network.disable_adapters()
    torch.testing.assert_close(model.predict(x, t, told), base, rtol=0, atol=1e-6)


@pytest.mark.parametrize("family", FAMILIES)
def test_an_adapter_is_a_target_and_loads_in_plain_diffusers(family_folder, family, tmp_path):
    base = family_folder(family)
    model = shifted(make(base, rank=2, lora_alpha=6))
    model.export(tmp_path)
    fingerprint = DiffusersTarget(str(base), lora=str(tmp_path)).fingerprint()
    (tmp_path / "membership.json").write_text(json.dumps({"members": ["a"]}), encoding="utf-8")
    assert DiffusersTarget(str(base), lora=str(tmp_path)).fingerprint() == fingerprint
    plain = load(base)
    plain.load_lora_weights(tmp_path)
    expected = drawn(plain)
    assert_alike(drawn(model.pipeline), expected)
    assert_alike(asked(base, lora=str(tmp_path)), expected)
    assert (asked(base) - expected).abs().max() > 5


@pytest.mark.parametrize("family", ["sdxl", "sd3"])
def test_a_whole_network_is_a_pipeline_in_half_precision(family_folder, family, tmp_path):
    model = shifted(make(family_folder(family), rank=None))
    model.export(tmp_path)
    saved = load(tmp_path)
    expected = drawn(model.pipeline)
    assert_alike(drawn(saved), expected, levels=3)
    assert_alike(asked(tmp_path), expected, levels=3)
    assert (asked(family_folder(family)) - expected).abs().max() > 5
    assert all(p.dtype == torch.float32 for p in model.trained)
    assert saved.config.keys() == model.pipeline.config.keys()


def test_a_whole_network_answers_as_a_denoiser(tiny_pipeline_folder, tmp_path):
    model = shifted(make(tiny_pipeline_folder, rank=None))
    model.export(tmp_path)
    target = DenoiserTarget(str(tmp_path), device="cpu")
    x, t = torch.randn(2, 4, 8, 8), torch.tensor([5, 500])
    with torch.no_grad():
        told = model.layout.read(["cat", "sun"], torch.device("cpu"))
        expected = model.predict(x, t, told)
    answer = target.predict_noise(x, t, target.condition(["cat", "sun"]))
    torch.testing.assert_close(answer, expected, rtol=0, atol=2e-2)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_loss_is_that_of_the_scripts_of_diffusers(family_folder, family):
    from diffusers import DDPMScheduler

    model = make(family_folder(family), rank=2, caption_dropout=0.0)
    if family == "sd":  # a model of velocity, as Stable Diffusion 2
        model.pipeline.scheduler.register_to_config(prediction_type="v_prediction")
        model.noising = type(model.noising)(model.pipeline.scheduler)
    batch = model.encoded(RAW)
    latents, scheduler = batch.parts["latents"], model.pipeline.scheduler
    if family != "sd3":
        scheduler = DDPMScheduler.from_config(scheduler.config)
    told = {name: part for name, part in batch.parts.items() if name != "latents"}
    torch.manual_seed(3)
    loss = model.loss(batch)
    torch.manual_seed(3)
    noise = torch.randn_like(latents)
    if family == "sd3":
        t = scheduler.timesteps[(torch.randn(4).sigmoid() * 1000).long()]
        sigmas = scheduler.sigmas[[(scheduler.timesteps == step).nonzero().item() for step in t]].view(4, 1, 1, 1)
        noisy, target = sigmas * noise + (1.0 - sigmas) * latents, noise - latents
    else:
        t = (torch.rand(4) * 1000).long()
        noisy = scheduler.add_noise(latents, noise, t)
        target = scheduler.get_velocity(latents, noise, t) if family == "sd" else noise
    expected = (model.layout.predict(noisy, t, told) - target).square().mean()
    torch.testing.assert_close(loss, expected)


def test_latents_are_shifted_and_scaled(family_folder):
    model = make(family_folder("sd3"), rank=2)
    vae = model.pipeline.vae
    assert vae.config.shift_factor == 0.06
    mean = vae.encode(IMAGES / 127.5 - 1).latent_dist.mean
    latents = model.encode(IMAGES, CAPTIONS)["latents"]
    torch.testing.assert_close(latents, (mean - 0.06) * vae.config.scaling_factor)
    torch.testing.assert_close(latents, Autoencoder(vae).encode(IMAGES / 127.5 - 1, None))


def test_a_caption_that_is_left_out_is_none(tiny_pipeline_folder):
    always, never = (make(tiny_pipeline_folder, rank=2, caption_dropout=share) for share in (1.0, 0.0))
    nothing = always.encoded(RAW._replace(captions=[""] * 4))
    told = {"text": never.encoded(RAW).parts["text"]}
    torch.testing.assert_close(always._dropped(told)["text"], nothing.parts["text"])
    torch.testing.assert_close(never._dropped(told), told)


def test_the_average_is_what_is_kept(tiny_pipeline_folder, tmp_path):
    model = make(tiny_pipeline_folder, rank=2, ema_decay=0.9)
    before, own = model.probe_losses(RAW, SEEDS), [p.detach().clone() for p in model.trained]
    shifted(model)
    torch.testing.assert_close(model.probe_losses(RAW, SEEDS), before, rtol=0, atol=0)  # the average has not moved
    assert not any(torch.equal(a, b) for a, b in zip(own, model.trained, strict=True))
    model.export(tmp_path)
    plain = load(tiny_pipeline_folder)
    plain.load_lora_weights(tmp_path)
    assert_alike(drawn(plain), drawn(load(tiny_pipeline_folder)))


def test_frozen_weights_may_be_in_half_precision(family_folder):
    model = make(family_folder("sdxl"), rank=2, frozen_dtype="bfloat16", gradient_checkpointing=True)
    parts = model.encoded(RAW).parts
    assert {name: part.dtype for name, part in parts.items()} == {
        "latents": torch.float32,
        "text": torch.bfloat16,
        "pooled": torch.bfloat16,
    }
    model.network.train()
    model.loss(RAW).backward()
    assert {p.dtype for p in model.network.parameters()} == {torch.float32, torch.bfloat16}
    assert all(p.dtype == torch.float32 and p.grad.isfinite().all() for p in model.trained)


def test_a_training_that_is_cut_off_goes_on_to_the_same_losses(tiny_pipeline_folder, members, fit, tmp_path):
    options = {"rank": 2, "ema_decay": 0.9}

    class CutOff(Callback):
        def on_train_batch_end(self, trainer, pl_module, *_):
            if trainer.global_step == 2:
                trainer.save_checkpoint(tmp_path / "cut" / "last.ckpt")
                raise ConnectionAbortedError

    whole, model = make(tiny_pipeline_folder, **options), make(tiny_pipeline_folder, **options)
    fit(whole, members(), 4, tmp_path / "whole")
    with pytest.raises(ConnectionAbortedError):
        fit(make(tiny_pipeline_folder, **options), members(), 4, tmp_path / "cut", callbacks=[CutOff(), KeepTarget()])
    for weight in model.trained:  # whatever they were
        torch.nn.init.ones_(weight)
    fit(model, members(), 4, tmp_path / "cut", resume=True)
    assert model.losses == whole.losses
    for own, other in zip(model.parameters(), whole.parameters(), strict=True):
        assert torch.equal(own, other)
    kept = torch.load(tmp_path / "cut" / "last.ckpt", weights_only=True)["state_dict"]
    assert len(kept) == len(model.trained) + len(model.average)
    facts = json.loads((tmp_path / "cut/target/membership.json").read_text(encoding="utf-8"))
    assert len(facts["recipe"]["base"]) == 64
    assert all("lora" in name or name.startswith("average.") for name in kept)
    asked(tiny_pipeline_folder, lora=str(tmp_path / "cut/target"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rank": 0}, "`rank` must be between 1 and 65536, but got 0"),
        ({"rank": None, "lora_alpha": 4}, "are of LoRA: give a `rank` too"),
        ({"lr": 0.0}, "`lr` must be above 0"),
        ({"warmup": -1}, "`warmup` must be at least 0"),
        ({"ema_decay": 1.0}, "`ema_decay` must be in"),
        ({"caption_dropout": 1.5}, "`caption_dropout` must be in"),
        ({"size": 15}, "`size` must be a multiple of 2 for this pipeline, but got 15"),
        ({"target_modules": ["to_q", "to_x"]}, "`target_modules` names to_x, but no layer of this UNet2DCond"),
        ({"target_modules": ["conv_norm_out"]}, "LoRA cannot be added to this UNet2DConditionModel: .*"),
    ],
)
def test_settings_out_of_range_are_refused(tiny_pipeline_folder, options, message):
    with pytest.raises(TrainingError, match=message):
        make(tiny_pipeline_folder, **options)


def test_other_pipelines_are_refused_before_they_are_loaded(family_folder, monkeypatch):
    monkeypatch.setattr("lit_mia.models.PipelineFiles.load", None)
    with pytest.raises(TrainingError, match="A PixArtSigmaPipeline cannot be fine-tuned here"):
        make(family_folder("pixart"))


def test_without_peft_the_error_names_it(tiny_pipeline_folder, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(TargetError, match=r"pip install 'lit-mia\[lora\]'"):
        make(tiny_pipeline_folder)
