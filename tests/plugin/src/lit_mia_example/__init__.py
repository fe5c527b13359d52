"""An attack, a head with a new input, a target, a source, an encoder, a control kind and a column for lit-mia."""

from lit_mia_example.attack import SecondNoise
from lit_mia_example.column import YOUDEN
from lit_mia_example.encoder import MeanColour
from lit_mia_example.heads import CaptionLength, ImageSpread
from lit_mia_example.source import Stripes
from lit_mia_example.target import Blurred

__all__ = ["YOUDEN", "Blurred", "CaptionLength", "ImageSpread", "MeanColour", "SecondNoise", "Stripes"]
