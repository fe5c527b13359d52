"""From YAML values to an audit: its signature is its config."""

import copy
import inspect
from collections.abc import Callable, Mapping
from dataclasses import is_dataclass
from typing import Any, TypeVar

import yaml
from jsonargparse import ArgumentError, ArgumentParser, Namespace, set_parsing_settings
from lightning.pytorch import LightningDataModule, Trainer

from lit_mia.attacks import AuditedAttack
from lit_mia.audits.base import AUDIT_KINDS, Audit
from lit_mia.blocks import ObjectKeys, object_parameters, placed
from lit_mia.errors import ConfigError, told_as_ours
from lit_mia.report.helping import CommandParser, description

A = TypeVar("A", bound=Audit)
T = TypeVar("T")
OPTIONS = frozenset({"output", "gallery", "logger", "dry_run", "fail_if", "junit"})
"""What a config may say beside the arguments of its audit: where results go, how they are shown, what they must be."""
_LIGHTNING = frozenset({"model", "data", "trainer"})


def object_keys() -> ObjectKeys:
    """Which keys of a config expect an object, of all classes that have been imported."""
    roots: list[type] = [*(kind.audit for kind in AUDIT_KINDS), AuditedAttack, LightningDataModule]
    return ObjectKeys(roots, _LIGHTNING.union(object_parameters(Trainer)))


def audit_parser(audit: type[Audit], **settings: Any) -> ArgumentParser:
    """A parser for the arguments of an audit.

    Args:
        audit: Its class.
        settings: Of `ArgumentParser`.
    """
    set_parsing_settings(instantiate_subclass_spec_in_any=False)  # a config inside a config stays a config
    parser = CommandParser(description=description(audit), **settings)
    parser.add_class_arguments(audit, sub_configs=True)
    return parser


def config_of(audit: type[Audit], parser: ArgumentParser, given: Namespace) -> dict[str, Any]:
    """The arguments of an audit as YAML values, defaults filled in; without options, which change no number."""
    dumped = yaml.safe_load(parser.dump(given, skip_unset=False))
    return {name: dumped[name] for name in inspect.signature(audit).parameters}


def instantiated(audit: type[A], ready: Namespace) -> A:
    """The audit of arguments that have been instantiated."""
    return audit(**{name: ready[name] for name in inspect.signature(audit).parameters})


def full_config(audit: type[Audit], config: Mapping[str, Any]) -> dict[str, Any]:
    """The config of an audit with blocks put in their places and all defaults filled in.

    Args:
        audit: Its class.
        config: Its arguments as YAML values; the options of a command are left out.

    Raises:
        ConfigError: If a value or a key is not one that the audit's parts accept.
    """
    return config_of(audit, *_parsed(audit, config))


def maker(audit: type[A], config: Mapping[str, Any]) -> Callable[[], A]:
    """Makes the audit of a config anew at each call; the config is read at once, and understood or refused.

    Args:
        audit: Its class.
        config: Its arguments as YAML values; the options of a command are left out.

    Raises:
        ConfigError: If a value or a key is not one that the audit's parts accept.
    """
    parser, given = _parsed(audit, config)
    return lambda: instantiated(audit, parser.instantiate(given))


def made(kind: Callable[..., T], value: object) -> T:
    """The object of a block, made at once.

    Args:
        kind: The class that it must be of.
        value: The block's name or content as YAML values.

    Raises:
        ConfigError: If the block is not understood, or describes something else.
        LitMiaError: If its class refuses its arguments.
    """
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument("--it", type=kind)
    with told_as_ours():
        try:
            given = parser.parse_object({"it": copy.deepcopy(placed(value, object_keys(), "it"))})
        except ArgumentError as error:
            raise ConfigError(f"This is no {kind.__name__}: {value!r}. {error}") from error
        found: T = parser.instantiate(given).it
    return found


def _parsed(audit: type[Audit], config: Mapping[str, Any]) -> tuple[ArgumentParser, Namespace]:
    parser = audit_parser(audit, exit_on_error=False)
    values = {key: value for key, value in config.items() if key not in OPTIONS}
    for name, parameter in inspect.signature(audit).parameters.items():
        if is_dataclass(parameter.annotation) and not isinstance(values.get(name, {}), Mapping | str):
            raise ConfigError(f"`{name}` holds several values, each with a name of its own, but is {values[name]!r}.")
    try:
        return parser, parser.parse_object(copy.deepcopy(placed(values, object_keys())))  # it changes what it is given
    except ArgumentError as error:
        raise ConfigError(f"These values are no config of {audit.__name__}. {error}") from error
