"""A pipeline in a single file, as trained models are often passed on."""

import hashlib
from functools import cached_property
from pathlib import Path
from typing import Any, final

from lit_mia.errors import TargetError
from lit_mia.models.digest import Fingerprint
from lit_mia.models.pipeline_files import PipelineFiles


@final
class SingleFile:
    """The weights of a pipeline in one `.safetensors` file, with the configurations of its parts elsewhere.

    Attributes:
        location: The file.
        config: The files of a pipeline of the same layout; its weights serve only for parts that the file lacks.
    """

    def __init__(self, path: str, config: str, revision: str | None) -> None:
        """Find the file and the configurations.

        Args:
            path: The file.
            config: A folder or hub id of a pipeline of the same layout: `model_index.json`, the `config.json` of each
                part, the tokenizers.
            revision: Branch, tag or commit of the configurations, if they are on the hub.

        Raises:
            TargetError: If a file is missing or of another kind.
        """
        file = Path(path).expanduser()
        if not file.is_file() or file.suffix != ".safetensors":
            raise TargetError(
                f"{path!r} is no `.safetensors` file. `config` goes with such a file only: leave it out for a folder "
                "or a hub id. Files of other formats can hold code and are never read."
            )
        self.location = str(file)
        self.config = PipelineFiles(config, revision)

    @property
    def class_name(self) -> str:
        """The pipeline class that the configurations ask for."""
        return self.config.class_name

    @property
    def index(self) -> dict[str, Any]:
        """The contents of the configurations' `model_index.json`."""
        return self.config.index

    def fingerprint(self) -> Fingerprint:
        """What a folder's files tell, with the SHA-256 of the file in the place of theirs.

        Raises:
            TargetError: If the configurations are on the hub and cannot be resolved.
        """
        return {**self.config.fingerprint(), "weights": self._sha256, "config": self.config.weights}

    @cached_property
    def _sha256(self) -> str:
        with Path(self.location).open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
