"""Objects of Python as the blocks of YAML that make them again."""

from collections.abc import Mapping
from enum import Enum
from pathlib import PurePath
from typing import Any

import numpy as np

from lit_mia.attacks import Attack
from lit_mia.configured import Configured, given_to
from lit_mia.errors import ConfigError

Block = str | dict[str, Any]
"""The name of a shipped block or of a YAML file, or its content."""


def block_of(thing: object) -> Any:
    """YAML values that stand for an object where a config expects one.

    Args:
        thing: A target, a source, an attack, an encoder or the like; the name or the content of a block; or a value.

    Raises:
        ConfigError: If it, or something that it was made with, cannot be written as YAML.
    """
    match thing:
        case None | bool() | int() | float() | str():
            return thing
        case PurePath():
            return str(thing)
        case Enum():
            return block_of(thing.value)
        case np.generic() | np.ndarray():
            return thing.tolist()
        case Mapping():
            return {str(name): block_of(value) for name, value in thing.items()}
        case list() | tuple() | set() | frozenset():
            return [block_of(value) for value in thing]
        case Attack():
            return _made(type(thing), dict(thing.hparams))
        case Configured():
            return _made(type(thing), given_to(thing))
        case _:
            raise ConfigError(
                f"A {type(thing).__name__} cannot be written into a config, which every audit keeps. Give a block of "
                "YAML, or a target, source, attack or encoder of this package or of your own class."
            )


def _made(kind: type, given: Mapping[str, Any]) -> dict[str, Any]:
    if "<locals>" in kind.__qualname__:
        raise ConfigError(
            f"The class {kind.__name__} is defined inside a function, where no config can find it. Define it at the "
            "top of a module or of a notebook."
        )
    return {"class_path": f"{kind.__module__}.{kind.__qualname__}", "init_args": block_of(given)}
