"""What an extraction audit returns."""

from lit_mia.report.extraction.result import ExtractionResult
from lit_mia.report.extraction.schema import (
    CopyRow,
    Counted,
    Eidetic,
    Model,
    RecordLine,
    Tier,
    Triaged,
    UntargetedRow,
)
from lit_mia.report.extraction.sentences import extraction_limits, extraction_sentence

__all__ = [
    "CopyRow",
    "Counted",
    "Eidetic",
    "ExtractionResult",
    "Model",
    "RecordLine",
    "Tier",
    "Triaged",
    "UntargetedRow",
    "extraction_limits",
    "extraction_sentence",
]
