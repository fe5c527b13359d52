"""Audits from the values of a YAML: read at once, made when they are needed."""

import copy
import inspect
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeVar

import yaml
from jsonargparse import ArgumentParser, Namespace

Made = TypeVar("Made")


def make(kind: type[Made], config: Mapping[str, Any]) -> Callable[[], Made]:
    """Reads a config at once; the audit itself is made anew at each call.

    Args:
        kind: The class of the audit.
        config: YAML values.

    Raises:
        ArgumentError: If a value or a place is not one that the audit's parts accept.
    """
    return partial(_instantiate, kind, *_read(kind, config))


def completed(kind: type[Any], config: Mapping[str, Any]) -> dict[str, Any]:
    """The config with every default filled in and every block in its place, as YAML values.

    Raises:
        ArgumentError: If a value or a place is not one that the audit's parts accept.
    """
    parser, given = _read(kind, config)
    dumped = yaml.safe_load(parser.dump(given, skip_unset=False))
    return {name: dumped[name] for name in inspect.signature(kind).parameters}


def _read(kind: type[Any], config: Mapping[str, Any]) -> tuple[ArgumentParser, Namespace]:
    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(kind, sub_configs=True)
    given: Namespace = parser.parse_object(copy.deepcopy(dict(config)))  # it changes what it is given
    return parser, given


def _instantiate(kind: type[Made], parser: ArgumentParser, given: Namespace) -> Made:
    return kind(**vars(parser.instantiate(given)))
