"""The configuration files of a pipeline's parts, read without loading a part."""

import json
from typing import Any

from lit_mia.errors import TargetError
from lit_mia.models.files import hub_file
from lit_mia.models.pipeline_files import PipelineFiles

OPTIONAL = ("added_tokens.json", "tokenizer.json", "tokenizer_config.json")
"""Files that a release of transformers writes and another does not."""


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
        contents = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(contents, dict):
            raise ValueError(f"it holds a {type(contents).__name__} instead of settings by name")
    except FileNotFoundError:
        return {}
    except TargetError as error:
        if name in OPTIONAL and str(error).endswith("EntryNotFoundError"):  # online and offline kinds
            return {}
        raise TargetError(
            f"The Hugging Face hub gave no {part}/{name} of {files.home!r} ({error}). Check the network and "
            "HF_HUB_OFFLINE."
        ) from error
    except (OSError, ValueError) as error:
        raise TargetError(f"The {part}/{name} of {files.home!r} cannot be read: {error}.") from error
    return contents
