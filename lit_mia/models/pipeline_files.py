"""Where the files of a diffusers pipeline are, and what they are; the pipeline itself is not loaded."""

import json
import re
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any, final

from lit_mia.errors import TargetError
from lit_mia.models.digest import Fingerprint, digest
from lit_mia.models.shipped import shipped

MODEL_SUFFIXES = {".json", ".safetensors", ".txt", ".model"}
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")


@final
class PipelineFiles:
    """The files of a pipeline in a local folder or on the Hugging Face hub.

    Attributes:
        location: The folder, or the hub id.
        folder: The folder, or None for a hub id.
    """

    def __init__(self, path: str, revision: str | None) -> None:
        """Find a local folder; a hub id is looked up when it is first needed.

        Args:
            path: A local folder, a hub id, or `shipped:<name>`.
            revision: Branch, tag or commit of a hub id.

        Raises:
            TargetError: If a local folder is missing or holds no pipeline.
        """
        self.folder = _local_folder(shipped(path))
        self.location = str(self.folder or path)
        self._revision = revision

    @property
    def class_name(self) -> str:
        """The pipeline class that the files ask for."""
        return str(self.index["_class_name"])

    @property
    def commit(self) -> str | None:
        """The commit that the revision of a hub id stands for; None for a local folder."""
        return None if self.folder else self._index_file.parent.name  # the cache names a snapshot after its commit

    def fingerprint(self) -> Fingerprint:
        """What every target made of these files tells of them, and of the libraries that run them.

        Raises:
            TargetError: If a hub id cannot be resolved.
        """
        versions = {library: version(library).split("+")[0] for library in ("diffusers", "torch", "transformers")}
        return {"pipeline": self.class_name, "weights": self.weights, **versions}

    @cached_property
    def index(self) -> dict[str, Any]:
        """The contents of `model_index.json`.

        Raises:
            TargetError: If it cannot be read, or the pipeline brings code of its own.
        """
        try:
            index: dict[str, Any] = json.loads(self._index_file.read_text())
        except ValueError as error:
            raise TargetError(f"The model_index.json of {self.location!r} is no JSON: {error}.") from error
        code = list(self.folder.glob("*/*.py")) if self.folder else []
        if not isinstance(index.get("_class_name"), str) or code:
            raise TargetError(
                f"The pipeline {self.location!r} needs code of its own, which is never run. Choose a pipeline whose "
                "classes are part of diffusers and transformers."
            )
        return index

    @cached_property
    def weights(self) -> str:
        """What tells these model files from all others: hub id and commit, or the SHA-256 of the local files."""
        if self.folder is None:
            return f"{self.location}@{self.commit}"
        components = [self.folder / name for name in self.index if not name.startswith("_")]
        files = [file for component in components for file in component.rglob("*") if file.suffix in MODEL_SUFFIXES]
        return digest(self.folder, [self.folder / "model_index.json", *files])

    @cached_property
    def _index_file(self) -> Path:
        if self.folder is not None:
            return self.folder / "model_index.json"
        from huggingface_hub import hf_hub_download

        try:
            return Path(hf_hub_download(self.location, "model_index.json", revision=self._revision))
        except (OSError, ValueError) as error:
            raise TargetError(
                f"{self.location!r} is no local folder, and the Hugging Face hub gave no model_index.json for it "
                f"({type(error).__name__}). Check the path, the revision, the network and HF_HUB_OFFLINE."
            ) from error


def _local_folder(path: str) -> Path | None:
    """The folder of a local pipeline, or None if the path is a hub id."""
    folder = Path(path).expanduser()
    if not folder.exists() and HUB_ID.fullmatch(path):
        return None
    if folder.is_file():
        raise TargetError(
            f"{path!r} is a file, not a folder. Set `config` of a `DiffusersTarget` to read a single `.safetensors` "
            "file; every other target needs a folder, as `pipeline.save_pretrained` writes it."
        )
    if not folder.is_dir():
        raise TargetError(f"There is no folder {path!r}. Give a pipeline's folder, a hub id or `shipped:<name>`.")
    if not (folder / "model_index.json").is_file():
        raise TargetError(
            f"The folder {path!r} holds no model_index.json, so it is no diffusers pipeline. Give the folder that "
            "`pipeline.save_pretrained` wrote."
        )
    return folder
