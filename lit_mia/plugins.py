"""Packages outside that add attacks, targets, kinds of rows and the like, found by their entry points."""

import inspect
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from lit_mia.errors import PluginError
from lit_mia.registry import Registry

GROUP = "lit_mia.plugins"
"""Group of entry points; each is a module, which adds what it defines by being imported."""


@dataclass(frozen=True)
class Plugin:
    """An entry point that was imported.

    Attributes:
        name: Name of the entry point.
        distribution: Name and version of the package that has it.
        adds: What it adds → names: classes by their base, entries by their registry.
    """

    name: str
    distribution: str
    adds: Mapping[str, tuple[str, ...]]


def load_plugins(bases: Mapping[str, type], registries: Iterable[Registry[Any]]) -> tuple[Plugin, ...]:
    """Import every module under the entry points `lit_mia.plugins`, in the order of their names.

    Args:
        bases: What a class is called → its base; a class belongs to the first one.
        registries: The registries to which a module may add.

    Raises:
        PluginError: If a module cannot be imported.
    """
    points = sorted(entry_points(group=GROUP), key=lambda point: point.name)
    return tuple(_load(point, bases, list(registries)) for point in points)


def _load(point: EntryPoint, bases: Mapping[str, type], registries: list[Registry[Any]]) -> Plugin:
    before = [{entry.name for entry in registry} for registry in registries]
    package = f"{point.dist.name} {point.dist.version}" if point.dist else "an unknown package"
    try:
        import_module(point.module)
    except Exception as error:  # whatever the module of somebody else raises
        raise PluginError(
            f"The plug-in {point.name!r} of {package} cannot be imported: {point.module} raised "
            f"{type(error).__name__}: {error}. Mend or uninstall that package."
        ) from error
    entries = {
        registry.what: tuple(entry.name for entry in registry if entry.name not in names)
        for registry, names in zip(registries, before, strict=True)
    }
    adds = _classes(point.module.partition(".")[0], bases) | entries
    return Plugin(point.name, package, {what: names for what, names in adds.items() if names})


def _classes(package: str, bases: Mapping[str, type]) -> dict[str, tuple[str, ...]]:
    """The concrete classes that a package defines, by the first of their bases."""
    found: dict[type, str] = {}
    for what, base in bases.items():
        for made in _below(base):
            if made.__module__.partition(".")[0] == package and not inspect.isabstract(made):
                found.setdefault(made, what)
    return {what: tuple(sorted(made.__name__ for made in found if found[made] == what)) for what in bases}


def _below(base: type) -> set[type]:
    """All subclasses that have been imported."""
    below: set[type] = set(base.__subclasses__())
    return below.union(*(_below(child) for child in below))
