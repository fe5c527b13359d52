"""The noise prediction of real pipelines of tiny size, against direct calls of their networks."""

import json
import math
import shutil

import pytest
import torch

from lit_mia.errors import TargetError
from lit_mia.models.denoising_networks import network_of
from lit_mia.targets.base import AccessLevel
from lit_mia.targets.denoiser import DenoiserTarget

CAPTIONS = ["a red cat", None, "moon"]
T = torch.tensor([3, 500, 990])


def make(folder, **options):
    return DenoiserTarget(str(folder), device="cpu", **options)


def load(folder):
    from diffusers import DiffusionPipeline

    return DiffusionPipeline.from_pretrained(folder)


def noise(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def pixel_unet():
    from diffusers import UNet2DModel

    unet = UNet2DModel(
        sample_size=8,
        block_out_channels=(4, 8),
        layers_per_block=1,
        norm_num_groups=2,
        attention_head_dim=2,
        down_block_types=("DownBlock2D", "AttnDownBlock2D"),
        up_block_types=("AttnUpBlock2D", "UpBlock2D"),
    )
    torch.nn.init.normal_(unet.conv_out.weight, std=0.3)
    return unet


@pytest.fixture(scope="module")
def folders(tmp_path_factory, tiny_pipeline_folder):
    from diffusers import DDIMPipeline, DDIMScheduler, DDPMPipeline, DDPMScheduler, DiTPipeline, LDMPipeline, VQModel
    from diffusers import DiTTransformer2DModel as DiT

    root = tmp_path_factory.mktemp("denoisers")
    vae = load(tiny_pipeline_folder).vae
    plain = DDIMScheduler(clip_sample=False)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        dit = DiT(2, 4, out_channels=8, num_layers=1, sample_size=8, num_embeds_ada_norm=10)
        DDPMPipeline(pixel_unet(), DDPMScheduler()).save_pretrained(root / "ddpm")
        DDIMPipeline(pixel_unet(), plain).save_pretrained(root / "ddim")
        LDMPipeline(VQModel(num_vq_embeddings=16), pixel_unet(), plain).save_pretrained(root / "ldm")
        DiTPipeline(dit, vae, plain).save_pretrained(root / "dit")
    rewrite(root / "dit" / "model_index.json", id2label={"0": "tench", "3": "cat, house cat"})
    return {"sd": tiny_pipeline_folder} | {kind: root / kind for kind in ("ddpm", "ddim", "ldm", "dit")}


def rewrite(file, **changes):
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


@pytest.fixture
def with_scheduler(folders, tmp_path):
    """Copies a pipeline with changes of its scheduler's configuration."""

    def copy(kind, **changes):
        folder = shutil.copytree(folders[kind], tmp_path / kind)
        rewrite(folder / "scheduler" / "scheduler_config.json", **changes)
        return folder

    return copy


@pytest.mark.parametrize(("kind", "latent"), [("ddpm", False), ("ddim", False), ("ldm", True)])
def test_an_unconditional_network_is_asked_directly(folders, kind, latent):
    target, x = make(folders[kind]), noise(3, 3, 8, 8)
    predicted = target.predict_noise(x, T, target.condition(CAPTIONS))
    torch.testing.assert_close(predicted, load(folders[kind]).unet(x, T).sample.detach(), rtol=0, atol=1e-5)
    assert predicted.std() > 0.1
    assert (target.is_latent, target.needs_captions, target.image_size) == (latent, False, 8)
    with pytest.raises(TargetError, match=r"does not read any\. Leave CLiD out"):
        target.reduced_condition(["moon"], 0.5)


def test_stable_diffusion_is_told_what_its_pipeline_tells_it(folders):
    target, pipeline, x = make(folders["sd"]), load(folders["sd"]), noise(3, 4, 8, 8)
    texts, empty = pipeline.encode_prompt(["a red cat", "", "moon"], "cpu", 1, True)
    told = target.predict_noise(x, T, target.condition(CAPTIONS))
    silent = target.predict_noise(x, T, target.condition([None] * 3))
    torch.testing.assert_close(told, pipeline.unet(x, T, texts).sample.detach(), rtol=0, atol=1e-5)
    torch.testing.assert_close(silent, pipeline.unet(x, T, empty).sample.detach(), rtol=0, atol=1e-5)
    differs = (told - silent).abs().amax((1, 2, 3)) > 1e-4
    assert differs.tolist() == [True, False, True]
    assert target.needs_captions
    assert not make(folders["sd"], prompt="none").needs_captions


def test_a_dit_is_told_classes_by_name_or_number_and_predicts_no_variance(folders):
    target, transformer, x = make(folders["dit"]), load(folders["dit"]).transformer, noise(4, 4, 8, 8)
    condition = target.condition(["house cat", "3", "7", None])
    assert condition.parts["label"].tolist() == [3, 3, 7, 10]
    t = T[[0, 0, 1, 2]]
    output = transformer(x, timestep=t, class_labels=torch.tensor([3, 3, 7, 10])).sample.detach()
    assert output.shape[1] == 8
    torch.testing.assert_close(target.predict_noise(x, t, condition), output[:, :4], rtol=0, atol=1e-5)
    for caption in ("dog", "10", "²"):
        with pytest.raises(TargetError, match=rf"'{caption}' is no class of this model.* below 10"):
            target.condition([caption])


@pytest.mark.parametrize("kind", ["v_prediction", "sample"])
def test_other_parametrisations_become_the_noise_that_the_scheduler_sees(with_scheduler, kind):
    target, x = make(with_scheduler("ddim", prediction_type=kind)), noise(3, 3, 8, 8)
    pipeline = target._pipeline
    pipeline.scheduler.set_timesteps(1000)
    predicted = target.predict_noise(x, T, target.condition(CAPTIONS))
    output = pipeline.unet(x, T).sample
    for i, t in enumerate(T.tolist()):
        clean = pipeline.scheduler.step(output[i : i + 1], t, x[i : i + 1]).pred_original_sample
        again = target.schedule.noised(clean, predicted[i : i + 1], t)
        torch.testing.assert_close(again, x[i : i + 1], rtol=1e-4, atol=1e-4)


def test_the_exact_velocity_or_image_gives_the_exact_noise(with_scheduler):
    x0, e = noise(3, 3, 8, 8, seed=1).double(), noise(3, 3, 8, 8, seed=2).double()
    target = make(with_scheduler("ddim", prediction_type="v_prediction"))
    scheduler = target._pipeline.scheduler
    x = scheduler.add_noise(x0, e, T)
    for kind, output in (("v_prediction", scheduler.get_velocity(x0, e, T)), ("sample", x0)):
        scheduler.register_to_config(prediction_type=kind)
        torch.testing.assert_close(target._to_noise(x, T, output), e, rtol=0, atol=1e-5)


def test_an_unknown_parametrisation_is_refused(with_scheduler):
    target = make(with_scheduler("ddim", prediction_type="score"))
    with pytest.raises(TargetError, match="predicts 'score'; known are epsilon, v_prediction and sample"):
        target.predict_noise(noise(3, 3, 8, 8), T, target.condition(CAPTIONS))


@pytest.mark.parametrize(("kind", "captions"), [("sd", CAPTIONS), ("dit", ["3", None, "tench"])])
def test_guidance_leads_away_from_the_empty_caption_and_costs_twice(folders, kind, captions):
    plain, guided, x = make(folders[kind]), make(folders[kind], guidance=3.0), noise(3, 4, 8, 8)
    full = plain.predict_noise(x, T, plain.condition(captions))
    assert plain.nfe == 3
    empty = plain.predict_noise(x, T, plain.condition([None] * 3))
    torch.testing.assert_close(
        guided.predict_noise(x, T, guided.condition(captions)), empty + 3 * (full - empty), rtol=0, atol=1e-5
    )
    assert (full - empty).abs().max() > 1e-3
    assert guided.nfe == 6
    assert (plain.evaluations_per_call, guided.evaluations_per_call) == (1, 2)


def test_guidance_does_nothing_without_captions(folders):
    target = make(folders["ddpm"], guidance=3.0)
    target.predict_noise(noise(3, 3, 8, 8), T, target.condition(CAPTIONS))
    assert (target.nfe, target.evaluations_per_call) == (3, 1)


@pytest.mark.parametrize("kind", ["ddpm", "sd", "dit"])
def test_the_memory_layout_changes_no_answer(folders, kind):
    plain, last = make(folders[kind]), make(folders[kind], channels_last=True)
    x = noise(3, 3 if kind == "ddpm" else 4, 8, 8)
    condition = plain.condition(["3", None, "7"])
    torch.testing.assert_close(
        last.predict_noise(x, T, condition), plain.predict_noise(x, T, condition), rtol=0, atol=1e-5
    )


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
@pytest.mark.parametrize("kind", ["ddpm", "sd", "dit"])
def test_half_precision_is_autocast_bit_by_bit(folders, kind, precision):
    plain, half = make(folders[kind]), make(folders[kind], precision=precision)
    x, condition = noise(3, 3 if kind == "ddpm" else 4, 8, 8), plain.condition(["3", None, "7"])
    network = plain._network
    with torch.inference_mode(), torch.autocast("cpu", dtype=getattr(torch, precision)):
        expected = network.predict(x, T, condition).float()
    assert torch.equal(half.predict_noise(x, T, condition), expected)
    assert not torch.equal(expected, plain.predict_noise(x, T, condition))


def test_a_compiled_network_is_only_asked_in_whole_batches(folders, monkeypatch):
    sizes = []

    def record(forward, **_):
        return lambda x, *rest, **options: (sizes.append(len(x)), forward(x, *rest, **options))[1]

    monkeypatch.setattr(torch, "compile", record)
    for guidance in (1.0, 2.0):
        plain, fast = (make(folders["sd"], guidance=guidance, batch_size=4, compile=c) for c in (False, True))
        x, condition = noise(3, 4, 8, 8), plain.condition(CAPTIONS)
        torch.testing.assert_close(fast.predict_noise(x, T, condition), plain.predict_noise(x, T, condition))
        assert fast.nfe == plain.nfe
    assert sizes == [4, 8]


def test_what_cannot_be_compiled_is_said_in_a_sentence(folders, monkeypatch):
    from torch._inductor.exc import InductorError, InvalidCxxCompiler

    def broken(*_, **__):
        raise InductorError(InvalidCxxCompiler(), None)

    monkeypatch.setattr(torch, "compile", lambda forward, **_: broken)
    target = make(folders["sd"], compile=True)
    with pytest.raises(TargetError, match=r"UNet2DConditionModel cannot be compiled here .* leave `compile` out"):
        target.predict_noise(noise(3, 4, 8, 8), T, target.condition(CAPTIONS))


def test_taken_words_are_the_most_important_ones(folders):
    target, captions = make(folders["sd"]), ["a b c d e f g", "xyz", "m"]
    seen = []
    target._pipeline.text_encoder.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    (whole, _), end = target._network._tokens(captions), 1
    for share in (0.3, 0.5, 0.7):
        target.reduced_condition(captions, share)
        reduced = seen[-1]
        for line, of_line in zip(whole, reduced, strict=True):
            places = [place for place, token in enumerate(line.tolist()) if token not in (0, end)]
            taken = {place for place in range(16) if line[place] != of_line[place]}
            assert taken == set(most_important(target, line, places)[: math.ceil(share * len(places))])
            assert {int(of_line[place]) for place in taken} == {end}


def most_important(target, line, places):
    """Places by how far the state at the caption's end turns without them."""
    variants = line.repeat(len(places), 1)
    for row, place in enumerate(places):
        variants[row, place] = 1
    at_end = places[-1] + 1
    encoder = target._pipeline.text_encoder
    similarity = torch.cosine_similarity(encoder(variants)[0][:, at_end], encoder(line[None])[0][:, at_end])
    return [places[row] for row in similarity.argsort().tolist()]


def test_without_any_word_a_caption_is_the_empty_one(folders):
    target = make(folders["sd"])
    empty = target.condition([None, None]).parts["text"]
    torch.testing.assert_close(target.reduced_condition(["a red cat", ""], 1.0).parts["text"], empty)
    torch.testing.assert_close(target.reduced_condition(["x", "y"], 0.3).parts["text"], empty)  # rounded up to all


def test_networks_of_another_kind_are_refused(folders, tmp_path):
    from diffusers import PixArtTransformer2DModel, UNet2DConditionModel

    config = json.loads((folders["sd"] / "unet" / "config.json").read_text())
    sizes = {"addition_time_embed_dim": 4, "projection_class_embeddings_input_dim": 32}
    like_sdxl = load(folders["sd"])
    like_sdxl.unet = UNet2DConditionModel.from_config(config, addition_embed_type="text_time", **sizes)
    like_sdxl.save_pretrained(tmp_path)
    with pytest.raises(
        TargetError, match=r"UNet2DConditionModel of this .* wants added conditions \(`addition_embed_t"
    ):
        make(tmp_path).condition(["moon"])
    other = load(folders["dit"])
    other.transformer = PixArtTransformer2DModel(2, 4, num_layers=1, sample_size=8, caption_channels=8)
    with pytest.raises(TargetError, match=r"\(PixArtTransformer2DModel\) cannot be asked. .* DiTTransformer2DModel"):
        network_of(other)


def test_fingerprint_sees_what_changes_an_answer_and_nothing_else(folders):
    plain = make(folders["sd"]).fingerprint()
    here = DenoiserTarget(str(folders["sd"]), batch_size=2, name="a", device="auto", channels_last=True, compile=True)
    assert here.fingerprint() == plain
    changes = {"prompt": "none", "guidance": 2.0, "latent": "sample", "precision": "bfloat16", "vary_t": 300}
    for name, value in (changes | {"vary_k": 50}).items():
        assert make(folders["sd"], **{name: value}).fingerprint() == plain | {name: value}
    assert make(folders["dit"]).fingerprint()["weights"] != plain["weights"]


def test_it_offers_noise_and_variations_but_no_images_from_text(folders):
    target = make(folders["sd"])
    for level in (AccessLevel.DENOISE, AccessLevel.VARY):
        target.require(level)
    with pytest.raises(TargetError, match="does not offer the access level 'generate'; it offers: denoise, vary"):
        target.require(AccessLevel.GENERATE)


@pytest.mark.parametrize("options", [{"batch_size": 0}, {"vary_k": 0}, {"vary_t": 50}, {"guidance": -1.0}])
def test_arguments_out_of_range_are_refused(folders, options):
    with pytest.raises(TargetError, match="must"):
        make(folders["sd"], **options)
