"""Features: pixels, encoders, captioners and operations."""

from lit_mia.features.blip_encoder import BlipEncoder
from lit_mia.features.captioners import Captioner, FixedCaption
from lit_mia.features.encoders import Encoder
from lit_mia.features.open_clip_encoder import OpenClipEncoder
from lit_mia.features.transformers_captioner import TransformersCaptioner

__all__ = [
    "BlipEncoder",
    "Captioner",
    "Encoder",
    "FixedCaption",
    "OpenClipEncoder",
    "TransformersCaptioner",
]
