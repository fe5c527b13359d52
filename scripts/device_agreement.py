"""Whether targets, attacks and encoders answer on a device what they answer on the CPU, at small size."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from bench_attacks import FAMILY, findings, load
from torch import Tensor

from lit_mia.attacks.statistics import (
    PFAMI,
    CLiD,
    ConditionalDifference,
    FreMIA,
    ReDiffuse,
    ReDiffuseAPI,
    SecMI,
    SimAMC,
    SubsetLoss,
)
from lit_mia.attacks.statistics.base import StatisticAttack
from lit_mia.features.captioners import TransformersCaptioner
from lit_mia.features.open_clip_encoder import OpenClipEncoder
from lit_mia.metrics.auc import auc
from lit_mia.targets.denoiser import DenoiserTarget
from lit_mia.targets.diffusion import DiffusersTarget
from lit_mia.targets.open_clip import OpenClipTarget
from lit_mia.targets.seq2seq import Seq2SeqTarget
from lit_mia.targets.variation import VariationTarget

HALVED: tuple[StatisticAttack, ...] = (*FAMILY, SimAMC())
UNCONDITIONAL: tuple[StatisticAttack, ...] = (
    *HALVED,
    *(ReDiffuse(space="pixel", distance="ssim"), ReDiffuseAPI(), PFAMI(), SubsetLoss(), FreMIA(SecMI())),
)
CAPTIONED: tuple[StatisticAttack, ...] = (*UNCONDITIONAL, CLiD(), ConditionalDifference())
RELATIVE, LEVELS, LOW = 1e-4, 2.0, 0.02
"""Largest difference: of numbers, by the largest of them; of pixels, of 255; of AUCs in half precision."""

Row = dict[str, Any]
"""One comparison: `what`, `difference`, `limit`; it holds if the difference is at most the limit."""


def agreement(device: str, few: int, many: int) -> list[Row]:
    """Compare everything.

    Args:
        device: The device beside the CPU.
        few: Records of a comparison number by number.
        many: Records of a comparison of AUCs; 0 leaves it out.
    """
    return [
        *statistics("shipped:openmoji-ddpm", UNCONDITIONAL, device, few),
        *statistics("shipped:openmoji-demo", CAPTIONED, device, few),
        *(half_precision("shipped:openmoji-ddpm", device, many) if many else []),
        *(half_precision("shipped:openmoji-demo", device, many) if many else []),
        *images(device, few),
        *embeddings(device, few),
    ]


def scores(target: DenoiserTarget, attacks: tuple[StatisticAttack, ...], records: int) -> list[np.ndarray]:
    """Statistics of the first records of train and val, `[n, m]` for each attack."""
    batches = findings(target, attacks, load(target.image_size, records))
    return [
        torch.cat([b[i].statistic.double().cpu().reshape(len(b[i].statistic), -1) for b in batches]).numpy()
        for i in range(len(attacks))
    ]


def statistics(path: str, attacks: tuple[StatisticAttack, ...], device: str, records: int) -> list[Row]:
    """Every statistic in float32, against the CPU."""
    here, there = (scores(DenoiserTarget(path, device=d), attacks, records) for d in ("cpu", device))
    return [
        {
            "what": f"{path.removeprefix('shipped:')}, {attack.name} {number}",
            "difference": relative(torch.from_numpy(there[number]), torch.from_numpy(here[number])),
            "limit": RELATIVE,
        }
        for number, attack in enumerate(attacks)
    ]


def half_precision(path: str, device: str, records: int) -> list[Row]:
    """AUCs of bfloat16 and float16 against those of float32, all on the device."""
    labels = np.array(load(DenoiserTarget(path).image_size, records).records.members)
    aucs = {
        precision: [
            auc(attack.combine(found, attack.settings()[0], np.arange(len(labels))), labels)
            for attack, found in zip(HALVED, scores(target, HALVED, records), strict=True)
        ]
        for precision in ("float32", "bfloat16", "float16")
        for target in [DenoiserTarget(path, device=device, precision=precision)]
    }
    return [
        {
            "what": f"{path.removeprefix('shipped:')}, {attack.name}, AUC in {precision} ({records} records)",
            "difference": abs(aucs[precision][number] - aucs["float32"][number]),
            "limit": LOW,
            "auc": aucs[precision][number],
        }
        for precision in ("bfloat16", "float16")
        for number, attack in enumerate(HALVED)
    ]


def images(device: str, count: int) -> list[Row]:
    """Images that targets draw and vary, in levels of 255; sampled tokens as the share of images that differ."""
    questions = load(64, count)
    captions, seeds = [str(caption) for caption in questions.records.captions], list(range(count))
    asked = torch.from_numpy(questions.images)
    diffusers, seq2seq, denoiser, variation = (
        both(lambda d: DiffusersTarget(demo, steps=10, scheduler="ddim", device=d).generate(captions, seeds), device),
        both(lambda d: Seq2SeqTarget(tokens, "shipped:openmoji-vq", device=d).generate(captions, seeds), device),
        both(lambda d: DenoiserTarget(demo, device=d).vary(asked, captions, seeds), device),
        both(lambda d: VariationTarget(demo, device=d).vary(asked, captions, seeds), device),
    )
    return [
        {"what": "DiffusersTarget, levels", "difference": levels(*diffusers), "limit": LEVELS},
        {"what": "Seq2SeqTarget, images that differ", "difference": differing(*seq2seq), "limit": 0.1},
        {"what": "DenoiserTarget.vary, levels", "difference": levels(*denoiser), "limit": LEVELS},
        {"what": "VariationTarget, levels", "difference": levels(*variation), "limit": LEVELS},
    ]


demo, tokens = "shipped:openmoji-demo", "shipped:openmoji-seq2seq"


def embeddings(device: str, count: int) -> list[Row]:
    """Embeddings, and captions as the share that differs."""
    questions = load(64, count)
    asked, texts = torch.from_numpy(questions.images), [str(caption) for caption in questions.records.captions]
    pictures = [questions.records.open_image(row) for row in range(count)]
    encoder: Callable[[str], OpenClipEncoder] = lambda d: OpenClipEncoder("shipped:openmoji-clip", device=d)  # noqa: E731
    here, there = both(lambda d: TransformersCaptioner("shipped:openmoji-blip", device=d).caption(asked), device)
    return [
        {"what": what, "difference": relative(*both(embed, device)), "limit": RELATIVE}
        for what, embed in {
            "OpenClipEncoder, images": lambda d: encoder(d).embed_images(asked),
            "OpenClipEncoder, texts": lambda d: encoder(d).embed_texts(texts),
            "OpenClipTarget, images": lambda d: OpenClipTarget("shipped:faces-clip", device=d).embed_images(pictures),
        }.items()
    ] + [
        {
            "what": "TransformersCaptioner, captions that differ",
            "difference": float(np.mean([one != other for one, other in zip(here, there, strict=True)])),
            "limit": 0.1,
        }
    ]


def both(ask: Callable[[str], Any], device: str) -> tuple[Any, Any]:
    """What is answered on the device and on the CPU."""
    return ask(device), ask("cpu")


def relative(values: Tensor, reference: Tensor) -> float:
    """Largest difference by the largest value, per column."""
    difference, size = (values - reference).abs().amax(0), reference.abs().amax(0)
    return float((difference / size.clamp(min=torch.finfo(torch.float32).tiny)).max())


def levels(values: Tensor, reference: Tensor) -> float:
    """Largest difference of pixels."""
    return float((values.int() - reference.int()).abs().max())


def differing(values: Tensor, reference: Tensor) -> float:
    """Share of images of which a pixel is more than `LEVELS` apart."""
    return float(((values.int() - reference.int()).abs().flatten(1).amax(1) > LEVELS).float().mean())
