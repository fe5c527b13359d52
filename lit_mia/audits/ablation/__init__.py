"""Trained heads at many points of an audit's config."""

from lit_mia.audits.ablation.ablation import Ablation

__all__ = ["Ablation"]
