"""A denoiser with LoRA weights, and its base: one pipeline in two states, against pipelines loaded for each alone."""

import functools
import sys

import pytest
import torch
from safetensors.torch import save_file

from lit_mia.errors import TargetError
from lit_mia.models import PipelineFiles, files
from lit_mia.targets.denoiser import DenoiserTarget
from lit_mia.targets.diffusion import DiffusersTarget
from lit_mia.targets.sameness import holds, refuse_as_placebo

CAPTIONS = ["a red cat", None, "moon"]
T = torch.tensor([3, 500, 990])
X = torch.randn(3, 4, 8, 8, generator=torch.Generator().manual_seed(0))
UNET, CONV = "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q", "down_blocks.0.resnets.0.conv1"
TEXT = "encoder.layers.0.self_attn.q_proj"


def random(*shape):
    return 2 * torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape)))


def lora(layer, down, up):
    return {f"{layer}.lora_A.weight": down, f"{layer}.lora_B.weight": up}


DOWN, UP = random(2, 8), random(8, 2)
ATTENTION = lora(f"unet.{UNET}", DOWN, UP)
TEXTUAL = lora(f"text_encoder.text_model.{TEXT}", DOWN, UP)
LOHA = {
    f"lora_unet_{UNET.replace('.', '_')}.hada_{w}_{side}": value
    for w in ("w1", "w2")
    for side, value in (("a", UP), ("b", DOWN))
}
LOKR = {
    f"lora_te_text_model_{TEXT.replace('.', '_')}.lokr_w1": random(2, 2),
    f"lora_te_text_model_{TEXT.replace('.', '_')}.lokr_w2": random(4, 4),
}
KINDS = {
    "convolution": lora(f"unet.{CONV}", random(2, 4, 3, 3), random(4, 2, 1, 1)),
    "half precision": {name: value.half() for name, value in ATTENTION.items()},
    "both": ATTENTION | TEXTUAL,
    "LoHa": LOHA,
    "LoKr": LOKR,
}


@pytest.fixture
def make(tiny_pipeline_folder, tmp_path):
    """Makes a target, with a file of these weights if there are any."""

    def made(weights=None, **options):
        if weights is not None:
            options["lora"] = str(tmp_path / "lora.safetensors")
            save_file({name: value.clone() for name, value in weights.items()}, options["lora"])
        return DenoiserTarget(str(tiny_pipeline_folder), **{"device": "cpu"} | options)

    return made


def asked(target, x=X):
    return target.predict_noise(x, T, target.condition(CAPTIONS))


def assert_equal(first, second, within=1e-6):
    torch.testing.assert_close(first, second, rtol=0, atol=within)


@pytest.fixture(scope="module")
def answer_of_base(tiny_pipeline_folder):
    return asked(DenoiserTarget(str(tiny_pipeline_folder), device="cpu"))


@pytest.mark.parametrize("kind", KINDS)
def test_on_it_is_the_fused_pipeline_and_off_the_loaded_base(
    make, tiny_pipeline_folder, tmp_path, answer_of_base, kind
):
    target = make(KINDS[kind], lora_scale=0.5)
    base = target.before_adapter()
    fused = DiffusersTarget(
        str(tiny_pipeline_folder), lora=str(tmp_path / "lora.safetensors"), lora_scale=0.5, device="cpu"
    )._pipeline
    with torch.no_grad():
        texts = fused.encode_prompt([caption or "" for caption in CAPTIONS], "cpu", 1, False)[0]
        expected = fused.unet(X, T, texts).sample
    assert (expected - answer_of_base).abs().amax((1, 2, 3)).min() > 1e-3
    for _ in range(2):
        assert_equal(asked(target), expected)
        assert_equal(asked(base), answer_of_base)


def test_every_answer_is_of_its_state(make):
    weights, options = KINDS["both"], {"guidance": 2.0, "vary_t": 300}
    target, alone, before = make(weights, **options), make(weights, **options), make(**options)
    base = target.before_adapter()
    images = torch.randint(0, 256, (3, 3, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    for ask in (
        asked,
        lambda model: model.vary(images, CAPTIONS, [1, 2, 3]),
        lambda model: model.reduced_condition(["a red cat", "moon"], 0.4).parts["text"],
        lambda model: model.encode(images, [1, 2, 3]),
    ):
        answers = [ask(model) for model in (base, target, base, target)]
        for answer, expected in zip(answers, [ask(before), ask(alone)] * 2, strict=True):
            assert_equal(answer, expected)
    assert (target.vary(images, CAPTIONS, [1, 2, 3]) != base.vary(images, CAPTIONS, [1, 2, 3])).any()


@pytest.mark.parametrize("options", [{"precision": "float64"}, {"precision": "bfloat16", "channels_last": True}])
def test_both_states_keep_precision_and_layout(make, options):
    weights, x = KINDS["convolution"] | TEXTUAL, X.double() if options["precision"] == "float64" else X
    target, alone, before = make(weights, **options), make(weights, **options), make(**options)
    base = target.before_adapter()
    for model, expected in [(target, asked(alone, x)), (base, asked(before, x))] * 2:
        assert_equal(asked(model, x), expected)
        layer = model._network.module.get_submodule(CONV).weight
        assert layer.dtype == getattr(torch, options["precision"])
        assert layer.is_contiguous(memory_format=torch.channels_last) == ("channels_last" in options)


@pytest.mark.slow
def test_a_compiled_network_is_in_the_state_that_is_asked(make, monkeypatch, answer_of_base):
    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend="aot_eager"))  # the same graph, soon
    target, expected = make(KINDS["both"], compile=True), asked(make(KINDS["both"]))
    for model, answer in [(target, expected), (target.before_adapter(), answer_of_base)] * 2:
        assert_equal(asked(model), answer, within=1e-5)
    assert (expected - answer_of_base).abs().max() > 1e-3


def test_both_are_of_one_loading_and_each_counts_its_own_evaluations(make, monkeypatch):
    loadings, load = [], PipelineFiles.load
    monkeypatch.setattr(PipelineFiles, "load", lambda self, *args: loadings.append(1) or load(self, *args))
    target = make(ATTENTION, guidance=3.0)
    base, again = target.before_adapter(), target.before_adapter()
    assert loadings == []
    for model in (base, target, target, base, base):
        asked(model)
    assert (base.nfe, target.nfe, again.nfe, len(loadings)) == (18, 12, 0, 1)
    assert base._network.module is target._network.module


def test_the_first_question_may_come_in_inference_mode(make):
    target = make(ATTENTION)
    base = target.before_adapter()
    with torch.inference_mode():
        first = asked(base), asked(target)
    assert_equal(asked(base), first[0])
    assert_equal(asked(target), first[1])
    assert not any(weight.is_inference() for weight in target._network.module.parameters())


def test_after_an_interruption_no_state_is_taken_for_another(make, monkeypatch, answer_of_base):
    target = make(KINDS["both"])
    base, expected = target.before_adapter(), asked(target)
    first, *_ = target._adapted._states
    monkeypatch.setitem(target._adapted.__dict__, "_states", [first, (None, {})])
    with pytest.raises(KeyError):
        asked(base)
    monkeypatch.undo()
    assert_equal(asked(base), answer_of_base)
    assert_equal(asked(target), expected)


def test_both_states_are_on_the_device(make):
    target = make(ATTENTION | TEXTUAL, device="meta")
    for model in (target.before_adapter(), target):
        parts = model._network.module, model._pipeline.text_encoder
        assert {weight.device.type for part in parts for weight in part.parameters()} == {"meta"}


def test_the_fingerprint_of_the_base_is_that_of_the_base_alone(make, tmp_path):
    plain = make().fingerprint()
    one = make(ATTENTION).fingerprint()
    assert one.items() - plain.items() == {("lora", one["lora"]), ("lora_scale", 1.0)}
    assert list(one)[: len(plain)] == list(plain)
    target = make(ATTENTION, guidance=2.0, precision="bfloat16", prompt="none", latent="sample", name="tuned")
    base = target.before_adapter()
    assert base.fingerprint() == make(guidance=2.0, precision="bfloat16", prompt="none", latent="sample").fingerprint()
    assert (base.name, target.name, base.needs_captions) == ("tuned without LoRA", "tuned", False)
    assert base.before_adapter() is None
    assert make().before_adapter() is None
    assert make(ATTENTION, lora_scale=0.5).fingerprint() == one | {"lora_scale": 0.5}
    assert make(TEXTUAL).fingerprint()["lora"] != one["lora"]


def test_a_base_is_another_model_but_not_with_the_lora_of_the_target(make):
    target, base = make(ATTENTION), make(ATTENTION).before_adapter()
    refuse_as_placebo(base, target)
    assert holds(target.fingerprint(), base.fingerprint())
    with pytest.raises(TargetError, match="holds the weights of the target"):
        refuse_as_placebo(make(ATTENTION, lora_scale=0.5, guidance=2.0), target)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (ATTENTION | lora("unet.nowhere.to_q", DOWN, UP), "2 of its 4 tensors belong to no layer"),
        (lora(f"unet.{UNET}", random(3, 3), random(3, 3)), "size mismatch"),
        (ATTENTION | {f"unet.{UNET}.lora_A.weight": DOWN * float("nan")}, "hold values that are no numbers"),
    ],
)
def test_weights_that_do_not_fit_are_refused_each_time(make, weights, message):
    target = make(weights)
    for model in (target, target.before_adapter()):
        with pytest.raises(TargetError, match=message):
            model.condition(CAPTIONS)
    assert target.nfe == 0


def test_a_pixel_pipeline_takes_no_lora_weights(tiny_ddpm_folder, tmp_path):
    save_file(ATTENTION, tmp_path / "lora.safetensors")
    target = DenoiserTarget(str(tiny_ddpm_folder), lora=str(tmp_path), device="cpu")
    with pytest.raises(TargetError, match="DDPMPipeline takes no LoRA weights in diffusers"):
        target.check_use(target.offers, timestep=10, image_size=16)


@pytest.mark.parametrize("kind", [DenoiserTarget, DiffusersTarget])
def test_a_shipped_adapter_is_named(make, tiny_pipeline_folder, tmp_path, monkeypatch, kind):
    expected = make(ATTENTION).fingerprint()["lora"]
    shipped = tmp_path / "assets/targets/tiny-lora"
    shipped.mkdir(parents=True)
    (tmp_path / "lora.safetensors").rename(shipped / "pytorch_lora_weights.safetensors")
    monkeypatch.setattr(files, "ASSETS", tmp_path / "assets")
    assert kind(str(tiny_pipeline_folder), lora="shipped:tiny-lora").fingerprint()["lora"] == expected
    with pytest.raises(TargetError, match=r"No shipped model is called 'shipped:none'\. Available: shipped:tiny-lora"):
        kind(str(tiny_pipeline_folder), lora="shipped:none")


def test_no_name_and_no_number_are_refused(make):
    with pytest.raises(TargetError, match="There are no LoRA weights ''"):
        make(lora="")
    with pytest.raises(TargetError, match="`lora_scale` must be finite, but got nan"):
        make(ATTENTION, lora_scale=float("nan"))


def test_without_peft_the_error_names_it(make, monkeypatch):
    monkeypatch.setitem(sys.modules, "peft", None)
    monkeypatch.setattr(PipelineFiles, "load", None)
    with pytest.raises(TargetError, match=r"need the package `peft`.*lit-mia\[lora\]"):
        asked(make(ATTENTION).before_adapter())
