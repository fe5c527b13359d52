"""Membership inference audits of text-to-image models.

What a notebook or a script needs; each name is imported when it is first used.
"""

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datamodules.sources.given import records_from
    from lit_mia.api.audits import Audit, attacks_for, audit
    from lit_mia.api.comparisons import compare
    from lit_mia.api.designs import design
    from lit_mia.api.results import load
    from lit_mia.api.self_tests import selftest
    from lit_mia.errors import LitMiaError
    from lit_mia.targets import DenoiserTarget, DiffusersTarget

__version__ = version("lit-mia")

_PLACES = {
    "Audit": "lit_mia.api.audits",
    "DenoiserTarget": "lit_mia.targets",
    "DiffusersTarget": "lit_mia.targets",
    "LitMiaError": "lit_mia.errors",
    "attacks_for": "lit_mia.api.audits",
    "audit": "lit_mia.api.audits",
    "compare": "lit_mia.api.comparisons",
    "design": "lit_mia.api.designs",
    "load": "lit_mia.api.results",
    "records_from": "datamodules.sources.given",
    "selftest": "lit_mia.api.self_tests",
}

__all__ = [
    "Audit",
    "DenoiserTarget",
    "DiffusersTarget",
    "LitMiaError",
    "__version__",
    "attacks_for",
    "audit",
    "compare",
    "design",
    "load",
    "records_from",
    "selftest",
]


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_PLACES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_PLACES])
