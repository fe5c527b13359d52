"""A command line in which every block stands in its place, so that the parsers need not know of blocks."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lit_mia.blocks import ObjectKeys, compose, find_config, placed
from lit_mia.errors import ConfigError
from lit_mia.yaml_values import dumps, loads


@dataclass(frozen=True)
class CommandLine:
    """A command line without blocks.

    Attributes:
        args: What the parsers read: each `--config` holds its content.
        name: Name of the last config, without its suffix; empty if there is none.
        config: The configs laid over one another; of use for their top-level keys only.
    """

    args: tuple[str, ...]
    name: str
    config: dict[str, Any]


def resolve(args: Sequence[str], keys: ObjectKeys) -> CommandLine:
    """Put every config and every block of a command line in its place.

    Args:
        args: What follows the command's name.
        keys: Which keys expect an object; at an option that ends with one, the name of a block is a block.

    Raises:
        ConfigError: If a config or a block does not exist, or cannot be read.
    """
    resolved, configs = list(args), dict[Path, dict[str, Any]]()
    for i, arg in enumerate(args):
        option, equals, value = arg.partition("=")
        place = i if equals else i + 1
        if not option.startswith("-") or place >= len(args):
            continue
        value = value if equals else args[place]
        if option in ("--config", "-c"):
            path = find_config(value)
            configs[path] = _composed(path, keys)
            value = dumps(configs[path], flow=True)
        else:
            value = _with_blocks(option.lstrip("-").removesuffix("+"), value, keys)
        resolved[place] = f"{option}={value}" if equals else value
    config = {key: value for content in configs.values() for key, value in content.items()}
    return CommandLine(tuple(resolved), next((path.stem for path in reversed(configs)), ""), config)


def _composed(path: Path, keys: ObjectKeys) -> dict[str, Any]:
    content = compose(path, keys)
    if content is not None and not isinstance(content, dict):
        raise ConfigError(f"{path} holds a {type(content).__name__}, but a config is a mapping of keys to values.")
    return content or {}


def _with_blocks(key: str, text: str, keys: ObjectKeys) -> str:
    """The value of an option; as it is, if it names no block."""
    if key.rpartition(".")[-1] not in keys.everywhere:
        return text
    try:
        value = loads(text)
    except yaml.YAMLError:
        return text  # the parser says what is wrong with it
    block = placed(value, keys, key)
    return text if block == value else dumps(block, flow=True)
