import sys

import pytest
import torch
from safetensors.torch import save_file

from lit_mia.errors import TargetError
from lit_mia.targets.diffusion import DiffusersTarget

PROMPTS, SEEDS = ["cat", "sun"], [1, 2]
LAYERS = ("to_q", "to_v")


@pytest.fixture(scope="module")
def lora(tiny_pipeline_folder, tmp_path_factory):
    """Random LoRA weights for the attention of the tiny pipeline, as diffusers' training scripts save them."""
    from diffusers import StableDiffusionPipeline
    from peft import LoraConfig
    from peft.utils import get_peft_model_state_dict

    pipeline = StableDiffusionPipeline.from_pretrained(tiny_pipeline_folder, safety_checker=None)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        pipeline.unet.add_adapter(LoraConfig(r=2, lora_alpha=2, init_lora_weights=False, target_modules=list(LAYERS)))
        for name, weight in pipeline.unet.named_parameters():
            if "lora" in name:
                torch.nn.init.normal_(weight, std=2.0)
    folder = tmp_path_factory.mktemp("lora")
    pipeline.save_lora_weights(folder, unet_lora_layers=get_peft_model_state_dict(pipeline.unet))
    return folder / "pytorch_lora_weights.safetensors"


def make(folder, **options):
    return DiffusersTarget(str(folder), **{"steps": 2, "device": "cpu"} | options)


@pytest.fixture(scope="module")
def base(tiny_pipeline_folder):
    return make(tiny_pipeline_folder).generate(PROMPTS, SEEDS)


def test_lora_weights_change_the_images_by_their_scale(tiny_pipeline_folder, base, lora):
    def draw(scale):
        return make(tiny_pipeline_folder, lora=str(lora), lora_scale=scale).generate(PROMPTS, SEEDS)

    assert (draw(0.0) == base).all()
    full = draw(1.0)
    assert (full != base).any()
    assert (draw(0.5) != full).any()


def test_fused_weights_are_base_plus_scale_times_product(tiny_pipeline_folder, lora):
    from safetensors.torch import load_file

    weights = load_file(lora)
    path = next(key for key in weights if "to_q" in key and "lora_A" in key).removesuffix(".lora_A.weight")
    down, up = (weights[f"{path}.lora_{side}.weight"] for side in "AB")
    layers = [
        make(tiny_pipeline_folder, **options)._pipeline.unet.get_submodule(path.removeprefix("unet.")).weight
        for options in ({}, {"lora": str(lora), "lora_scale": 0.5})
    ]
    torch.testing.assert_close(layers[1], layers[0] + 0.5 * up @ down)


def test_a_folder_is_as_good_as_its_file(tiny_pipeline_folder, lora):
    by_file, by_folder = (make(tiny_pipeline_folder, lora=str(path)).fingerprint() for path in (lora, lora.parent))
    assert by_file == by_folder


def test_fingerprint_sees_weights_and_scale(tiny_pipeline_folder, lora, tmp_path):
    plain = make(tiny_pipeline_folder).fingerprint()
    one = make(tiny_pipeline_folder, lora=str(lora)).fingerprint()
    assert one.items() - plain.items() == {("lora", one["lora"]), ("lora_scale", 1.0)}
    data = bytearray(lora.read_bytes())
    data[-1] ^= 1
    (tmp_path / "other.safetensors").write_bytes(data)
    assert make(tiny_pipeline_folder, lora=str(tmp_path / "other.safetensors")).fingerprint()["lora"] != one["lora"]


def test_without_peft_the_error_names_it(tiny_pipeline_folder, lora, monkeypatch):
    target = make(tiny_pipeline_folder, lora=str(lora))
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(TargetError, match=r"need the package `peft`.*lit-mia\[lora\]"):
        target.generate(PROMPTS, SEEDS)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"unet.nowhere.to_q.lora_A.weight": (2, 8), "unet.nowhere.to_q.lora_B.weight": (8, 2)}, "do not fit"),
        ({"something": (2, 2)}, "do not fit"),
    ],
)
def test_weights_for_another_base_are_refused(tiny_pipeline_folder, tmp_path, weights, message):
    save_file({name: torch.ones(shape) for name, shape in weights.items()}, tmp_path / "lora.safetensors")
    with pytest.raises(TargetError, match=message):
        make(tiny_pipeline_folder, lora=str(tmp_path)).generate(PROMPTS, SEEDS)


def test_a_pipeline_that_takes_no_lora_weights_is_refused(family_folder, lora):
    with pytest.raises(TargetError, match="LDMTextToImagePipeline takes no LoRA weights"):
        make(family_folder("ldm"), lora=str(lora)).generate(PROMPTS, SEEDS)


def test_missing_weights_are_reported(tiny_pipeline_folder, tmp_path):
    for path in ("/no/such/file.safetensors", "./none", "plain"):
        with pytest.raises(TargetError, match="There are no LoRA weights"):
            make(tiny_pipeline_folder, lora=path)
    with pytest.raises(TargetError, match=r"must hold one LoRA file, but holds 0\. Name"):
        make(tiny_pipeline_folder, lora=str(tmp_path))
    with pytest.raises(TargetError, match="'nobody/nothing' is no local LoRA file"):
        make(tiny_pipeline_folder, lora="nobody/nothing").fingerprint()
