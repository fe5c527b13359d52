"""What every training-free attack shares: it asks the target, and turns the answers into one number per record."""

import inspect
from abc import abstractmethod
from collections.abc import Sequence
from itertools import product
from typing import ClassVar, final

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from lit_mia import ranges
from lit_mia.attacks.data import AuditedAttack
from lit_mia.attacks.statistics.own_code import own_code
from lit_mia.configured import Configured
from lit_mia.errors import HeadError
from lit_mia.files import key_digest
from lit_mia.queries.plans import Plan
from lit_mia.queries.requests import Steps, Subject
from lit_mia.targets.base import AccessLevel

Swept = int | list[int]
Setting = dict[str, int | float]


class StatisticAttack(Configured, AuditedAttack):
    """An attack whose score is a formula; the sign is fixed by theory, so an inverted attack has an AUC below 0.5.

    Arguments named in `swept` may be lists; each combination is one setting. An audit chooses among the settings on
    train and val records only.

    Attributes:
        needs_captions: Whether every record needs a caption.
        reconstructs: Whether its finding holds a pair of images to compare.
        swept: Names of the arguments that may be lists.
        combined: Those of them that only `combine` reads.
        revision: Raised when the formula changes, so that stored statistics of the old one are asked again; of an
            attack that does not ship, when something changes that `code_digest` does not tell.
    """

    level: AccessLevel = AccessLevel.DENOISE
    scored_by = "statistic"
    needs_captions: bool = False
    reconstructs: ClassVar[bool] = False
    swept: tuple[str, ...] = ("t",)
    combined: ClassVar[tuple[str, ...]] = ()
    revision: int = 1

    @property
    def parameters(self) -> dict[str, object]:
        """Every argument that changes the statistic, as JSON values: each is kept under its own name."""
        return {name: getattr(self, name) for name in inspect.signature(type(self)).parameters}

    def highest_timestep(self, setting: Setting) -> int:
        """The highest timestep that a setting looks at: its t. An attack that looks at others says so."""
        return int(setting.get("t", 0))

    @property
    def code_digest(self) -> str | None:
        """How the attack is written; None of one that ships. Stored statistics of other code are asked again."""
        return own_code(type(self))

    @abstractmethod
    def measure(self, subject: Subject, setting: Setting) -> Steps:
        """Ask and compute: a generator of lists of requests that returns the finding.

        Args:
            subject: The records.
            setting: One value for each name in `swept`.
        """

    def combine(
        self, statistic: NDArray[np.float64], setting: Setting, reference: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """One score per record, where `measure` returned several components.

        Args:
            statistic: `[n, m]`, all records of a table.
            setting: The setting that was measured.
            reference: Rows that may fix the scale of the components (train and val; their labels are not given).

        Returns:
            `[n]`, higher for members.
        """
        return statistic[:, 0]

    def oriented(self, statistic: NDArray[np.float64]) -> NDArray[np.float64]:
        """The components, each higher for members, as those have to be that are read one by one.

        Args:
            statistic: `[n, m]`.
        """
        return statistic

    @final
    def plan(self, setting: Setting) -> Plan:
        """What asking the target needs to know of one setting; findings are kept under its formula too."""
        fixed = {name: value for name, value in self.parameters.items() if name not in self.swept}
        asked = {name: value for name, value in setting.items() if name not in self.combined}
        formula = [self.revision if self.revision > 1 else None, self.code_digest]
        key = key_digest([self.name, fixed, asked, *(part for part in formula if part is not None)])
        return Plan(key, lambda subject: self.measure(subject, setting))

    def settings(self) -> list[Setting]:
        """All combinations of the swept arguments, in their order."""
        values = [_listed(self.parameters[name]) for name in self.swept]
        return [dict(zip(self.swept, combination, strict=True)) for combination in product(*values)]


def describe(setting: Setting) -> str:
    """`t = 100, k = 10`."""
    return ", ".join(f"{name} = {value}" for name, value in setting.items())


def vector_norm(residual: Tensor, p: float, root: bool = True) -> Tensor:
    """‖r‖_p of each record, `[b]`; without the root, Σ|r|^p."""
    total = residual.abs().pow(p).flatten(1).sum(1)
    return total.pow(1 / p) if root else total


def check_arguments(attack: str, *, at_least: int, **values: ranges.Given) -> None:
    """Refuse arguments that are below a bound, not finite or absurdly large.

    Args:
        attack: Name of the attack, for the message.
        at_least: The bound.
        **values: Arguments: a number or a list of numbers each.

    Raises:
        HeadError: If a list is empty, or a value is no such number.
    """
    ranges.check(HeadError, ranges.at_least(at_least)(attack, **values))


def check_interval(attack: str, k: Sequence[int] | int, t: Sequence[int] | int) -> None:
    """Refuse a step that is longer than the way.

    Raises:
        HeadError: If the largest k is above the smallest t.
    """
    if max(_listed(k)) > min(_listed(t)):
        raise HeadError(f"`k` of {attack} must not be above `t`, but got k = {k} and t = {t}. Use a smaller step.")


def _listed(value: object) -> list[int | float]:
    if isinstance(value, list | tuple):
        return list(value)
    if isinstance(value, int | float):
        return [value]
    raise HeadError(f"A swept argument must be a number or a list of numbers, but got {value!r}.")
