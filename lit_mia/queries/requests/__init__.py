"""What an attack sees of records and may ask about them."""

from lit_mia.queries.requests.base import Answer, Finding, Request, Steps, Subject
from lit_mia.queries.requests.kinds import Drawing, Generation, NoisePrediction, Variation

__all__ = ["Answer", "Drawing", "Finding", "Generation", "NoisePrediction", "Request", "Steps", "Subject", "Variation"]
