"""The files of trained heads."""

import pickle
from pathlib import Path
from typing import Any

import torch

from lit_mia.errors import HeadError
from lit_mia.models.contents import check_contents


def read_checkpoint(path: str, option: str) -> dict[str, Any]:
    """What is in a checkpoint of `lit-mia fit` or of an audit.

    Args:
        path: The file.
        option: The setting that names it, for the error.

    Raises:
        HeadError: If there is no such file, or it is no checkpoint of a head.
    """
    place = Path(path).expanduser()
    if not place.is_file():
        raise HeadError(f"`{option}` must be a checkpoint file, but {path!r} does not exist.")
    check_contents(place, HeadError)
    try:
        checkpoint = torch.load(place, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError) as error:
        raise HeadError(
            f"{path} cannot be read as a checkpoint ({type(error).__name__}). Give one of `lit-mia fit` or of an audit."
        ) from error
    if not isinstance(checkpoint, dict) or not {"head", "state_dict"} <= checkpoint.keys():
        raise HeadError(f"{path} holds a model of another program. Give a checkpoint of `lit-mia fit` or of an audit.")
    return checkpoint
