"""Targets: models under audit behind an access level."""

from lit_mia.targets.base import AccessLevel, DenoiseTarget, EmbedTarget, GenerateTarget, Target, VaryTarget
from lit_mia.targets.dalle_mini import DalleMiniTarget
from lit_mia.targets.denoiser import DenoiserTarget
from lit_mia.targets.diffusion import DiffusersTarget
from lit_mia.targets.http import HttpTarget, HttpVariationTarget
from lit_mia.targets.open_clip import OpenClipTarget
from lit_mia.targets.seq2seq import Seq2SeqTarget
from lit_mia.targets.transformers_clip import TransformersClipTarget
from lit_mia.targets.variation import VariationTarget

__all__ = [
    "AccessLevel",
    "DalleMiniTarget",
    "DenoiseTarget",
    "DenoiserTarget",
    "DiffusersTarget",
    "EmbedTarget",
    "GenerateTarget",
    "HttpTarget",
    "HttpVariationTarget",
    "OpenClipTarget",
    "Seq2SeqTarget",
    "Target",
    "TransformersClipTarget",
    "VariationTarget",
    "VaryTarget",
]
