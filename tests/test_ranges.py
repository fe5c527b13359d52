"""Numbers out of range, for every class that a config can name."""

import inspect
import math
import re

import lightning as L
import pytest

from lit_mia.attacks import AttackIIS, AuditedAttack, Budget
from lit_mia.audits.kinds import AUDIT_KINDS
from lit_mia.blocks import object_parameters
from lit_mia.errors import HeadError, LitMiaError, TargetError
from lit_mia.ranges import ABOVE_ZERO, FINITE, INNER_SHARE, SHARE, SHARE_BELOW_ONE, at_least, check, no_device
from lit_mia.targets import DiffusersTarget
from lit_mia.trainable import Trainable

NONSENSE = (math.nan, math.inf, -math.inf, 10**30)


def made_without_arguments():
    """Classes that a config can name and that need no argument, with the numbers that they take."""
    seen, waiting = set(), [*(kind.audit for kind in AUDIT_KINDS), AuditedAttack, Trainable, L.LightningDataModule]
    while waiting:
        made = waiting.pop()
        if made in seen:
            continue
        seen.add(made)
        waiting += [*made.__subclasses__(), *(part for parts in object_parameters(made).values() for part in parts)]
    ours = [made for made in seen if made.__module__.startswith(("lit_mia", "datamodules"))]
    for made in sorted(ours, key=lambda made: made.__qualname__):
        parameters = [p for name, p in inspect.signature(made).parameters.items() if name not in ("args", "kwargs")]
        if not inspect.isabstract(made) and parameters and all(p.default is not p.empty for p in parameters):
            yield from ((made, p.name, p.default) for p in parameters if _is_number(p.default))


def _is_number(value):
    one = value[0] if isinstance(value, tuple) and value else value
    return isinstance(one, int | float) and not isinstance(one, bool)


HEADS = [case for case in made_without_arguments() if issubclass(case[0], AuditedAttack | Budget)]


@pytest.mark.parametrize(("made", "name", "default"), HEADS, ids=lambda of: getattr(of, "__name__", str(of)))
def test_what_is_no_sensible_number_is_refused_by_name(made, name, default):
    for value in NONSENSE:
        with pytest.raises(LitMiaError, match=rf"`{name}`.* must be .*, but got .*{re.escape(str(value))}"):
            made(**{name: (value,) if isinstance(default, tuple) else value})


def test_most_heads_and_statistics_are_looked_at():
    names = {made.__name__ for made, *_ in HEADS}
    assert {"AttackIP", "AttackIV", "BlindResNet", "SecMI", "SubsetLoss", "Budget", "IdentityInference"} <= names


@pytest.mark.parametrize(
    ("allowed", "inside", "outside"),
    [
        (at_least(1), (1, 2**31 - 1, [1, 2], None), (0, 2**31, [1, 0], [], math.nan, "1")),
        (at_least(0, 5), (0, 5), (-1, 6)),
        (ABOVE_ZERO, (1e-30, 1), (0, -1, math.inf)),
        (FINITE, (-1e300, 0), (math.nan, math.inf)),
        (SHARE, (0, 1), (-0.1, 1.1, math.nan)),
        (SHARE_BELOW_ONE, (0, 0.5), (1, -1)),
        (INNER_SHARE, (0.5,), (0, 1)),
    ],
)
def test_ends_of_ranges(allowed, inside, outside):
    assert [value for value in inside if allowed(x=value)] == []
    assert all(allowed(x=value) == [f"`x` must be {allowed.allowed}, but got {value!r}"] for value in outside)


def test_all_mistakes_are_told_at_once():
    with pytest.raises(
        HeadError, match=r"^`a` of b must be at least 1, but got 0; `c` must be in \[0, 1\], but got 2\.$"
    ):
        check(HeadError, at_least(1)("b", a=0), SHARE(c=2, d=0.5))
    check(HeadError, [], [])


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"lr": 0.0}, "`lr` must be above 0"),
        ({"widths": (8, 0)}, "`widths` must be between 1 and 65536"),
        ({"dropout": 1.0}, r"`dropout` must be in \[0, 1\)"),
        ({"weight_decay": -1.0}, "`weight_decay` must be at least 0"),
    ],
)
def test_heads_refuse_what_would_train_nothing(settings, said):
    with pytest.raises(HeadError, match=said):
        AttackIIS(**settings)


def test_kinds_of_devices_are_known_without_one():
    assert no_device("auto") == no_device("cuda:3") == no_device("cpu") == []
    with pytest.raises(TargetError, match=r"`device` must be `auto` or a device of torch.* but got 'gpu'"):
        DiffusersTarget("shipped:openmoji-demo", device="gpu")
    with pytest.raises(TargetError, match="`eta` of `call` must be finite, but got nan"):
        DiffusersTarget("shipped:openmoji-demo", call={"eta": math.nan})
