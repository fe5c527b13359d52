"""What an extraction audit returns."""

from lit_mia.report.extraction.result import ExtractionResult
from lit_mia.report.extraction.schema import (
    CanaryTier,
    CopyRow,
    Counted,
    Eidetic,
    Model,
    RecordLine,
    Triaged,
    UntargetedRow,
)
from lit_mia.report.extraction.sentences import extraction_limits, extraction_sentence

__all__ = [
    "CanaryTier",
    "CopyRow",
    "Counted",
    "Eidetic",
    "ExtractionResult",
    "Model",
    "RecordLine",
    "Triaged",
    "UntargetedRow",
    "extraction_limits",
    "extraction_sentence",
]
