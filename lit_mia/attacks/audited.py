"""What an audit knows of any attack, trained or not."""

from abc import ABC

from lit_mia.targets.base import AccessLevel


class AuditedAttack(ABC):
    """An attack that an audit can measure: a trained head (`Attack`) or a formula (`StatisticAttack`).

    Attributes:
        name: The attack's name in reports.
        level: The access to the target that it needs.
    """

    name: str
    level: AccessLevel
