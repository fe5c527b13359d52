"""What an attack sees of records and may ask about them, one file for each kind of request."""

from lit_mia.queries.requests.base import Answer, Finding, Request, Steps
from lit_mia.queries.requests.drawing import Drawing
from lit_mia.queries.requests.generation import Generation
from lit_mia.queries.requests.noise_prediction import NoisePrediction
from lit_mia.queries.requests.variation import Variation
from lit_mia.queries.subject import Subject

__all__ = ["Answer", "Drawing", "Finding", "Generation", "NoisePrediction", "Request", "Steps", "Subject", "Variation"]
