"""The points of an ablation: audits that differ from one audit in the values at some places of its config."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sklearn.model_selection import ParameterGrid

from lit_mia.audits.ablation.places import is_file, label, value_at, with_values
from lit_mia.audits.making import full_config, maker
from lit_mia.audits.membership import MembershipAudit
from lit_mia.errors import ConfigError, PlanError
from lit_mia.report.ablation import Label, short

Grid = dict[str, list[Any]]
"""Dotted key → values."""


@dataclass(frozen=True)
class Point:
    """One point of an ablation.

    Attributes:
        settings: Key → label of its value.
        make: Makes the point's audit anew, so that its target is loaded only while it is needed.
    """

    settings: Mapping[str, Label]
    make: Callable[[], MembershipAudit]

    def __str__(self) -> str:
        return ", ".join(f"{short(key)} = {value}" for key, value in self.settings.items())


def check_grids(grids: Sequence[Grid], axis: str) -> None:
    """Check what needs no audit.

    Raises:
        PlanError: If the grids are empty, or the axis is not among their keys.
    """
    keys = sorted({key for grid in grids for key in grid})
    if not grids or not all(grid and all(grid.values()) for grid in grids):
        raise PlanError("`points` needs at least one grid, each of keys with lists of at least one value.")
    if axis not in keys:
        raise PlanError(f"`axis` must be a key of `points` ({', '.join(keys)}), but got {axis!r}.")


def varied_config(audit: Mapping[str, Any], wanted: Sequence[str] | None) -> dict[str, Any]:
    """The config of an audit with all defaults, without placebo, and with some of its attacks.

    Args:
        audit: Its config as YAML values.
        wanted: Names of the attacks; all of them if None.

    Raises:
        PlanError: If it is no audit, or lacks a wanted attack.
    """
    try:
        config = full_config(MembershipAudit, {**audit, "placebo": None})
        names = [attack.name for attack in maker(MembershipAudit, config)().attacks]
    except ConfigError as error:
        raise PlanError(f"`audit` is no config of an audit. {error}") from error
    chosen = names if wanted is None else wanted
    if not chosen or not set(chosen) <= set(names):
        raise PlanError(f"`attacks` must be some of the audit's ({', '.join(names)}), but got {chosen}.")
    blocks = [block for block, name in zip(config["attacks"], names, strict=True) if name in chosen]
    return {**config, "attacks": blocks}


def points_of(config: Mapping[str, Any], grids: Sequence[Grid]) -> list[Point]:
    """The points in the order of the grids; in each, the values of the last key in the alphabet change fastest.

    A key that only other grids name has the audit's value, which is a label all the same.

    Args:
        config: The whole config of the audit.
        grids: What is varied, as of scikit-learn's `ParameterGrid`.

    Raises:
        PlanError: If a key leads nowhere, a value is refused, a file is missing, or two points are the same.
    """
    keys = sorted({key for grid in grids for key in grid})
    points = [_point(config, values, keys) for values in ParameterGrid(list(grids))]
    distinct = {tuple(point.settings.items()) for point in points}
    if len(distinct) < len(points):
        raise PlanError(f"`points` holds {len(points)} points, but only {len(distinct)} differ. Name each once.")
    return points


def _point(config: Mapping[str, Any], values: Mapping[str, Any], keys: Sequence[str]) -> Point:
    for value in values.values():
        _check_file(value)
    own = with_values(config, values)
    settings = {key: label(values[key] if key in values else value_at(own, key)) for key in keys}
    try:
        return Point(settings, maker(MembershipAudit, own))
    except ConfigError as error:
        raise PlanError(f"A point of the ablation is no audit. {error}") from error


def _check_file(value: Any) -> None:
    if isinstance(value, list):
        for item in value:
            _check_file(item)
    elif isinstance(value, str) and is_file(value) and not Path(value).is_file():
        raise PlanError(f"`points` names the block {value!r}, but there is no such file. Give its path.")
