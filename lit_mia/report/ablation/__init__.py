"""What an ablation of trained heads returns."""

from lit_mia.report.ablation.result import AblationResult

__all__ = ["AblationResult"]
