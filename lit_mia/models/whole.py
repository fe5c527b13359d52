"""Models whose weights and words all come from their files: none is made up, none of a deeper model is left out."""

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


def check_words(tokenizer: Any, location: str, error: type[LitMiaError]) -> Any:
    """Refuse a tokenizer without words: where its files are missing, transformers makes one that reads no text.

    Args:
        tokenizer: The tokenizer.
        location: What it is from, for the message.
        error: What to raise.

    Returns:
        The tokenizer.

    Raises:
        LitMiaError: If it knows nothing but special words.
    """
    words = tokenizer.get_vocab().keys() - {*tokenizer.all_special_tokens} - tokenizer.get_added_vocab().keys()
    if len(words) < 2:  # T5 is given the mark of a space
        needed = ", ".join(sorted(set(type(tokenizer).vocab_files_names.values()) | {"tokenizer.json"}))
        raise error(
            f"The {type(tokenizer).__name__} of {location!r} has no words, so every text would be the same to it: its "
            f"files are missing ({needed}; not all are needed). Download them too."
        )
    return tokenizer


def _without_numbers(name: str) -> str:
    return re.sub(r"\d+", "#", name)
