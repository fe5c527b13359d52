"""Attacks without training: a formula on what the target answers."""

from lit_mia.attacks.statistics.base import StatisticAttack
from lit_mia.attacks.statistics.fremia import FreMIA
from lit_mia.attacks.statistics.loss import PFAMI, CLiD, Loss
from lit_mia.attacks.statistics.pang_wang import PangWang
from lit_mia.attacks.statistics.pia import PIA, PIAN
from lit_mia.attacks.statistics.rediffuse import ReDiffuse, ReDiffuseAPI
from lit_mia.attacks.statistics.secmi import SecMI
from lit_mia.attacks.statistics.sima import SimA, SimAMC

__all__ = [
    "PFAMI",
    "PIA",
    "PIAN",
    "CLiD",
    "FreMIA",
    "Loss",
    "PangWang",
    "ReDiffuse",
    "ReDiffuseAPI",
    "SecMI",
    "SimA",
    "SimAMC",
    "StatisticAttack",
]
