"""Every family of pipelines: the same record and seed give the same image, whatever the batch, order and rank."""

import shutil
from functools import cache

import diffusers
import pytest
import torch
from rounding import assert_same_up_to_rounding

from lit_mia.errors import TargetError
from lit_mia.models.samplers import UNSCALED
from lit_mia.queries.generate import GenerateQuery, fill
from lit_mia.queries.store import Store
from lit_mia.targets.diffusion import DiffusersTarget

pytestmark = pytest.mark.slow

SIZED = {"height": 16, "width": 16}
FAMILIES = {
    "sd": {},
    "ldm": {},
    "ldm_vq": {},
    "sdxl": {},
    "sd3": {"call": {"max_sequence_length": 24}},
    "flux": {**SIZED, "call": {"max_sequence_length": 24}},
    "pixart": {},
}
"""Family to the settings with which it draws 16 x 16 images."""
NOISY = {
    "sd": "EulerAncestralDiscreteScheduler",
    "ldm": "DDPMScheduler",
    "sdxl": "LCMScheduler",
    "pixart": "ddpm",
}
"""Family to a sampler that draws noise in every step."""
TEXTS = ["cat", "sun sun", "9: 0", "x"] * 16
QUERIES = [GenerateQuery(f"r{i}", text, 2**40 + i) for i, text in enumerate(TEXTS)]


def make(folder, family, **options):
    return DiffusersTarget(str(folder), **{"steps": 2, "device": "cpu", **FAMILIES[family], **options})


@pytest.fixture(scope="module")
def target_of(family_folder):
    """The target of a family with its own sampler, loaded once."""
    return cache(lambda family: make(family_folder(family), family))


def draw(target, batch_size, count):
    """The images of the first `count` queries."""
    target.batch_size = batch_size
    return target.generate([q.prompt for q in QUERIES[:count]], [q.seed for q in QUERIES[:count]])


def assert_no_trace_of_the_batch(target):
    """Batches of 1, 7 and 64; returns the images of the largest."""
    together = draw(target, 64, 64)
    assert together.shape == (64, 3, 16, 16)
    assert (together[0] != together[4]).any()  # the same text, another seed
    assert_same_up_to_rounding(draw(target, 7, 14), together[:14])
    assert_same_up_to_rounding(draw(target, 1, 4), together[:4])
    return together


@pytest.mark.parametrize("family", FAMILIES)
def test_an_image_depends_on_its_record_alone(target_of, family, tmp_path):
    target = target_of(family)
    together = assert_no_trace_of_the_batch(target)
    target.batch_size = 16
    for rank in range(2):
        fill(Store(tmp_path, target.fingerprint()), target, QUERIES[:32], rank, world_size=2)
    stored = Store(tmp_path, target.fingerprint()).read([q.key for q in QUERIES[:32]])
    assert_same_up_to_rounding(stored, together[:32])


@pytest.mark.parametrize("family", NOISY)
def test_noise_of_the_sampler_is_the_records_own(family_folder, family):
    assert_no_trace_of_the_batch(make(family_folder(family), family, scheduler=NOISY[family]))


@pytest.mark.parametrize("family", ["sd3", "flux"])
def test_noise_of_stochastic_flow_matching_is_the_records_own(family_folder, family, tmp_path):
    folder = shutil.copytree(family_folder(family), tmp_path / "copy")
    config = folder / "scheduler" / "scheduler_config.json"
    config.write_text(config.read_text().replace('"stochastic_sampling": false', '"stochastic_sampling": true'))
    target = make(folder, family)
    assert target._pipeline.scheduler.config.stochastic_sampling
    assert_no_trace_of_the_batch(target)


@pytest.mark.parametrize("family", sorted(FAMILIES.keys() - {"ldm_vq"}))  # whose codes hide small changes
def test_captions_and_guidance_reach_the_denoiser(family_folder, target_of, family):
    unguided = make(family_folder(family), family, guidance=1.0)
    drawn = [target.generate(["cat", "0:0:0:0:0"], [3, 3]) for target in (target_of(family), unguided)]
    assert (drawn[0][0] != drawn[0][1]).any()
    assert (drawn[0] != drawn[1]).any()
    assert evaluations(unguided) == 2 * unguided.nfe_per_image


@pytest.mark.parametrize("family", FAMILIES)
def test_nfe_is_what_the_denoiser_evaluates(target_of, family):
    assert evaluations(target_of(family)) == 2 * target_of(family).nfe_per_image


def test_ldm_evaluates_twice_unless_guidance_is_one(family_folder):
    target = make(family_folder("ldm"), "ldm", guidance=0.5)
    assert evaluations(target) == 2 * target.nfe_per_image == 8


def test_true_guidance_of_a_distilled_pipeline_counts_twice(family_folder):
    call = {"max_sequence_length": 24, "true_cfg_scale": 3.0}
    assert make(family_folder("flux"), "flux", call=call).nfe_per_image == 2  # nothing to steer away from
    target = make(family_folder("flux"), "flux", call=call, negative_prompt="x")
    assert target.nfe_per_image == 4
    assert evaluations(target) == 8


def evaluations(target):
    """How many images the denoiser sees while the target draws two."""
    parts, seen = target._pipeline.components, []
    denoiser = parts.get("unet") or parts.get("transformer")
    hook = denoiser.register_forward_pre_hook(
        lambda _, args, named: seen.append(len(args[0] if args else named["hidden_states"])), with_kwargs=True
    )
    target.generate(["cat", "x"], [0, 1])
    hook.remove()
    return sum(seen)


def test_ldm_takes_no_sampler_that_scales_its_noise(family_folder):
    with pytest.raises(TargetError, match=r"'euler' cannot replace .* LDMTextToImagePipeline.*PNDM") as e:
        make(family_folder("ldm"), "ldm", scheduler="EulerDiscreteScheduler").generate(["cat"], [0])
    assert "Heun" not in str(e.value)
    assert {float(getattr(diffusers, name)().init_noise_sigma) for name in UNSCALED} == {1.0}


def test_what_a_pipeline_does_not_take_is_refused(family_folder):
    with pytest.raises(TargetError, match="LDMTextToImagePipeline does not take negative_prompt"):
        make(family_folder("ldm"), "ldm", negative_prompt="x").generate(["cat"], [0])
    with pytest.raises(TargetError, match=r"refuses these settings: .*divisible by 8"):
        make(family_folder("ldm"), "ldm", height=15).generate(["cat"], [0])


@pytest.mark.parametrize(("family", "limit"), [("ldm", 77), ("pixart", 300), ("flux", 24), ("sd3", 24)])
def test_each_pipeline_is_known_to_read_so_many_tokens(target_of, family, limit):
    limits = target_of(family)._token_limits
    assert max(limits.values()) == limit
    assert all(n == 16 for name, n in limits.items() if n != limit)


def test_captions_and_sizes_are_sent_as_they_are(target_of):
    sent = target_of("pixart")._call_arguments
    assert {"clean_caption": False, "use_resolution_binning": False}.items() <= sent.items()


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_families_run_in_half_precision(family_folder, dtype):
    target = make(family_folder("pixart"), "pixart", dtype=dtype)
    assert {p.dtype for p in target._pipeline.transformer.parameters()} == {getattr(torch, dtype)}
    assert target.generate(["cat"], [0]).shape == (1, 3, 16, 16)
