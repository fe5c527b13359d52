import json
import shutil
import subprocess
import sys

import pytest
import torch
from rounding import assert_same_up_to_rounding

from lit_mia.errors import TargetError
from lit_mia.targets.diffusion import DiffusersTarget

PROMPTS = ["a red cat", "two dogs", "moon", "a very long text, with a comma", "sun", "x", "rain"]
SEEDS = [11, 2**63 - 1, 0, 5, 6, 7, 8]


def make(folder, **options):
    return DiffusersTarget(str(folder), **{"steps": 4, "device": "cpu"} | options)


@pytest.fixture(scope="module")
def images(tiny_pipeline_folder):
    return make(tiny_pipeline_folder, batch_size=7).generate(PROMPTS, SEEDS)


def test_images_are_uint8_and_differ_by_seed_and_prompt(tiny_target, images):
    assert images.shape == (7, 3, 16, 16)
    assert images.dtype == torch.uint8
    drawn = tiny_target.generate(["moon", "moon", "sun"], [1, 2, 1])
    assert (drawn[0] != drawn[1]).any()
    assert (drawn[0] != drawn[2]).any()


@pytest.mark.parametrize("batch_size", [1, 2, 3])
def test_batch_size_does_not_change_an_image(tiny_pipeline_folder, images, batch_size):
    drawn = make(tiny_pipeline_folder, batch_size=batch_size).generate(PROMPTS, SEEDS)
    assert_same_up_to_rounding(drawn, images)


def test_order_does_not_change_an_image(tiny_pipeline_folder, images):
    order = [4, 0, 6, 2, 1, 5, 3]
    drawn = make(tiny_pipeline_folder, batch_size=4).generate([PROMPTS[i] for i in order], [SEEDS[i] for i in order])
    assert_same_up_to_rounding(drawn, images[order])


@pytest.mark.parametrize("scheduler", ["ddpm", "euler_a"])
def test_samplers_that_draw_noise_keep_to_the_seed(tiny_pipeline_folder, scheduler):
    one = make(tiny_pipeline_folder, scheduler=scheduler, batch_size=1).generate(PROMPTS[:3], SEEDS[:3])
    all_at_once = make(tiny_pipeline_folder, scheduler=scheduler).generate(PROMPTS[:3], SEEDS[:3])
    assert_same_up_to_rounding(one, all_at_once)


@pytest.mark.parametrize("guidance", [1.0, 5.0])
@pytest.mark.parametrize("scheduler", ["pipeline", "ddim", "ddpm", "dpmsolver", "euler", "euler_a"])
def test_nfe_is_what_the_denoiser_evaluates(tiny_pipeline_folder, scheduler, guidance):
    target = make(tiny_pipeline_folder, scheduler=scheduler, guidance=guidance)
    evaluations = []
    target._pipeline.unet.register_forward_pre_hook(lambda _, inputs: evaluations.append(len(inputs[0])))
    target.generate(PROMPTS[:2], SEEDS[:2])
    assert sum(evaluations) == 2 * target.nfe_per_image


@pytest.mark.parametrize("scheduler", ["HeunDiscreteScheduler", "KDPM2DiscreteScheduler"])
def test_nfe_of_samplers_that_evaluate_more_often(tiny_pipeline_folder, scheduler):
    test_nfe_is_what_the_denoiser_evaluates(tiny_pipeline_folder, scheduler, 5.0)


def test_nfe_of_the_sampler_that_stable_diffusion_was_saved_with(copied_folder):
    from diffusers import PNDMScheduler

    PNDMScheduler(skip_prk_steps=True).save_pretrained(copied_folder / "scheduler")
    index = copied_folder / "model_index.json"
    index.write_text(index.read_text().replace("DDIMScheduler", "PNDMScheduler"))
    test_nfe_is_what_the_denoiser_evaluates(copied_folder, "pipeline", 5.0)


@pytest.mark.parametrize("scheduler", ["FlowMatchEulerDiscreteScheduler", "DPMSolverSDEScheduler", "no_such", "torch"])
def test_an_unknown_or_unfit_sampler_is_refused_with_those_that_fit(tiny_pipeline_folder, scheduler):
    with pytest.raises(TargetError, match=rf"'{scheduler}' cannot replace the DDIM.*: pipeline`.*UniPCMultistepS") as e:
        make(tiny_pipeline_folder, scheduler=scheduler).generate(["moon"], [0])
    assert "DPMSolverSDE" not in str(e.value).partition("one of")[2]


def test_two_names_of_one_sampler_are_one_fingerprint(tiny_pipeline_folder):
    named = make(tiny_pipeline_folder, scheduler="DPMSolverMultistepScheduler").fingerprint()
    assert named == make(tiny_pipeline_folder, scheduler="dpmsolver").fingerprint()


def test_size_and_negative_prompt_reach_the_pipeline(tiny_pipeline_folder, images):
    larger = make(tiny_pipeline_folder, height=32, width=16).generate(["moon"], [0])
    assert larger.shape == (1, 3, 32, 16)
    steered = make(tiny_pipeline_folder, negative_prompt="cat").generate(["moon"], [0])
    assert (steered[0] != images[2]).any()


def test_float16_weights_run_in_float32(copied_folder):
    from diffusers import StableDiffusionPipeline

    StableDiffusionPipeline.from_pretrained(copied_folder).to(torch.float16).save_pretrained(copied_folder)
    target = make(copied_folder)
    assert {p.dtype for p in target._pipeline.unet.parameters()} == {torch.float32}
    assert {p.dtype for p in target._pipeline.text_encoder.parameters()} == {torch.float32}


def test_captions_that_are_cut_are_counted_and_reported_once(tiny_pipeline_folder, caplog):
    target = make(tiny_pipeline_folder, steps=1)
    target.generate(["x" * 14, "moon"], [0, 1])  # with start and end 16 tokens
    assert target.truncated == 0
    target.generate(["x" * 15, "moon"], [0, 1])
    target.generate(["x" * 99, "y" * 99], [0, 1])
    assert target.truncated == 3
    assert [r.message for r in caplog.records if "cuts long captions (tokenizer: 16 tokens)" in r.message]
    assert len(caplog.records) == 1


def test_an_empty_caption_is_a_caption(tiny_target):
    assert tiny_target.generate(["", "moon"], [0, 0]).shape == (2, 3, 16, 16)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"call": {"max_sequence_length": 8}}, "StableDiffusionPipeline does not take max_sequence_length"),
        ({"height": 15}, "answers a size of 15 x None with 16 x 16 pixels"),
        ({"offload": "model"}, "`offload: model` needs an accelerator"),
        ({"safety_checker": "pipeline"}, "holds no safety checker"),
    ],
)
def test_settings_that_the_pipeline_cannot_follow_are_refused(tiny_pipeline_folder, options, message):
    with pytest.raises(TargetError, match=message):
        make(tiny_pipeline_folder, **options).generate(["moon"], [0])


def test_without_guidance_the_pipelines_own_is_used(tiny_pipeline_folder):
    own = make(tiny_pipeline_folder, guidance=None).generate(["moon"], [0])
    assert (own == make(tiny_pipeline_folder, guidance=7.5).generate(["moon"], [0])).all()


def test_slicing_changes_no_image_and_compiling_reaches_the_denoiser(tiny_pipeline_folder, images):
    sliced = make(tiny_pipeline_folder, attention_slicing=True)
    assert_same_up_to_rounding(sliced.generate(PROMPTS, SEEDS), images)
    assert "Sliced" in {type(p).__name__[:6] for p in sliced._pipeline.unet.attn_processors.values()}
    assert make(tiny_pipeline_folder, compile=True)._pipeline.unet._compiled_call_impl is not None


def test_call_reaches_the_pipeline_and_the_fingerprint(tiny_pipeline_folder, images):
    target = make(tiny_pipeline_folder, call={"guidance_rescale": 0.9})
    assert (target.generate(PROMPTS, SEEDS) != images).any()
    assert target.fingerprint()["call"] == '{"guidance_rescale": 0.9}'


def test_fingerprint_is_the_content_not_the_place(tiny_pipeline_folder, copied_folder):
    (copied_folder / "README.md").write_text("notes")
    (copied_folder / "membership.json").write_text("[]")
    here = make(tiny_pipeline_folder, batch_size=2, name="a").fingerprint()
    there = make(copied_folder, batch_size=8, name="b", device="auto").fingerprint()
    assert here == there
    assert here["pipeline"] == "StableDiffusionPipeline"
    assert json.loads(json.dumps(here)) == here


def test_fingerprint_sees_weights_and_options(tiny_pipeline_folder, copied_folder):
    plain = make(tiny_pipeline_folder).fingerprint()
    changed = {"steps": 5, "guidance": 2.0, "scheduler": "ddim", "height": 32, "dtype": "float16", "variant": "fp16"}
    for name, value in changed.items():
        assert make(tiny_pipeline_folder, **{name: value}).fingerprint() == plain | {name: value}
    weights = copied_folder / "unet" / "diffusion_pytorch_model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    assert make(copied_folder).fingerprint()["weights"] != plain["weights"]


def test_a_hub_id_is_known_by_its_commit(copied_folder, tmp_path, monkeypatch):
    from huggingface_hub import constants

    cache = tmp_path / "models--someone--tiny"
    commit = "0123456789abcdef0123456789abcdef01234567"
    shutil.copytree(copied_folder, cache / "snapshots" / commit)
    (cache / "refs").mkdir()
    (cache / "refs" / "main").write_text(commit)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    assert DiffusersTarget("someone/tiny").fingerprint()["weights"] == f"someone/tiny@{commit}"


def test_an_unreachable_hub_id_is_reported():
    target = DiffusersTarget("nobody/nothing")
    with pytest.raises(TargetError, match=r"'nobody/nothing' is no local folder.*HF_HUB_OFFLINE"):
        target.fingerprint()


@pytest.mark.parametrize("path", ["/no/such/folder", "./missing", "plain"])
def test_a_missing_folder_is_reported(path):
    with pytest.raises(TargetError, match="There is no folder"):
        DiffusersTarget(path)


def test_a_folder_without_a_pipeline_is_reported(tmp_path):
    with pytest.raises(TargetError, match=r"holds no model_index\.json"):
        DiffusersTarget(str(tmp_path))


def test_a_pipeline_without_prompt_is_refused(tmp_path):
    from diffusers import DDPMPipeline, DDPMScheduler, UNet2DModel

    unet = UNet2DModel(
        sample_size=8,
        block_out_channels=(4,),
        norm_num_groups=2,
        down_block_types=("DownBlock2D",),
        up_block_types=("UpBlock2D",),
    )
    DDPMPipeline(unet, DDPMScheduler()).save_pretrained(tmp_path)
    with pytest.raises(TargetError, match=r"DDPMPipeline .* is not text-to-image: it takes no prompt"):
        DiffusersTarget(str(tmp_path)).generate(["moon"], [0])


@pytest.mark.parametrize(("library", "file"), [("my_unet", None), ("my_unet", "my_unet"), ("diffusers", "diffusers")])
def test_code_that_comes_with_a_pipeline_is_refused(copied_folder, library, file):
    index = json.loads((copied_folder / "model_index.json").read_text())
    (copied_folder / "model_index.json").write_text(json.dumps(index | {"unet": [library, "UNet2DConditionModel"]}))
    if file:
        (copied_folder / "unet" / f"{file}.py").write_text("raise SystemExit")
    with pytest.raises(TargetError, match="code of its own, which is never run"):
        make(copied_folder).generate(["moon"], [0])


def test_code_that_no_part_asks_for_may_lie_beside_them(copied_folder):
    plain = make(copied_folder).fingerprint()
    (copied_folder / "scripts").mkdir()
    for place in ("scripts", "unet"):
        (copied_folder / place / "train.py").write_text("raise SystemExit")
    assert make(copied_folder).fingerprint() == plain
    assert len(make(copied_folder).generate(["moon"], [0])) == 1


def test_weights_that_are_no_safetensors_are_refused_with_the_way_out(copied_folder):
    for weights in copied_folder.glob("*/*.safetensors"):
        weights.rename(weights.with_suffix(".bin"))
        with pytest.raises(TargetError, match=r"\.bin files, which can hold code.*safetensors to a new folder"):
            make(copied_folder).generate(["moon"], [0])
    with pytest.raises(TargetError, match=r"\.bin files"):
        make(copied_folder).fingerprint()


def test_a_variant_that_is_alone_is_named(copied_folder):
    base = make(copied_folder).generate(["moon"], [0])
    weights = copied_folder / "unet" / "diffusion_pytorch_model.safetensors"
    weights.rename(weights.with_suffix(".fp16.safetensors"))
    with pytest.raises(TargetError, match=r"unet.*variant fp16 only.*Set `variant: fp16`"):
        make(copied_folder).generate(["moon"], [0])
    assert (make(copied_folder, variant="fp16").generate(["moon"], [0]) == base).all()


def test_all_wrong_arguments_are_named_at_once(tiny_pipeline_folder):
    with pytest.raises(TargetError, match=r"`steps` must .* got 0; `dtype` .* got 'int8'; `guidance` .* got -1"):
        make(tiny_pipeline_folder, steps=0, guidance=-1, dtype="int8")


def test_importing_and_fingerprinting_load_no_model_library(tiny_pipeline_folder):
    code = (
        "import sys; from lit_mia.queries import generate; from lit_mia.targets.diffusion import DiffusersTarget; "
        f"DiffusersTarget({str(tiny_pipeline_folder)!r}).fingerprint(); "
        "sys.exit(bool({'diffusers', 'transformers'} & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
