"""Features: pixels, encoders, captioners and operations."""

from lit_mia.features.captioners import Captioner, FixedCaption, TransformersCaptioner
from lit_mia.features.encoders import Encoder
from lit_mia.features.image_encoders import InceptionEncoder, TimmEncoder
from lit_mia.features.open_clip_encoder import OpenClipEncoder
from lit_mia.features.transformers_encoders import BlipEncoder, DinoEncoder, TransformersClipEncoder

__all__ = [
    "BlipEncoder",
    "Captioner",
    "DinoEncoder",
    "Encoder",
    "FixedCaption",
    "InceptionEncoder",
    "OpenClipEncoder",
    "TimmEncoder",
    "TransformersCaptioner",
    "TransformersClipEncoder",
]
