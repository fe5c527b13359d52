"""Objects that know the arguments they were made with, so that what Python made can be written as YAML."""

import inspect
from functools import wraps
from typing import Any

_GIVEN = "_given"


class Configured:
    """A base of what configs describe by `class_path` and `init_args`."""

    def __init_subclass__(cls, **options: Any) -> None:
        """Have `__init__` note its arguments; of several, along the parents, the first that was called."""
        super().__init_subclass__(**options)
        init = vars(cls).get("__init__")
        if inspect.isfunction(init):
            cls.__init__ = _noting(init)  # type: ignore[method-assign]


def given_to(thing: Configured) -> dict[str, Any]:
    """The arguments that an object was made with, by name; without those that were left out."""
    return dict(vars(thing).get(_GIVEN, {}))


def _noting(init: Any) -> Any:
    signature = inspect.signature(init)

    @wraps(init)
    def noting(self: Any, *args: Any, **kwargs: Any) -> None:
        if _GIVEN not in vars(self):
            _, *given = signature.bind(self, *args, **kwargs).arguments.items()
            vars(self)[_GIVEN] = dict(given)
        init(self, *args, **kwargs)

    return noting
