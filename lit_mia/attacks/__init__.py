"""Attacks and controls: features of an observation → head → score, higher for members."""

from lit_mia.attacks.base import Attack
from lit_mia.attacks.budgets import Budget, FixedBudget
from lit_mia.attacks.controls import controls_of
from lit_mia.attacks.data import AuditedAttack
from lit_mia.attacks.fused import AttackIV, BlindImageText
from lit_mia.attacks.identity import IdentityInference
from lit_mia.attacks.learner import EachAlone, Learner
from lit_mia.attacks.pixel import AttackIIP, AttackIP, BlindPixels
from lit_mia.attacks.residual import BlindResNet, ResidualHead
from lit_mia.attacks.semantic import AttackIII, AttackIIS, AttackIS, BlindImage, BlindJoint, BlindText
from lit_mia.attacks.training import check_varies, same_training, train_seeds

__all__ = [
    "Attack",
    "AttackIII",
    "AttackIIP",
    "AttackIIS",
    "AttackIP",
    "AttackIS",
    "AttackIV",
    "AuditedAttack",
    "BlindImage",
    "BlindImageText",
    "BlindJoint",
    "BlindPixels",
    "BlindResNet",
    "BlindText",
    "Budget",
    "EachAlone",
    "FixedBudget",
    "IdentityInference",
    "Learner",
    "ResidualHead",
    "check_varies",
    "controls_of",
    "same_training",
    "train_seeds",
]
