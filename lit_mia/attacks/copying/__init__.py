"""Verbatim copies: how like a training image a generated one is, and which training images are reproduced."""

from lit_mia.attacks.copying.matching import Matches, match
from lit_mia.attacks.copying.measures import AdaptiveRatio, CopyMeasure, EncoderCosine, TiledDistance

__all__ = ["AdaptiveRatio", "CopyMeasure", "EncoderCosine", "Matches", "TiledDistance", "match"]
