"""How fast a pipeline of the size of Stable Diffusion 1.5 is asked on a device, and how near that is to its network."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from bench_attacks import FAMILY, bare_seconds, findings, synchronize
from torch import Tensor, nn

from lit_mia.models import full_float32
from lit_mia.queries.plans import Questions
from lit_mia.records import Records
from lit_mia.targets.denoiser import DenoiserTarget
from lit_mia.targets.diffusion import DiffusersTarget

Row = dict[str, Any]


def forwards(folder: Path, device: str, batches: tuple[int, ...]) -> Iterator[Row]:
    """Images per second through the U-Net alone, by format, memory layout and batch."""
    target = DenoiserTarget(str(folder), device=device)
    network = target._network
    for layout in (torch.contiguous_format, torch.channels_last):
        network.module.to(memory_format=layout)
        for precision in ("float32", "tf32", "bfloat16", "float16"):
            for batch in batches:
                call = forward(target, batch, precision, layout)
                yield {"layout": str(layout).removeprefix("torch."), "precision": precision, **timed(call, batch)}


def weights_in_half(folder: Path, device: str, batches: tuple[int, ...]) -> Iterator[Row]:
    """The same with the weights in bfloat16 instead of autocast, as a `DiffusersTarget` has them."""
    target = DiffusersTarget(str(folder), dtype="bfloat16", device=device)
    for batch in batches:
        unet, arguments = unet_call(target, batch)
        with torch.inference_mode():
            yield {"precision": "bfloat16 weights", **timed(partial(unet, *arguments), batch)}


def compiled(folder: Path, device: str, batches: tuple[int, ...], mode: str) -> Iterator[Row]:
    """The same through `torch.compile`, with the seconds that compiling takes."""
    target = DenoiserTarget(str(folder), device=device)
    module: nn.Module = target._network.module.to(memory_format=torch.channels_last)
    module.forward = torch.compile(module.forward, dynamic=False, mode=mode)
    for batch in batches:
        call, began = forward(target, batch, "bfloat16", torch.channels_last), time.perf_counter()
        call()
        synchronize()
        yield {"mode": mode, "compile_s": time.perf_counter() - began, "precision": "bfloat16", **timed(call, batch)}


def forward(target: DenoiserTarget, batch: int, precision: str, layout: torch.memory_format) -> Callable[[], Tensor]:
    """A call of the network on random latents."""
    device, network = target._resolved_device, target._network
    side = target.image_size // 8
    x = torch.randn(batch, 4, side, side, device=device).contiguous(memory_format=layout)
    t, text = torch.full((batch,), 100, device=device), network.condition(["a picture"] * batch).parts["text"]
    low = getattr(torch, precision) if precision in ("bfloat16", "float16") else None
    exact = full_float32 if precision == "float32" else rounded_float32

    def call() -> Tensor:
        with torch.inference_mode(), exact(), torch.autocast(device.type, dtype=low, enabled=low is not None):
            output: Tensor = network.module(x, t, text, return_dict=False)[0]
            return output

    return call


@contextmanager
def rounded_float32() -> Iterator[None]:
    """Let float32 be rounded to TF32 in products and convolutions."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def timed(call: Callable[[], object], batch: int, seconds: float = 1.0) -> Row:
    """Images per second (median of some calls, about a second in all) and the peak of the device's memory."""
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    call()
    took = list[float]()
    while len(took) < 3 or (sum(took) < seconds and len(took) < 20):
        synchronize()
        began = time.perf_counter()
        call()
        synchronize()
        took.append(time.perf_counter() - began)
    return {"batch": batch, "images_per_s": batch / float(np.median(took)), "peak_gib": peak()}


def one_pass(folder: Path, device: str, batch: int, records: int, **options: Any) -> Row:
    """All attacks of the family in one pass, against bare evaluations of the same number in the same way."""
    target = DenoiserTarget(str(folder), device=device, batch_size=batch, **options)
    questions = noise_records(records, target.image_size)
    images, seeds = torch.from_numpy(questions.images), list(range(records))
    bare_seconds(target, 1, batch)  # warms up
    target.encode(images[:batch], seeds[:batch])
    synchronize()
    began = time.perf_counter()
    target.encode(images, seeds)
    synchronize()
    encoding = time.perf_counter() - began
    before, began = target.nfe, time.perf_counter()
    findings(target, FAMILY, questions)
    synchronize()
    wall, evaluations = time.perf_counter() - began, target.nfe - before
    bare = bare_seconds(target, max(3, evaluations // batch // 4), batch) * evaluations
    return {
        "batch": batch,
        **{name: str(value) for name, value in options.items()},
        "evaluations_per_record": evaluations / records,
        "records_per_s": records / wall,
        "wall_by_bare": wall / bare,
        "encoding_by_bare": encoding / bare,
        "peak_gib": peak(),
    }


def generate(folder: Path, device: str, batch: int, steps: int, **options: Any) -> Row:
    """Guided images by DDIM, against the U-Net and the decoder alone."""
    target = DiffusersTarget(str(folder), steps=steps, guidance=5.0, device=device, batch_size=batch, **options)
    prompts, seeds = ["a picture"] * (2 * batch), list(range(2 * batch))
    list(target.stream(prompts[:batch], seeds[:batch]))  # warms up
    synchronize()
    began = time.perf_counter()
    list(target.stream(prompts, seeds))
    wall = time.perf_counter() - began
    bare = 2 * (steps * seconds_of(*unet_call(target, 2 * batch)) + seconds_of(*decoder_call(target, batch)))
    return {"batch": batch, "steps": steps, **options, "images_per_s": 2 * batch / wall, "bare_by_wall": bare / wall}


def unet_call(target: DiffusersTarget, batch: int) -> tuple[nn.Module, tuple[Tensor, ...]]:
    """The U-Net and latents, a timestep and states of a text."""
    unet = target._pipeline.unet
    x = torch.randn(batch, 4, *(unet.config.sample_size,) * 2, device=unet.device, dtype=unet.dtype)
    text = torch.randn(batch, 77, unet.config.cross_attention_dim, device=unet.device, dtype=unet.dtype)
    return unet, (x, torch.tensor(100, device=unet.device), text)


def decoder_call(target: DiffusersTarget, batch: int) -> tuple[Any, tuple[Tensor, ...]]:
    """The decoder and the latents of a batch."""
    vae, side = target._pipeline.vae, target._pipeline.unet.config.sample_size
    return vae.decode, (torch.randn(batch, 4, side, side, device=vae.device, dtype=vae.dtype),)


@torch.inference_mode()
def seconds_of(call: Callable[..., object], arguments: tuple[Tensor, ...]) -> float:
    """Median seconds of a call."""
    with full_float32():
        return 1 / float(timed(lambda: call(*arguments), 1)["images_per_s"])


def noise_records(count: int, size: int) -> Questions:
    """Records of noise."""
    images = np.random.default_rng(0).integers(0, 256, (count, 3, size, size), dtype=np.uint8)
    names = tuple(f"r{i}" for i in range(count))
    records = Records(names, ("a picture",) * count, (0,) * count, names, _no_image, stamps=names)
    return Questions(records, images, seed=0)


def _no_image(row: int) -> Any:
    raise LookupError(row)


def peak() -> float:
    """Peak of allocated device memory since the last reset, GiB; 0 on the CPU."""
    return torch.cuda.max_memory_allocated() / 2**30 if torch.cuda.is_available() else 0.0
