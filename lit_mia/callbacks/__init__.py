"""Lightning callbacks."""

from lit_mia.attacks.budgets import BestEpoch
from lit_mia.callbacks.keep_target import KeepTarget
from lit_mia.callbacks.leak_while_training import LeakWhileTraining
from lit_mia.callbacks.predictions import PredictionWriter
from lit_mia.callbacks.track_scores import TrackScores

__all__ = ["BestEpoch", "KeepTarget", "LeakWhileTraining", "PredictionWriter", "TrackScores"]
