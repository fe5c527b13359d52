"""What an audit knows of any attack, trained or not."""

from abc import ABC
from typing import ClassVar

from lit_mia.targets.base import AccessLevel


class AuditedAttack(ABC):
    """An attack that an audit can measure.

    Attributes:
        name: The attack's name in reports.
        level: The access to the target that it needs; None if it does without, as controls do.
        scored_by: How records are scored by it: `head` (trained on pairs), `statistic` (a formula), `rule` (a decision
            without a threshold). An audit refuses what it has no scorer for.
    """

    name: str
    level: AccessLevel | None
    scored_by: ClassVar[str]
