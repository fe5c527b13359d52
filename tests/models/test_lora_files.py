"""LoRA files of several origins: what they add to the weights, and that nothing in them is passed over."""

from copy import deepcopy

import pytest
import torch
from safetensors.torch import save_file

from lit_mia.errors import TargetError
from lit_mia.targets.diffusion import DiffusersTarget

UNET = "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q"
OTHER = "mid_block.attentions.0.transformer_blocks.0.attn2.to_k"
TEXT = "encoder.layers.0.self_attn.q_proj"


def random(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape)))


DOWN, UP = random(2, 8), random(8, 2)
PRODUCT = UP @ DOWN


def flat(name):
    return name.replace(".", "_")


def pipeline_of(folder, tmp_path=None, weights=None, **options):
    if weights is not None:
        save_file({name: value.clone().contiguous() for name, value in weights.items()}, tmp_path / "x.safetensors")
        options["lora"] = str(tmp_path / "x.safetensors")
    return DiffusersTarget(str(folder), steps=2, device="cpu", **options)._pipeline


def added(pipeline, plain, part, layer):
    return pipeline.components[part].get_submodule(layer).weight - plain.components[part].get_submodule(layer).weight


@pytest.fixture(scope="module")
def plain(tiny_pipeline_folder):
    return pipeline_of(tiny_pipeline_folder)


PEFT = {f"unet.{UNET}.lora_A.weight": DOWN, f"unet.{UNET}.lora_B.weight": UP}
KOHYA = {
    f"lora_unet_{flat(UNET)}.lora_down.weight": DOWN,
    f"lora_unet_{flat(UNET)}.lora_up.weight": UP,
    f"lora_unet_{flat(UNET)}.alpha": torch.tensor(1.0),
}
TEXT_PEFT = {f"text_encoder.text_model.{TEXT}.lora_A.weight": DOWN, f"text_encoder.text_model.{TEXT}.lora_B.weight": UP}
TEXT_LAYERS = [f"self_attn.{name}_proj" for name in ("q", "k", "v", "out")] + ["mlp.fc1"]
TEXT_KOHYA = {
    f"lora_te_text_model_encoder_layers_0_{flat(layer)}.{name}": value
    for layer in TEXT_LAYERS
    for name, value in {
        "lora_down.weight": DOWN,
        "lora_up.weight": torch.cat([UP, UP]) if "fc1" in layer else UP,
        "alpha": torch.tensor(1.0),
    }.items()
}
TEXT_HALVES = {("text_encoder", f"encoder.layers.0.{layer}"): 0.5 for layer in TEXT_LAYERS}
KINDS = {
    "diffusers": (PEFT, {("unet", UNET): 1.0}),
    "older diffusers": (
        {f"unet.{UNET}.lora.down.weight": DOWN, f"unet.{UNET}.lora.up.weight": UP},
        {("unet", UNET): 1.0},
    ),
    "half precision": ({name: value.half() for name, value in PEFT.items()}, {("unet", UNET): 1.0}),
    "kohya": (KOHYA, {("unet", UNET): 0.5}),
    "text encoder": (TEXT_PEFT, {("text_encoder", TEXT): 1.0}),
    "text encoder, kohya": (TEXT_KOHYA, TEXT_HALVES),
    "both": (PEFT | TEXT_PEFT, {("unet", UNET): 1.0, ("text_encoder", TEXT): 1.0}),
    "both, kohya": (KOHYA | TEXT_KOHYA, {("unet", UNET): 0.5, **TEXT_HALVES}),
}


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_file_adds_its_product(tiny_pipeline_folder, plain, tmp_path, kind):
    weights, layers = KINDS[kind]
    pipeline = pipeline_of(tiny_pipeline_folder, tmp_path, weights, lora_scale=2.0)
    for (part, layer), factor in layers.items():
        change = added(pipeline, plain, part, layer)
        expected = 2 * factor * PRODUCT.repeat(len(change) // len(PRODUCT), 1)
        torch.testing.assert_close(change, expected, atol=1e-2 if "half" in kind else 1e-5, rtol=1e-2)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (
            PEFT | {name.replace("unet.", "unet.nowhere."): value for name, value in PEFT.items()},
            r"2 of its 4 tensors belong to no layer and would stay unused, e\.g\. \['unet\.nowhere.*remove them",
        ),
        (PEFT | {f"text_encoder_2.{TEXT}.lora_A.weight": DOWN + 1}, r"1 of its 3 tensors .*text_encoder_2"),
        (PEFT | {f"unet.{UNET}.dora_scale": random(8, 1)}, r"1 of its 3 tensors .*dora_scale"),
        ({f"base_model.model.{name}": value for name, value in PEFT.items()}, "none of them belongs"),
        ({f"lora_te_mlp.{name.partition('.')[2]}": value for name, value in KOHYA.items()}, "do not fit"),
        ({name: value.new_ones(3, 3) for name, value in PEFT.items()}, "size mismatch"),
        (PEFT | {f"unet.{UNET}.lora_A.weight": DOWN * float("nan")}, "1 of its 2 tensors hold values that are no num"),
        (
            PEFT | {f"unet.{UNET}.lora_A.weight": (DOWN * float("nan")).to(torch.float8_e4m3fn)},
            "1 of its 2 tensors hold values that are no num",
        ),
    ],
)
def test_what_would_stay_unused_is_refused(tiny_pipeline_folder, tmp_path, weights, message):
    with pytest.raises(TargetError, match=message):
        pipeline_of(tiny_pipeline_folder, tmp_path, weights)


def kohya_flux(down, up, layer="attn_qkv"):
    name = f"lora_unet_double_blocks_0_img_{layer}"
    return {f"{name}.lora_down.weight": down, f"{name}.lora_up.weight": up, f"{name}.alpha": torch.tensor(1.0)}


def test_tensors_that_diffusers_splits_and_scales_count_as_used(family_folder, tmp_path):
    folder = family_folder("flux")
    plain = pipeline_of(folder, guidance=None)
    block = "transformer_blocks.0.attn"
    width = plain.transformer.get_submodule(f"{block}.to_k").weight.shape[0]
    down, up = random(2, width), random(3 * width, 2)
    pipeline = pipeline_of(folder, tmp_path, kohya_flux(down, up), guidance=None)
    torch.testing.assert_close(
        added(pipeline, plain, "transformer", f"{block}.to_k"), 0.5 * up[width : 2 * width] @ down
    )
    lost = {name.replace("blocks_0", "blocks_7"): value for name, value in kohya_flux(down, up).items()}
    with pytest.raises(TargetError, match=r"tensors belong to no layer.*transformer_blocks\.7"):
        pipeline_of(folder, tmp_path, kohya_flux(down, up) | lost, guidance=None)
    dropped = {name.replace("unet_double", "te2"): value for name, value in kohya_flux(down, up).items()}
    with pytest.raises(TargetError, match=r"2 of its 6 tensors belong to no layer.*lora_te2"):
        pipeline_of(folder, tmp_path, kohya_flux(down, up) | dropped, guidance=None)


def peft_layer(kind, layer, **options):
    """A layer of peft with random LoHa or LoKr factors: its change, and the factors as LyCORIS names them."""
    from peft import LoHaConfig, LoKrConfig, inject_adapter_in_model

    base = torch.nn.Sequential(layer)
    config = {"loha": LoHaConfig, "lokr": LoKrConfig}[kind]
    inject_adapter_in_model(config(r=2, alpha=3, target_modules=["0"], init_weights=False, **options), base)
    with torch.no_grad():
        change = base[0].get_delta_weight("default").clone()
    names = {name.removesuffix(".default"): value.detach() for name, value in base[0].named_parameters()}
    return change, {name: value for name, value in names.items() if name.startswith(("hada", "lokr"))}


CONV = "down_blocks.0.resnets.0.conv1"


@pytest.mark.parametrize(
    ("kind", "layer", "options"),
    [
        ("loha", UNET, {}),
        ("loha", CONV, {}),
        ("lokr", UNET, {}),
        ("lokr", UNET, {"decompose_both": True}),
        ("lokr", CONV, {}),
    ],
)
def test_loha_and_lokr_change_weights_as_peft_does(tiny_pipeline_folder, plain, tmp_path, kind, layer, options):
    base = plain.unet.get_submodule(layer)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        change, factors = peft_layer(kind, deepcopy(base), **options)
    place = f"lora_unet_{flat(layer)}"
    weights = {f"{place}.{name}": value for name, value in factors.items()} | {f"{place}.alpha": torch.tensor(3.0)}
    if factors.keys() == {"lokr_w1", "lokr_w2"}:
        change = change / (3 / 2)  # without a rank there is no scale in LyCORIS
    pipeline = pipeline_of(tiny_pipeline_folder, tmp_path, weights, lora_scale=0.5)
    torch.testing.assert_close(added(pipeline, plain, "unet", layer), 0.5 * change.reshape(base.weight.shape))


LOHA = {f"lora_unet_{flat(OTHER)}.hada_{w}_{s}": v for w in ("w1", "w2") for s, v in (("a", UP), ("b", DOWN))}


def test_loha_follows_its_formula(tiny_pipeline_folder, plain, tmp_path):
    alpha = {f"lora_unet_{flat(OTHER)}.alpha": torch.tensor(1.0)}
    text = {name.replace(f"unet_{flat(OTHER)}", f"te_text_model_{flat(TEXT)}"): v for name, v in LOHA.items()}
    pipeline = pipeline_of(tiny_pipeline_folder, tmp_path, LOHA | alpha | text)
    torch.testing.assert_close(added(pipeline, plain, "unet", OTHER), 0.5 * PRODUCT * PRODUCT)
    torch.testing.assert_close(added(pipeline, plain, "text_encoder", TEXT), PRODUCT * PRODUCT)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({f"lora_unet_{flat(OTHER)}.hada_t1": random(2, 2)}, r"has the factors \['hada_t1', 'hada_w1_a'"),
        (KOHYA, r"has the factors \['lora_down\.weight'"),
        ({f"lora_unet_nowhere.{n.partition('.')[2]}": v for n, v in LOHA.items()}, r"1 of its 2 changes are of no lay"),
        ({f"lora_unet_{flat(CONV)}.{n.partition('.')[2]}": v for n, v in LOHA.items()}, r"changes 64 numbers, but the"),
    ],
)
def test_other_forms_of_loha_are_refused_by_name(tiny_pipeline_folder, tmp_path, more, message):
    with pytest.raises(TargetError, match=message):
        pipeline_of(tiny_pipeline_folder, tmp_path, LOHA | more)
