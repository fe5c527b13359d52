"""The inputs of heads on what training-free attacks found. A new one is one function here.

A package outside adds one with `FINDING_INPUTS.add(Input(name, make))`.
"""

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from datamodules.inputs import Input
from datamodules.wanted import Wanted
from lit_mia.errors import RecordError
from lit_mia.queries.findings import FindingStore
from lit_mia.queries.plans import Plan, Questions
from lit_mia.registry import Registry


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
