"""What the call of a pipeline is told, beside the prompts."""

import inspect
from collections.abc import Mapping
from typing import Any

from lit_mia.errors import TargetError

AS_GIVEN = {"clean_caption": False, "use_resolution_binning": False}
"""PixArt, Sana and others would rewrite captions if a package happens to be installed, and round sizes."""


def call_arguments(pipeline: type[Any], chosen: Mapping[str, object]) -> dict[str, object]:
    """The arguments of every call of a pipeline.

    Args:
        pipeline: A pipeline's class.
        chosen: The settings of the target; None is not sent.

    Raises:
        TargetError: If the pipeline does not take one of them.
    """
    allowed = inspect.signature(pipeline.__call__).parameters
    sent = {name: value for name, value in chosen.items() if value is not None}
    refused = [name for name in sent if name not in allowed]
    if refused:
        raise TargetError(
            f"{pipeline.__name__} does not take {', '.join(refused)}. Leave these options of the target out (with "
            "`guidance: null` no `guidance_scale` is sent), or choose another pipeline."
        )
    return {name: value for name, value in AS_GIVEN.items() if name in allowed} | sent
