"""Features: pixels, encoders, captioners and operations."""

from lit_mia.features.blip_encoder import BlipEncoder
from lit_mia.features.captioners import Captioner, FixedCaption, TransformersCaptioner
from lit_mia.features.clip_encoder import TransformersClipEncoder
from lit_mia.features.dino_encoder import DinoEncoder
from lit_mia.features.encoders import Encoder
from lit_mia.features.inception_encoder import InceptionEncoder
from lit_mia.features.open_clip_encoder import OpenClipEncoder
from lit_mia.features.timm_encoder import TimmEncoder
from lit_mia.features.towers_encoder import TowersEncoder

__all__ = [
    "BlipEncoder",
    "Captioner",
    "DinoEncoder",
    "Encoder",
    "FixedCaption",
    "InceptionEncoder",
    "OpenClipEncoder",
    "TimmEncoder",
    "TowersEncoder",
    "TransformersCaptioner",
    "TransformersClipEncoder",
]
