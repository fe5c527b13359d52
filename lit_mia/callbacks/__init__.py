"""Lightning callbacks."""

from lit_mia.callbacks.best_epoch import BestEpoch
from lit_mia.callbacks.predictions import PredictionWriter

__all__ = ["BestEpoch", "PredictionWriter"]
