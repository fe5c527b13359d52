"""The configuration files of a pipeline's parts, read without loading a part."""

import json
from collections.abc import Sequence
from pathlib import Path
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
        path = _local(files.folder, part, name) if files.folder else _on_hub(files, (f"{part}/{name}", name))
        contents = {} if path is None else json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TargetError(f"The {part}/{name} of {files.home!r} cannot be read: {error}.") from error
    if not isinstance(contents, dict):
        raise TargetError(f"The {part}/{name} of {files.home!r} holds no settings by name. Download it again.")
    return contents


def _local(folder: Path, part: str, name: str) -> Path | None:
    """The file of a part, which lies beside `model_index.json` where the part has no folder."""
    place = folder / part if (folder / part).is_dir() else folder
    return place / name if (place / name).is_file() else None


def _on_hub(files: PipelineFiles, names: Sequence[str]) -> Path | None:
    """The first of some files that there is; None if all may be missing."""
    for name in names:
        try:
            return hub_file(files.home, name, TargetError, files.commit)
        except TargetError as error:
            if not str(error).endswith("EntryNotFoundError"):  # online and offline kinds
                raise _not_given(files, name, error) from error
            missing = error
    if names[-1] in OPTIONAL:
        return None
    raise _not_given(files, names[0], missing) from missing


def _not_given(files: PipelineFiles, name: str, error: TargetError) -> TargetError:
    return TargetError(
        f"The Hugging Face hub gave no {name} of {files.home!r} ({error}). Check the network and HF_HUB_OFFLINE."
    )
