"""Features: pixels, encoders and operations."""

from lit_mia.features.blip_encoder import BlipEncoder
from lit_mia.features.encoders import Encoder
from lit_mia.features.open_clip_encoder import OpenClipEncoder

__all__ = ["BlipEncoder", "Encoder", "OpenClipEncoder"]
