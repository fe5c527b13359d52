"""What an attack sees of records and may ask about them."""

from lit_mia.queries.requests.base import Answer, Finding, Request, Steps, Subject
from lit_mia.queries.requests.drawing import Drawing, Generation
from lit_mia.queries.requests.noise_prediction import NoisePrediction
from lit_mia.queries.requests.variation import Variation

__all__ = ["Answer", "Drawing", "Finding", "Generation", "NoisePrediction", "Request", "Steps", "Subject", "Variation"]
