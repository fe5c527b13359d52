"""Attacks that are calibrated by the base that a target was trained from."""

from lit_mia.attacks.calibration.base import Calibrated, CalibratedAttack, Learning

__all__ = ["Calibrated", "CalibratedAttack", "Learning"]
