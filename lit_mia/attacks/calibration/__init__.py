"""Attacks that are calibrated by the base that a target was trained from."""

from lit_mia.attacks.calibration.base import Calibrated, CalibratedAttack, Learning
from lit_mia.attacks.calibration.difference import BaseDifference
from lit_mia.attacks.calibration.joint import BaseJoint, base_alone
from lit_mia.attacks.calibration.regression import BaseRegression
from lit_mia.attacks.calibration.sign_vote import BaseSignVote

__all__ = [
    "BaseDifference",
    "BaseJoint",
    "BaseRegression",
    "BaseSignVote",
    "Calibrated",
    "CalibratedAttack",
    "Learning",
    "base_alone",
]
