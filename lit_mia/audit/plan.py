"""What an ablation varies: grids of values at dotted places of an audit's config."""

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sklearn.model_selection import ParameterGrid

from lit_mia.errors import PlanError
from lit_mia.report.ablation import Label


@dataclass(frozen=True)
class AblationPlan:
    """Measures the trained heads of an audit at many points, on val and calibration and never on test.

    A key is a dotted place in the audit's config, such as `data.init_args.train_fraction`; the blocks of a list go by
    their class, or by `*` for all of them: `attacks.*.init_args.operation`.

    Args:
        audit: The audit that is varied: a file beside this one, or the name of a shipped one.
        axis: The key on the x axis. All other keys are repetitions, over which mean and range are taken.
        points: Grids of key → values, as of scikit-learn's `ParameterGrid`. A value may be a number, a text, a whole
            block, or the file of a block beside this one.
        steps: Optimiser steps of every head, the same at every point. No epoch is chosen, so that val can be measured.
        attacks: Names of the audit's attacks that are measured, e.g. `II-S`; all of them if not given.
        baseline: Value of the axis to which differences are taken.
        baseline_attack: Name of the attack to which the others' differences are taken at the same points, instead.
        fid: Whether FID is measured at every point, by the audit's `fid_encoder`.
    """

    audit: str
    axis: str
    points: list[dict[str, list[Any]]]
    steps: int = 200
    attacks: list[str] | None = None
    baseline: int | float | str | None = None
    baseline_attack: str | None = None
    fid: bool = False

    def __post_init__(self) -> None:
        """Check what needs no audit.

        Raises:
            PlanError: If the grids are empty, the axis is not among their keys, or both baselines are given.
        """
        keys = sorted({key for grid in self.points for key in grid})
        if not self.points or not all(grid and all(grid.values()) for grid in self.points):
            raise PlanError("`points` needs at least one grid, each of keys with lists of at least one value.")
        if self.axis not in keys:
            raise PlanError(f"`axis` must be a key of `points` ({', '.join(keys)}), but got {self.axis!r}.")
        if self.steps < 1:
            raise PlanError(f"`steps` must be at least 1, but got {self.steps}.")
        if self.baseline is not None and self.baseline_attack is not None:
            raise PlanError("Give `baseline` or `baseline_attack`, not both: differences are taken to one of them.")

    def grid(self) -> list[dict[str, Any]]:
        """The points in the order of the grids; in each, the values of the last key in the alphabet change fastest."""
        return list(ParameterGrid(self.points))


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


def files_from(value: Any, folder: Path) -> Any:
    """The value with the files of blocks as whole paths.

    Args:
        value: A value of a point.
        folder: What relative paths start from.

    Raises:
        PlanError: If a file does not exist.
    """
    if isinstance(value, list):
        return [files_from(item, folder) for item in value]
    if not (isinstance(value, str) and is_file(value)):
        return value
    path = (folder / value).resolve()
    if not path.is_file():
        raise PlanError(f"`points` names the block {value!r}, but {path} does not exist. Paths start from the plan.")
    return str(path)


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
