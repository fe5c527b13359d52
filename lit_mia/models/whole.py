"""Models whose weights all come from their files: none is drawn at random, none of a deeper model is left out."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from lit_mia.errors import LitMiaError


def load_whole(kind: Any, path: Path | str, error: type[LitMiaError], **options: object) -> Any:
    """A model of diffusers or of transformers, refused if its files do not give all of it.

    Both libraries only warn of missing weights and draw them at random.

    Args:
        kind: The class, or an automatic one.
        path: Folder or hub id.
        error: What to raise.
        **options: Further arguments of `from_pretrained`.

    Raises:
        LitMiaError: If weights are missing or of another shape, or the files hold more layers than the model.
    """
    model, info = kind.from_pretrained(path, output_loading_info=True, ignore_mismatched_sizes=True, **options)
    missing = sorted({*info["missing_keys"], *(name for name, *_ in info["mismatched_keys"])})
    if missing:
        raise error(
            f"{str(path)!r} holds no whole {type(model).__name__}: {len(missing)} weights are missing or of another "
            f"shape, e.g. {missing[:3]}. Download it again, or look for the config.json that goes with the weights."
        )
    check_depth(path, info["unexpected_keys"], model.state_dict(), error)
    return model


def check_depth(path: Path | str, unused: Iterable[str], known: Iterable[str], error: type[LitMiaError]) -> None:
    """Refuse weights of layers that a model lacks while it has their like under other numbers.

    Weights of another kind may stay unused: files often hold a classifier, or the other half of a model.

    Args:
        path: Where they are from, for the message.
        unused: Names of the weights that the model has not taken.
        known: Names of its own.
        error: What to raise.

    Raises:
        LitMiaError: If there are such weights.
    """
    alike = {_without_numbers(name) for name in known}
    deeper = sorted(name for name in unused if _without_numbers(name) in alike)
    if deeper:
        raise error(
            f"The weights of {str(path)!r} are of a larger model than its configuration says: {len(deeper)} of them "
            f"would stay unused, e.g. {deeper[:3]}. Give the configuration that goes with the weights."
        )


def _without_numbers(name: str) -> str:
    return re.sub(r"\d+", "#", name)
