"""What a gate can ask for: one entry each."""

import math
from dataclasses import dataclass

from lit_mia.metrics.evidence import KINDS
from lit_mia.metrics.shift import MOST
from lit_mia.registry import Registry
from lit_mia.report.membership.columns import FPRS
from lit_mia.report.membership.gate import readings
from lit_mia.report.membership.gate.readings import HI, LO, Reader

ENDS = ("", LO, HI)


@dataclass(frozen=True)
class Quantity:
    """A quantity.

    Attributes:
        name: As it is written in a condition.
        meaning: What it is.
        read: What a report says of it.
        ends: What may stand after the name: nothing for the number itself, `.lo` and `.hi` for its interval.
        least: The least that it can be.
        most: The most that it can be.
        words: What it can be where it is no number, of which the beginning is enough.
    """

    name: str
    meaning: str
    read: Reader
    ends: tuple[str, ...] = ENDS
    least: float = 0.0
    most: float = 1.0
    words: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The name with each of its ends."""
        return tuple(f"{self.name}{end}" for end in self.ends)


QUANTITIES: Registry[Quantity] = Registry(
    "quantity of a gate",
    (
        Quantity(
            "dAUC",
            "smallest difference of an attack's AUC to those of its controls; the smallest ends of all the intervals",
            readings.difference,
            least=-1.0,
        ),
        Quantity("AUC", "AUC of an attack", readings.auc),
        *(
            Quantity(
                f"TPR@{100 * fpr:g}%",
                f"true positive rate of an attack at a false positive rate of {100 * fpr:g} %",
                readings.rate(fpr),
            )
            for fpr in FPRS
        ),
        Quantity(
            "ratio",
            "shift factor: how many times better than its controls an attack would at least have to read a shift",
            readings.ratio,
            ends=(LO,),
            most=MOST,
        ),
        Quantity("p", "p of an attack, adjusted for all attacks", readings.adjusted, ends=("",)),
        Quantity(
            "eps",
            "lower bound on ε of differential privacy (95 % confidence), of each number of copies by itself",
            readings.epsilon,
            ends=(LO,),
            most=math.inf,
        ),
        Quantity("verdict", "verdict of the audit, or its beginning", readings.verdict, ends=("",), words=KINDS),
    ),
)
"""All of them; a package outside may add to them."""
