"""What a sweep of training-free attacks returns."""

from lit_mia.report.sweep.result import SweepResult

__all__ = ["SweepResult"]
