"""Imports Lightning without the seconds that torchmetrics spends on transformers."""

import importlib.metadata
from collections.abc import Callable


def import_lightning_lightly() -> None:
    """Import Lightning while torchmetrics believes that transformers is not installed.

    torchmetrics 1.9 imports transformers for its text metrics whenever it is there, and Lightning imports torchmetrics.
    No head needs them, and the time would be paid by every `--help` and `--print_config`. Does nothing if torchmetrics
    has been imported before; transformers itself can be imported afterwards as usual.
    """
    version = importlib.metadata.version
    importlib.metadata.version = _hiding("transformers", version)  # type: ignore[assignment]
    try:
        import lightning.pytorch.cli  # noqa: F401
    finally:
        importlib.metadata.version = version
        import lightning_utilities.core.imports as imports

        imports._version = version  # type: ignore[attr-defined]  # bound at its import


def _hiding(hidden: str, version: Callable[[str], str]) -> Callable[[str], str]:
    def visible(name: str) -> str:
        if name == hidden:
            raise importlib.metadata.PackageNotFoundError(name)
        return version(name)

    return visible
