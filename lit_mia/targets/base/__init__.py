"""What a target is: a model under audit behind an access level."""

from lit_mia.targets.base.denoise import DenoiseTarget
from lit_mia.targets.base.embed import EmbedTarget
from lit_mia.targets.base.generate import GenerateTarget
from lit_mia.targets.base.target import AccessLevel, Answers, Charges, Target
from lit_mia.targets.base.vary import VaryTarget

__all__ = [
    "AccessLevel",
    "Answers",
    "Charges",
    "DenoiseTarget",
    "EmbedTarget",
    "GenerateTarget",
    "Target",
    "VaryTarget",
]
