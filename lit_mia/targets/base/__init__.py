"""What a target is: a model under audit behind an access level."""

from lit_mia.targets.base.levels import DenoiseTarget, EmbedTarget, GenerateTarget, VaryTarget
from lit_mia.targets.base.target import AccessLevel, Answers, Charges, Target, check_arguments

__all__ = [
    "AccessLevel",
    "Answers",
    "Charges",
    "DenoiseTarget",
    "EmbedTarget",
    "GenerateTarget",
    "Target",
    "VaryTarget",
    "check_arguments",
]
