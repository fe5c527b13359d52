"""The configuration files of a pipeline's parts, read without loading a part."""

import json
from typing import Any

from lit_mia.errors import TargetError
from lit_mia.models.files import hub_file
from lit_mia.models.pipeline_files import PipelineFiles

NOT_THERE = "EntryNotFoundError"
"""How the kinds of error end that the hub's client gives for a file that a repository lacks."""


def part_json(files: PipelineFiles, part: str, name: str = "config.json") -> dict[str, Any]:
    """The contents of a file of one part; empty if the pipeline has no such file.

    Args:
        files: The files of the pipeline.
        part: The folder of the part, such as `unet`.
        name: Name of the file.

    Raises:
        TargetError: If the file cannot be read, or the hub cannot be asked.
    """
    if not (files.index.get(part) or [None])[0]:
        return {}
    try:
        if files.folder is not None:
            path = files.folder / part / name
        else:
            path = hub_file(files.home, f"{part}/{name}", TargetError, files.commit)
        contents: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except TargetError as error:
        if str(error).endswith(NOT_THERE):
            return {}
        raise TargetError(
            f"The Hugging Face hub gave no {part}/{name} of {files.home!r} ({error}). Check the network and "
            "HF_HUB_OFFLINE."
        ) from error
    except (OSError, ValueError) as error:
        raise TargetError(f"The {part}/{name} of {files.home!r} cannot be read: {error}.") from error
    return contents
