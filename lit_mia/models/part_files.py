"""The settings files of a pipeline's parts, found without loading a part."""

from collections.abc import Sequence
from pathlib import Path

from lit_mia.errors import TargetError
from lit_mia.models.files import hub_file

OPTIONAL = ("added_tokens.json", "tokenizer.json", "tokenizer_config.json")
"""Files that a release of transformers writes and another does not."""


def local_file(folder: Path, part: str, name: str) -> Path | None:
    """The file of a part, which lies beside `model_index.json` where the part has no folder.

    Args:
        folder: The pipeline's folder.
        part: The folder of the part, such as `unet`.
        name: Name of the file.
    """
    place = folder / part if (folder / part).is_dir() else folder
    return place / name if (place / name).is_file() else None


def file_on_hub(home: str, commit: str | None, names: Sequence[str]) -> Path | None:
    """The first of some files that there is; None if all may be missing.

    Args:
        home: The hub id.
        commit: The commit, branch or tag.
        names: Places in the repository.

    Raises:
        TargetError: If the hub gives none of them.
    """
    for name in names:
        try:
            return hub_file(home, name, TargetError, commit)
        except TargetError as error:
            if not str(error).endswith("EntryNotFoundError"):  # online and offline kinds
                raise _not_given(home, name, error) from error
            missing = error
    if names[-1] in OPTIONAL:
        return None
    raise _not_given(home, names[0], missing) from missing


def _not_given(home: str, name: str, error: TargetError) -> TargetError:
    return TargetError(
        f"The Hugging Face hub gave no {name} of {home!r} ({error}). Check the network and HF_HUB_OFFLINE."
    )
