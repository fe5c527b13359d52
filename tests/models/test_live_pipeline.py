"""Pipelines in memory: what tells one from another, whether it has changed, and which cannot be looked at."""

import sys
from types import ModuleType

import pytest
import torch

from lit_mia.errors import TargetError
from lit_mia.models import LivePipeline, pipeline_at
from lit_mia.models.live import PIPELINES


@pytest.fixture
def load(copied_folder):
    """Loads the tiny pipeline from another folder than the test's own, each time anew."""
    from diffusers import DiffusionPipeline

    return lambda: DiffusionPipeline.from_pretrained(copied_folder, safety_checker=None)


@pytest.fixture
def pipeline(tiny_pipeline_folder):
    from diffusers import DiffusionPipeline

    return DiffusionPipeline.from_pretrained(tiny_pipeline_folder, safety_checker=None)


def digest(pipeline):
    return LivePipeline(pipeline).digest


def lora(pipeline, **scale):
    from peft import LoraConfig

    torch.manual_seed(0)
    config = LoraConfig(r=2, target_modules=["to_q"], init_lora_weights=False, **scale)
    pipeline.unet.add_adapter(config)


def test_equal_pipelines_have_one_digest_wherever_they_are_from_and_also_after_use(pipeline, load, tmp_path):
    first = digest(pipeline)
    assert digest(load()) == first
    pipeline("a cat", num_inference_steps=1, guidance_scale=1.0)
    pipeline.save_pretrained(tmp_path / "saved")
    pipeline.set_progress_bar_config(disable=True)
    pipeline.unet.train().to(memory_format=torch.channels_last)
    pipeline.unet = torch.compile(pipeline.unet)
    assert digest(pipeline) == first


def with_scheduler(pipeline):
    from diffusers import DDPMScheduler

    pipeline.scheduler = DDPMScheduler.from_config(pipeline.scheduler.config)


def with_word(pipeline):
    pipeline.tokenizer.add_tokens("<dog>")


def with_processor(pipeline):
    from diffusers.models.attention_processor import AttnProcessor

    pipeline.unet.set_attn_processor(AttnProcessor())


CHANGES = {
    "weight": lambda pipeline: pipeline.unet.conv_in.weight.data.view(-1)[:1].mul_(1.001),
    "order of weights": lambda pipeline: pipeline.unet.conv_in.weight.data.copy_(pipeline.unet.conv_in.weight.flip(0)),
    "type": lambda pipeline: pipeline.vae.to(torch.bfloat16),
    "layer": lambda pipeline: setattr(pipeline.unet.mid_block.resnets[0], "nonlinearity", torch.nn.GELU()),
    "buffer": lambda pipeline: pipeline.unet.register_buffer("more", torch.zeros(1), persistent=False),
    "FreeU": lambda pipeline: pipeline.enable_freeu(s1=0.9, s2=0.2, b1=1.5, b2=1.6),
    "tiling": lambda pipeline: pipeline.vae.enable_tiling(),
    "processor": with_processor,
    "sampler": with_scheduler,
    "setting of the sampler": lambda pipeline: pipeline.scheduler.register_to_config(steps_offset=0),
    "table of the sampler": lambda pipeline: pipeline.scheduler.alphas_cumprod.mul_(0.99),
    "setting of the pipeline": lambda pipeline: setattr(pipeline, "vae_scale_factor", 4),
    "word": with_word,
    "longest text": lambda pipeline: setattr(pipeline.tokenizer, "model_max_length", 8),
    "padding word": lambda pipeline: setattr(pipeline.tokenizer, "pad_token", "a</w>"),
    "side of padding": lambda pipeline: setattr(pipeline.tokenizer, "padding_side", "left"),
    "side that is cut": lambda pipeline: setattr(pipeline.tokenizer, "truncation_side", "left"),
    "hook": lambda pipeline: pipeline.unet.register_forward_hook(lambda module, inputs, output: output),
}


@pytest.mark.parametrize("what", CHANGES)
def test_what_changes_answers_changes_the_digest_and_is_noticed(pipeline, what):
    before = LivePipeline(pipeline)
    assert before.fingerprint()["weights"] == before.digest
    CHANGES[what](pipeline)
    assert digest(pipeline) != before.digest
    for ask in (before.fingerprint, lambda: before.load("DiffusionPipeline", "float32", None)):
        with pytest.raises(TargetError, match="has changed since it was given to `from_pipeline`"):
            ask()


def test_adapters_their_scales_and_whether_they_are_on_are_told(pipeline, load):
    digests = [digest(pipeline)]
    for change in (
        lambda: lora(pipeline),
        lambda: pipeline.set_adapters("default", 0.5),
        lambda: pipeline.disable_lora(),
    ):
        change()
        digests.append(digest(pipeline))
    assert len({*digests}) == 4
    again = load()
    lora(again)
    assert digest(again) == digests[1]


def test_a_training_is_noticed(pipeline):
    live, optimizer = LivePipeline(pipeline), torch.optim.AdamW(pipeline.unet.parameters(), lr=1e-6)
    sum(weight.square().sum() for weight in pipeline.unet.parameters()).backward()
    optimizer.step()
    with pytest.raises(TargetError, match="Make a new target of it"):
        live.fingerprint()


def test_what_is_loaded_has_the_same_weights_in_the_same_memory_and_all_else_to_itself(pipeline):
    live, weight = LivePipeline(pipeline), pipeline.unet.conv_in.weight
    pipeline.unet.train()
    loaded = live.load("DiffusionPipeline", "float32", None)
    assert loaded.unet.conv_in.weight.data_ptr() == weight.data_ptr()
    assert not loaded.unet.training
    loaded.unet.requires_grad_(False).to(torch.float64)
    loaded.scheduler.register_to_config(steps_offset=7)
    assert pipeline.unet.training
    assert weight.requires_grad
    assert weight.dtype == torch.float32
    live.fingerprint()


def test_code_of_ones_own_is_told_by_its_file_and_never_taken_for_other_code(pipeline, tmp_path, monkeypatch):
    code = "import torch\n\nclass Own(torch.nn.SiLU):\n    pass\n"
    own = ModuleType("own_layers")
    own.__file__ = str(tmp_path / "own_layers.py")
    monkeypatch.setitem(sys.modules, "own_layers", own)
    exec(code, vars(own))
    pipeline.unet.conv_act = own.Own()
    digests = []
    for text in (code, code, code.replace("pass", "slope = 2")):
        (tmp_path / "own_layers.py").write_text(text)
        digests.append(digest(pipeline))
    assert digests[0] == digests[1] != digests[2]
    del own.__file__
    live = LivePipeline(pipeline)
    assert live.digest != digest(pipeline)
    assert live.fingerprint()["weights"] == live.digest


def on_meta(pipeline):
    pipeline.unet.to("meta")


def offloaded(pipeline):
    from accelerate.hooks import ModelHook, add_hook_to_module

    add_hook_to_module(pipeline.unet, ModelHook())


def cached(pipeline):
    pipeline.unet.enable_layerwise_casting(storage_dtype=torch.bfloat16)


def quantised(pipeline):
    class Quantised(torch.nn.Parameter):
        pass

    pipeline.unet.conv_in.weight = Quantised(pipeline.unet.conv_in.weight.data)


def replaced(pipeline):
    pipeline.unet.forward = lambda *args, **kwargs: None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (on_meta, "lacks the values of .* weights, e.g. .* on the device `meta`"),
        (offloaded, r"moves or changes its unet .*`pipeline\.remove_all_hooks\(\)`"),
        (cached, "moves or changes its unet while it is called"),
        (quantised, "weights of the type Quantised"),
        (replaced, "the method `forward` was replaced"),
    ],
)
def test_pipelines_that_cannot_be_told_from_others_are_refused(pipeline, change, said):
    change(pipeline)
    with pytest.raises(TargetError, match=said):
        LivePipeline(pipeline)


def test_a_pipeline_whose_hooks_were_taken_off_again_is_as_before(pipeline):
    before = digest(pipeline)
    offloaded(pipeline)
    pipeline.remove_all_hooks()
    assert digest(pipeline) == before
    loaded = LivePipeline(pipeline).load("DiffusionPipeline", "float32", None)
    assert getattr(loaded.unet.forward, "__self__", loaded.unet) is loaded.unet


@pytest.mark.parametrize("thing", [None, "folder", {"unet": 1}, torch.nn.Linear(1, 1)])
def test_what_is_no_pipeline_is_refused(thing):
    with pytest.raises(TargetError, match=f"takes a loaded pipeline of diffusers, but got a {type(thing).__name__}"):
        LivePipeline(thing)


def test_settings_of_files_are_refused(pipeline):
    live = LivePipeline(pipeline)
    name = PIPELINES.keep(live.digest, live)
    assert name == live.location
    assert pipeline_at(name, lora_scale=1.0, device="auto") is live
    with pytest.raises(TargetError, match="runs as it is and where it is, without variant, device"):
        pipeline_at(name, variant="fp16", device="cpu")
