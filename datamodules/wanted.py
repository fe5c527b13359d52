"""What is asked on behalf of training-free attacks."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self, final

from lit_mia.attacks.statistics.base import Setting, StatisticAttack
from lit_mia.queries.plans import Plan
from lit_mia.targets.base import AccessLevel


@final
@dataclass(frozen=True, eq=False)
class Wanted:
    """Attacks at settings.

    Attributes:
        asked: Each attack with one of its settings.
        residual: Whether residual maps are wanted too.
    """

    asked: tuple[tuple[StatisticAttack, Setting], ...] = ()
    residual: bool = False

    @classmethod
    def every_setting(cls, attacks: Sequence[StatisticAttack], residual: bool = False) -> Self:
        """Attacks at all their settings."""
        return cls(tuple((attack, setting) for attack in attacks for setting in attack.settings()), residual)

    @cached_property
    def plans(self) -> list[Plan]:
        """What has to be asked, each once."""
        plans = [attack.plan(setting) for attack, setting in self.asked]
        return list({plan.key: plan for plan in plans}.values())

    @property
    def highest_timestep(self) -> int:
        """The highest timestep that is looked at."""
        return max((attack.highest_timestep(setting) for attack, setting in self.asked), default=0)

    @property
    def levels(self) -> list[AccessLevel]:
        """The access levels that are needed, each once."""
        return list(dict.fromkeys(attack.level for attack, _ in self.asked))

    @property
    def caption_reader(self) -> str | None:
        """Name of an attack that needs captions, if there is one."""
        return next((attack.name for attack, _ in self.asked if attack.needs_captions), None)
