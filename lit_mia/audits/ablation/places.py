"""Values at dotted places of an audit's config, and what they are called."""

import copy
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lit_mia.errors import PlanError
from lit_mia.report.ablation import Label


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
