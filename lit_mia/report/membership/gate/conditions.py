"""A condition of a gate, such as `dAUC.hi > 0.05`: how it is written, and whether a value meets it."""

import math
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches

from lit_mia.errors import GateError
from lit_mia.metrics.sentences import enumerated
from lit_mia.report.membership.gate.quantities import QUANTITIES, Quantity
from lit_mia.report.membership.gate.readings import Case, Value

EXAMPLE = "dAUC.hi > 0.05"
_FORM = re.compile(r"\s*([^\s<>=!]+)\s*(>=|<=|==|!=|>|<)\s*([^\s<>=!].*?)\s*", re.DOTALL)
_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
}
_EQUAL = ("==", "!=")


@dataclass(frozen=True)
class Condition:
    """A comparison that a gate fails on.

    Attributes:
        quantity: What is compared.
        end: Which end of its interval; empty for the number itself.
        sign: The operator.
        limit: With what it is compared.
    """

    quantity: Quantity
    end: str
    sign: str
    limit: Value

    @property
    def name(self) -> str:
        """The quantity with its end."""
        return f"{self.quantity.name}{self.end}"

    def __str__(self) -> str:
        limit = f'"{self.limit}"' if isinstance(self.limit, str) else f"{self.limit:.12g}"
        return f"{self.name} {self.sign} {limit}"

    def value(self, case: Case) -> Value | None:
        """What is compared of a case; None if that cannot be said, or the case could never have met the condition."""
        value = case.values.get(self.end)
        return None if value is None or self.out_of_reach(case) else value

    def out_of_reach(self, case: Case) -> bool:
        """Whether even the most, or the least, that a case could have been would not meet the condition."""
        extreme = {">": case.most, ">=": case.most, "<": case.least, "<=": case.least}.get(self.sign)
        return extreme is not None and not self.holds(extreme)

    def holds(self, value: Value) -> bool:
        """Whether a value meets the condition; of words, whether they begin with the limit."""
        if isinstance(value, str) or isinstance(self.limit, str):
            return str(value).startswith(str(self.limit)) == (self.sign == "==")
        return _OPERATORS[self.sign](value, self.limit)

    def urgency(self, value: Value) -> float:
        """Of several values, the largest is the one that meets the condition most, or comes closest to it."""
        if isinstance(value, str) or isinstance(self.limit, str):
            return 0.0
        by_sign = {"<": -value, "<=": -value, "==": -abs(value - self.limit), "!=": abs(value - self.limit)}
        return by_sign.get(self.sign, value)


def read_condition(text: str) -> Condition:
    """The condition that a text states.

    Args:
        text: `QUANTITY OPERATOR VALUE`; a value in words may stand in quotes.

    Raises:
        GateError: If it is no such text, there is no such quantity, or it could never be met.
    """
    form = _FORM.fullmatch(text)
    if form is None:
        raise GateError(
            f"`--fail-if {text!r}` is no condition. Write one comparison, QUANTITY OPERATOR VALUE, such as "
            f'"{EXAMPLE}"; the operators are {", ".join(_OPERATORS)}.'
        )
    quantity, end = _quantity(form[1], text)
    limit = re.sub(r"""^(["'])(.*)\1$""", r"\2", form[3], flags=re.DOTALL)
    if quantity.words:
        return Condition(quantity, end, form[2], _words(quantity, form[2], limit, text))
    return _possible(Condition(quantity, end, form[2], _number(limit, text)), text)


def _quantity(name: str, text: str) -> tuple[Quantity, str]:
    known = {whole: (of, end) for of in QUANTITIES for whole, end in zip(of.names, of.ends, strict=True)}
    if name not in known:
        folded = {whole.casefold(): whole for whole in known}
        near = get_close_matches(name.replace("Δ", "d").casefold(), folded, 1)
        asked = f" Did you mean {folded[near[0]]!r}?" if near else ""
        raise GateError(f"`--fail-if {text!r}` asks for {name!r}.{asked} The quantities are {', '.join(known)}.")
    return known[name]


def _words(quantity: Quantity, sign: str, limit: str, text: str) -> str:
    beginning = limit.strip().casefold()
    if sign not in _EQUAL or not beginning or not any(word.startswith(beginning) for word in quantity.words):
        raise GateError(
            f"`--fail-if {text!r}` cannot be met: a {quantity.name} is compared by {enumerated(_EQUAL)} with one of "
            f"{', '.join(map(repr, quantity.words))}, or the beginning of one."
        )
    return beginning


def _number(limit: str, text: str) -> float:
    try:
        number = float(limit)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise GateError(
            f"`--fail-if {text!r}` compares with {limit!r}, but must compare with one finite number, such as 0.05. "
            "Each further condition is a `--fail-if` of its own."
        )
    return number


def _possible(condition: Condition, text: str) -> Condition:
    """Refuse what no audit could meet, such as a rate in percent: such a gate would always be passed."""
    least, most = condition.quantity.least, condition.quantity.most
    limit = float(condition.limit)
    if not least <= limit <= most or (condition.sign not in _EQUAL and not any(map(condition.holds, (least, most)))):
        raise GateError(
            f"`--fail-if {text!r}` would tell nothing: {condition.name} is from {least:g} to {most:g}, "
            "and no percentage."
        )
    return condition
