"""The points of an ablation: audits that differ from one audit in the values at some dotted places of its config."""

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sklearn.model_selection import ParameterGrid

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


def with_values(config: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of a config with other values at some dotted places; a block is put in before what is inside it.

    Args:
        config: YAML values.
        values: Dotted key → value.

    Raises:
        PlanError: If a key leads nowhere.
    """
    changed = copy.deepcopy(dict(config))
    for key in sorted(values, key=lambda key: key.count(".")):
        for holder, place in list(_places(changed, key)):
            holder[place] = copy.deepcopy(values[key])
    return changed


def value_at(config: Mapping[str, Any], key: str) -> Any:
    """The value at a dotted place, the first one if there are several; None if there is none.

    Raises:
        PlanError: If the key leads nowhere.
    """
    holder, place = next(_places(config, key))
    return holder.get(place) if isinstance(holder, dict) else holder[place]


def label(value: Any) -> Label:
    """What tables and plots call a value: numbers as they are, files by their names, blocks by their classes."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    if isinstance(value, dict) and "class_path" in value:
        arguments = ", ".join(f"{name}={label(given)}" for name, given in (value.get("init_args") or {}).items())
        return _class_name(value) + (f"({arguments})" if arguments else "")
    if isinstance(value, list):
        return ", ".join(str(label(item)) for item in value)
    if isinstance(value, str) and is_file(value):
        return Path(value).stem
    return "none" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def is_file(value: str) -> bool:
    """Whether a text is the name of a YAML file."""
    return value.endswith((".yaml", ".yml"))


def _places(config: Any, key: str) -> Iterator[tuple[Any, Any]]:
    """Holder and place of every value that a key leads to; there is at least one."""
    nodes = [config]
    *path, last = key.split(".")
    for step in path:
        nodes = [node[place] for node in nodes for place in _steps(node, step) if _holds(node, place)]
    places = [(node, place) for node in nodes for place in _steps(node, last)]
    if not places:
        raise PlanError(
            f"The key {key!r} leads nowhere in the audit's config. Its first steps are {', '.join(config)}; blocks of "
            "a list go by their class (`attacks.AttackIIS.init_args.operation`) or by `*`."
        )
    yield from places


def _steps(node: Any, step: str) -> Sequence[str | int]:
    if isinstance(node, list):
        return [i for i, block in enumerate(node) if step in ("*", _class_name(block))]
    return [step] if isinstance(node, dict) else []


def _holds(node: Any, place: str | int) -> bool:
    return isinstance(node, list) or place in node


def _class_name(block: Any) -> str:
    return str(block["class_path"]).rpartition(".")[-1] if isinstance(block, dict) and "class_path" in block else ""
