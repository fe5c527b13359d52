"""Which numbers a setting may be: said and checked in one way, before anything is asked or trained."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import final

import torch

from lit_mia.errors import LitMiaError

MOST = 2**31 - 1
"""Largest setting of any kind: more overflows somewhere behind it, and counts nothing that there could be."""
Given = float | Sequence[float] | None
"""A number, or several; None where a setting that may be left out is."""


@final
@dataclass(frozen=True)
class Range:
    """Numbers that are allowed.

    Attributes:
        allowed: Which, in words that follow `must be`.
        holds: Whether a number is one of them; never true of what is not a number.
        may_be_empty: Whether a list may hold no number.
    """

    allowed: str
    holds: Callable[[float], bool]
    may_be_empty: bool = False

    def __call__(self, of: str = "", /, **given: Given) -> list[str]:
        """What is wrong with some settings, in words without a full stop.

        Args:
            of: What they belong to, where the names alone do not tell.
            **given: The settings by name; of a list every number must be allowed.
        """
        return [
            f"`{name}`{of and f' of {of}'} must be {self.allowed}, but got {value!r}"
            for name, value in given.items()
            if not self._allows(value)
        ]

    def _allows(self, value: Given) -> bool:
        if value is None:
            return True
        numbers = value if isinstance(value, list | tuple) else [value]
        allowed = (isinstance(number, int | float) and self.holds(number) for number in numbers)
        return (self.may_be_empty or len(numbers) > 0) and all(allowed)


def at_least(least: float, most: float = MOST) -> Range:
    """Numbers from one to another; by default all that are not absurd."""
    words = f"at least {least:g}" if most == MOST else f"between {least:g} and {most:g}"
    return Range(words, lambda n: least <= n <= most)


ABOVE_ZERO = Range("above 0 and finite", lambda n: 0 < n <= MOST)
FINITE = Range("finite", math.isfinite)
SHARE = Range("in [0, 1]", lambda n: 0 <= n <= 1)
POSITIVE_SHARE = Range("in (0, 1]", lambda n: 0 < n <= 1)
SHARE_BELOW_ONE = Range("in [0, 1)", lambda n: 0 <= n < 1)
INNER_SHARE = Range("in (0, 1)", lambda n: 0 < n < 1)
SIDE = at_least(1, 2**16)
"""Sides of images in pixels, and widths and depths of networks."""
SEED = at_least(0, 2**32 - 1)
"""Seeds of NumPy and Lightning."""


def check(error: type[LitMiaError], *mistakes: Iterable[str]) -> None:
    """Refuse settings with mistakes.

    Args:
        error: What to raise.
        *mistakes: What is wrong, in words without a full stop, such as a `Range` says it.

    Raises:
        LitMiaError: Of the given kind, naming every mistake.
    """
    wrong = [mistake for some in mistakes for mistake in some]
    if wrong:
        raise error("; ".join(wrong) + ".")


def no_device(device: str) -> list[str]:
    """What is wrong with the name of a device; whether this machine has it is asked when it is needed.

    Args:
        device: `auto`, or a device of torch such as `cuda:1`.
    """
    try:
        _ = device == "auto" or torch.device(device)
    except RuntimeError:
        return [f"`device` must be `auto` or a device of torch, such as cpu, cuda:1 or mps, but got {device!r}"]
    return []
