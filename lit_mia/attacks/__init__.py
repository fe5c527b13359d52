"""Attacks and controls: features of an observation → head → score, higher for members."""

from lit_mia.attacks.base import Attack
from lit_mia.attacks.fused import AttackIV, BlindImageText
from lit_mia.attacks.identity import IdentityInference
from lit_mia.attacks.pixel import AttackIIP, AttackIP, BlindPixels
from lit_mia.attacks.residual import BlindResNet, ResidualHead
from lit_mia.attacks.semantic import AttackIII, AttackIIS, AttackIS, BlindImage, BlindText

__all__ = [
    "Attack",
    "AttackIII",
    "AttackIIP",
    "AttackIIS",
    "AttackIP",
    "AttackIS",
    "AttackIV",
    "BlindImage",
    "BlindImageText",
    "BlindPixels",
    "BlindResNet",
    "BlindText",
    "IdentityInference",
    "ResidualHead",
]
