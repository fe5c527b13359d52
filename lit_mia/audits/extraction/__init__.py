"""What comes out verbatim, and how often the held-out half does."""

from lit_mia.audits.extraction.extraction import ExtractionAudit
from lit_mia.audits.extraction.untargeted import Untargeted

__all__ = ["ExtractionAudit", "Untargeted"]
