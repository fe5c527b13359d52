"""Attacks without training: a formula on what the target answers."""

from lit_mia.attacks.statistics.base import StatisticAttack
from lit_mia.attacks.statistics.clid import CLiD
from lit_mia.attacks.statistics.conditional_difference import ConditionalDifference
from lit_mia.attacks.statistics.fremia import FreMIA
from lit_mia.attacks.statistics.loss import Loss
from lit_mia.attacks.statistics.pang_wang import PangWang
from lit_mia.attacks.statistics.pfami import PFAMI
from lit_mia.attacks.statistics.pia import PIA, PIAN
from lit_mia.attacks.statistics.rediffuse import ReDiffuse
from lit_mia.attacks.statistics.rediffuse_api import ReDiffuseAPI
from lit_mia.attacks.statistics.secmi import SecMI
from lit_mia.attacks.statistics.sima import SimA, SimAMC
from lit_mia.attacks.statistics.subset_loss import SubsetLoss

__all__ = [
    "PFAMI",
    "PIA",
    "PIAN",
    "CLiD",
    "ConditionalDifference",
    "FreMIA",
    "Loss",
    "PangWang",
    "ReDiffuse",
    "ReDiffuseAPI",
    "SecMI",
    "SimA",
    "SimAMC",
    "StatisticAttack",
    "SubsetLoss",
]
