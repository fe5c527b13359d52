"""What training-free attacks are asked to find, and the inputs of heads on it. A new input is one function here.

A package outside adds one with `FINDING_INPUTS.add(Input(name, make))`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self, final

import numpy as np
from numpy.typing import NDArray

from datamodules.pairs import Input
from lit_mia.attacks.statistics.base import Setting, StatisticAttack
from lit_mia.errors import RecordError
from lit_mia.queries.findings import FindingStore
from lit_mia.queries.plans import Plan, Questions
from lit_mia.registry import Registry
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


@final
@dataclass(frozen=True, eq=False)
class Findings:
    """Records and what one attack found out about them.

    Attributes:
        questions: The n records.
        store: What was found.
        plan: The attack at its setting.
    """

    questions: Questions
    store: FindingStore
    plan: Plan | None


def image(findings: Findings) -> NDArray[np.uint8]:
    """Query images x, uint8 `[n, 3, s, s]`."""
    return findings.questions.images


def residual(findings: Findings) -> NDArray[np.float32]:
    """The residual map of the attack, float32 `[n, c, h, w]`."""
    if findings.plan is None:
        raise RecordError(_ONE_ATTACK)
    return findings.store.residuals(findings.plan.key, findings.questions.keys)


def _of_one_attack(wanted: Wanted) -> None:
    if len(wanted.plans) != 1 or not wanted.residual:
        raise RecordError(_ONE_ATTACK)


_ONE_ATTACK = "A head on residual maps needs `attack` of the datamodule, with one setting."

FINDING_INPUTS: Registry[Input[Findings, Wanted]] = Registry[Input[Findings, Wanted]](
    "input of heads on findings",
    (
        Input("image", image),
        Input("residual", residual, _of_one_attack),
    ),
)
