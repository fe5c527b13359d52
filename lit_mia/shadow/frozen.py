"""Networks that a training works with but leaves as they are, and tokenizers."""

from typing import Any

import torch

from lit_mia.errors import TrainingError
from lit_mia.models import shipped
from lit_mia.models.files import readable
from lit_mia.models.whole import check_words, load_whole


def start_of(kind: Any, path: str, **options: Any) -> Any:
    """A model in float32.

    Args:
        kind: Its class in diffusers or transformers.
        path: Folder, hub id or `shipped:<name>`.
        **options: Further arguments of `from_pretrained`, such as `subfolder`.

    Raises:
        TrainingError: If it cannot be loaded, or weights are missing.
    """
    with readable(TrainingError, _said(kind, path, options)):
        return load_whole(
            kind, shipped(path), TrainingError, torch_dtype=torch.float32, use_safetensors=True, **options
        )


def frozen(kind: Any, path: str, **options: Any) -> Any:
    """A model that is not trained; see `start_of`."""
    return start_of(kind, path, **options).requires_grad_(False).eval()


def tokenizer_of(kind: Any, path: str, **options: Any) -> Any:
    """A tokenizer with words.

    Args:
        kind: Its class in transformers, or the automatic one.
        path: Folder, hub id or `shipped:<name>`.
        **options: Further arguments of `from_pretrained`, such as `subfolder`.

    Raises:
        TrainingError: If it cannot be loaded, or has no words.
    """
    with readable(TrainingError, _said(kind, path, options)):
        return check_words(kind.from_pretrained(shipped(path), **options), path, TrainingError)


def _said(kind: Any, path: str, options: dict[str, Any]) -> str:
    part = f" (in {options['subfolder']})" if "subfolder" in options else ""
    return (
        f"{path!r} gives no {kind.__name__}{part}. It must be a folder or hub id as diffusers or transformers saves it"
    )
