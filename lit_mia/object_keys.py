"""Which keys of a config expect an object, read from the signatures of the classes that configs name."""

import inspect
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from pathlib import PurePath
from typing import Any, final, get_args, get_origin, get_type_hints

PLAIN = (str, bytes, int, float, PurePath, Enum)
"""What a text or a number can become, so that a text at such a parameter is meant as it is."""
BUILT_IN = frozenset({"builtins", "collections.abc", "types", "typing"})


@final
class ObjectKeys:
    """The names of the parameters that expect an object, by class.

    Args:
        roots: Classes that stand at the top of a config. Their subclasses, the classes that their parameters expect,
            and so on, are found from there, as far as they have been imported.
        names: More keys that expect an object, wherever they stand.
    """

    def __init__(self, roots: Iterable[type], names: Iterable[str] = ()) -> None:
        self._by_class: defaultdict[str, set[str]] = defaultdict(set)
        seen, waiting = set[type](), list(roots)
        while waiting:
            found = waiting.pop()
            if found not in seen:
                seen.add(found)
                expected = object_parameters(found)
                self._by_class[found.__name__] |= set(expected)
                waiting += [*found.__subclasses__(), *(part for parts in expected.values() for part in parts)]
        self.everywhere = frozenset(names).union(*self._by_class.values())

    def of(self, class_path: object) -> frozenset[str]:
        """The keys of a class; of all classes together if it is unknown, such as one that has yet to be imported.

        Args:
            class_path: Its name, with or without its module.
        """
        name = str(class_path).rpartition(".")[-1]
        return frozenset(self._by_class[name]) if name in self._by_class else self.everywhere


def object_parameters(made: type) -> dict[str, list[type]]:
    """The parameters of a class that expect an object, a dataclass or a mapping, with the classes that they name."""
    hints = {name: hint for name, hint in _hints(made).items() if name != "return"}
    return {name: list(_classes(hint)) for name, hint in hints.items() if _expects_object(hint)}


def _hints(made: type) -> dict[str, Any]:
    """Annotations of what `__init__` takes, those included that it hands on to a parent as `**kwargs`."""
    hints: dict[str, Any] = {}
    for base in made.__mro__:
        init = vars(base).get("__init__")
        if inspect.isfunction(init):
            try:
                hints = get_type_hints(init) | hints
            except NameError:  # of another package, imported for type checkers only
                continue
            if all(p.kind is not p.VAR_KEYWORD for p in inspect.signature(init).parameters.values()):
                break
    return hints


def _expects_object(hint: Any) -> bool:
    return any(True for _ in _classes(hint)) or any(issubclass(origin, Mapping) for origin in _origins(hint))


def _classes(hint: Any) -> Iterator[type]:
    """The classes in an annotation, without those that a text or a number can become."""
    if get_origin(hint) is None and isinstance(hint, type):
        if hint.__module__ not in BUILT_IN and not issubclass(hint, PLAIN):
            yield hint
    elif get_origin(hint) is not type:  # a class itself is given by its name
        for part in hint if isinstance(hint, list) else get_args(hint):
            yield from _classes(part)


def _origins(hint: Any) -> Iterator[type]:
    for part in (hint, *get_args(hint)):
        origin = get_origin(part) or part
        if isinstance(origin, type):
            yield origin
