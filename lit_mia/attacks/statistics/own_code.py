"""How an attack is written that does not ship: what another formula of the same name was answered is not its own."""

import sys
import sysconfig
from collections.abc import Iterator, Mapping
from enum import Enum
from functools import cached_property
from inspect import unwrap
from pathlib import Path
from types import CellType, CodeType, FunctionType
from typing import Any, final

from lit_mia.files import key_digest

_SHIPPED = {"datamodules", "lit_mia"}
_INSTALLED = tuple({Path(place) for name, place in sysconfig.get_paths().items() if name.endswith("lib")})
"""Where the packages are that their releases tell apart."""


def own_code(kind: type) -> str | None:
    """SHA-256 of the compiled code of a class and of what it reads by name: functions, classes and plain values.

    Comments and places in a file do not count, so that a cell of a notebook may be run again. What is in a tensor or an
    object does not count either, nor what other packages do.

    Args:
        kind: Class of an attack.

    Returns:
        The digest; None of a class that ships, of which `revision` tells.
    """
    package = _package(kind)
    return None if package in _SHIPPED else key_digest(_Teller(package).told(kind))


@final
class _Teller:
    """Tells what code does, as JSON values, each piece once."""

    def __init__(self, package: str) -> None:
        self._own, self._seen = package, set[int]()

    def told(self, thing: Any) -> Any:
        match thing:
            case None | bool() | int() | float() | complex() | str() | bytes():
                return repr(thing)
            case Enum():
                return str(thing)
            case Mapping():
                return {repr(name): self.told(value) for name, value in thing.items()}
            case list() | tuple():
                return [self.told(value) for value in thing]
            case set() | frozenset():
                return sorted(map(repr, thing))
            case property():
                return [self.told(part) for part in (thing.fget, thing.fset)]
            case cached_property():
                return self.told(thing.func)
            case staticmethod() | classmethod():
                return self.told(thing.__func__)
            case CodeType():
                return [thing.co_code.hex(), thing.co_names, thing.co_varnames, self.told(thing.co_consts)]
            case FunctionType() | type() if self._is_own(thing) and id(thing) not in self._seen:
                self._seen.add(id(thing))
                return self._class(thing) if isinstance(thing, type) else self._function(unwrap(thing))
        return getattr(thing, "__qualname__", type(thing).__qualname__)

    def _class(self, kind: type) -> Any:
        members = {name: value for name, value in vars(kind).items() if name[:2] != "__" or callable(value)}
        return [
            kind.__name__,
            list(map(self.told, kind.__bases__)),
            {name: self.told(members[name]) for name in members},
        ]

    def _function(self, function: Any) -> Any:
        code, around = function.__code__, function.__globals__
        cells = [cell.cell_contents for cell in function.__closure__ or () if cell != CellType()]
        read = {name: self.told(around[name]) for name in sorted({*_names(code)}) if name in around}
        return [self.told(each) for each in (code, function.__defaults__, function.__kwdefaults__, cells)] + [read]

    def _is_own(self, thing: Any) -> bool:
        package = _package(thing)
        file = getattr(sys.modules.get(thing.__module__), "__file__", None)
        installed = file is not None and any(map(Path(file).is_relative_to, _INSTALLED))
        return package == self._own or not (package in _SHIPPED | sys.stdlib_module_names or installed)


def _package(thing: Any) -> str:
    return str(thing.__module__).partition(".")[0]


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _names(inner)
