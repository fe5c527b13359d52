"""Targets: models under audit behind an access level."""

from lit_mia.targets.base import AccessLevel, GenerateTarget, Target
from lit_mia.targets.diffusion import DiffusersTarget

__all__ = ["AccessLevel", "DiffusersTarget", "GenerateTarget", "Target"]
