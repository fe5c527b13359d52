"""Number formats: what autocast may round, and what it must not."""

import subprocess
import sys

import pytest
import torch

from lit_mia.models.placement import in_float32
from lit_mia.targets.denoiser import DenoiserTarget

CAPTIONS = ["a red cat", None, "moon"]
SEEDS = [1, 2, 3]
T = torch.tensor([0, 200, 900])
IMAGES = torch.randint(0, 256, (3, 3, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def autocast():
    return torch.autocast("cpu", dtype=torch.bfloat16)


@pytest.mark.parametrize("kind", [torch.float32, torch.float64])
def test_a_layer_is_kept_out_of_autocast(kind):
    layer = torch.nn.Conv2d(3, 4, 3, dtype=kind).requires_grad_(False)
    x = torch.randn(2, 3, 8, 8, dtype=kind)
    exact = layer(x)
    with autocast():
        if kind == torch.float32:
            assert (layer(x) - exact).abs().max() > 1e-4
        in_float32(layer)
        kept = layer(x)
        assert torch.mm(torch.ones(2, 2), torch.ones(2, 2)).dtype == torch.bfloat16
    assert kept.dtype == kind
    assert torch.equal(kept, exact)
    assert torch.equal(layer(x), exact)


def test_its_input_is_brought_to_the_type_of_its_weights():
    layer = torch.nn.Conv2d(3, 4, 3).requires_grad_(False)
    x = torch.randn(2, 3, 8, 8).to(torch.bfloat16)
    exact = layer(x.float())
    in_float32(layer)
    assert torch.equal(layer(x), exact)


class Answers:
    """What a target answers, and what its first and its last layer put out."""

    def __init__(self, folder, precision):
        target = DenoiserTarget(str(folder), precision=precision, device="cpu", vary_t=100)
        unet = target._pipeline.unet
        seen = {}
        self.x = target.encode(IMAGES, SEEDS)
        condition = target.condition(CAPTIONS)
        hooks = [
            layer.register_forward_hook(lambda _, inputs, output, name=name: seen.update({name: output.clone()}))
            for name, layer in (("first", unet.conv_in), ("last", unet.conv_out))
        ]
        self.noise = target.predict_noise(self.x, T, condition)
        for hook in hooks:
            hook.remove()
        self.first, self.last = seen["first"], seen["last"]
        self.variation = target.vary(IMAGES, CAPTIONS, SEEDS)
        self.decoded = target.decode(self.x)


@pytest.fixture(scope="module")
def answers(tiny_pipeline_folder):
    made = {}
    return lambda precision: made.setdefault(precision, Answers(tiny_pipeline_folder, precision))


@pytest.mark.parametrize(("precision", "kind"), [("bfloat16", torch.bfloat16), ("float16", torch.float16)])
def test_low_precision_spares_the_input_and_rounds_the_rest(answers, precision, kind):
    low, full = answers(precision), answers("float32")
    assert torch.equal(low.x, full.x)
    assert torch.equal(low.first, full.first)
    assert low.last.dtype == kind
    assert low.noise.dtype == torch.float32
    assert 0 < (low.noise - full.noise).abs().max() < 0.05 * full.noise.abs().max()


@pytest.mark.parametrize("precision", ["bfloat16", "float64"])
def test_variations_agree_up_to_rounding(answers, precision):
    distance = (answers(precision).variation.int() - answers("float32").variation.int()).abs()
    assert distance.float().mean() < 1


def test_float64_is_kept_from_end_to_end(answers):
    high, full = answers("float64"), answers("float32")
    for name in ("x", "first", "last", "noise", "decoded"):
        wide, narrow = getattr(high, name), getattr(full, name)
        assert (wide.dtype, narrow.dtype) == (torch.float64, torch.float32)
        torch.testing.assert_close(wide.float(), narrow, rtol=0, atol=1e-4)
    assert not torch.equal(high.noise, full.noise.double())


SETTINGS = """
import torch
from lit_mia.models.placement import full_float32

cudnn = torch.backends.cudnn
told = lambda: (torch.get_float32_matmul_precision(), cudnn.conv.fp32_precision, cudnn.rnn.fp32_precision)
for generic in ("none", "tf32"):
    torch.backends.fp32_precision = generic
    for products in ("highest", "medium"):
        torch.set_float32_matmul_precision(products)
        before = told()
        with full_float32():
            assert told() == ("highest", "ieee", "ieee"), told()
            assert not torch.backends.cuda.matmul.allow_tf32
            assert not cudnn.allow_tf32  # refused where old and new settings contradict each other
        assert told() == before, (told(), before)
"""


@pytest.mark.slow
def test_float32_is_not_rounded_whatever_the_process_allows():
    subprocess.run([sys.executable, "-c", SETTINGS], check=True)
