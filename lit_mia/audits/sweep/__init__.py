"""Training-free attacks at many settings."""

from lit_mia.audits.sweep.sweep import Sweep

__all__ = ["Sweep"]
