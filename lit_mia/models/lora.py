"""LoRA weights on the base of a pipeline."""

import hashlib
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any, final

from lit_mia.errors import TargetError
from lit_mia.models.digest import Fingerprint

DEFAULT_NAME = "pytorch_lora_weights.safetensors"


@final
class Lora:
    """One file of LoRA weights and the strength at which it is added."""

    def __init__(self, path: str, scale: float) -> None:
        """Find a local file; a file on the hub is looked up when it is first needed.

        Args:
            path: A `.safetensors` file, a folder with one (or with `pytorch_lora_weights.safetensors`), a hub id, or
                a hub id followed by `/` and the name of a file.
            scale: Factor of the weights; 1 adds them as they were trained.

        Raises:
            TargetError: If a local path holds no LoRA weights.
        """
        self._path, self._scale = path, scale
        self._local = _local_file(path)

    def fingerprint(self) -> Fingerprint:
        """The SHA-256 of the weights, and their scale.

        Raises:
            TargetError: If the hub gives no such file.
        """
        with self._file.open("rb") as opened:
            return {"lora": hashlib.file_digest(opened, "sha256").hexdigest(), "lora_scale": self._scale}

    def require_peft(self) -> None:
        """Refuse to go on without the package that reads such weights.

        Raises:
            TargetError: If `peft` is missing.
        """
        if find_spec("peft") is None:
            raise TargetError("LoRA weights need the package `peft`. Install it with `pip install 'lit-mia[lora]'`.")

    def fuse(self, pipeline: Any) -> None:
        """Add the weights to those of a pipeline.

        Raises:
            TargetError: If the weights are not for this pipeline.
        """
        kind = type(pipeline).__name__
        from diffusers.loaders.lora_base import LoraBaseMixin

        if not isinstance(pipeline, LoraBaseMixin):
            raise TargetError(f"{kind} takes no LoRA weights in diffusers. Leave `lora` out, or choose another base.")
        try:
            pipeline.load_lora_weights(self._file.parent, weight_name=self._file.name, use_safetensors=True)
            if not any(pipeline.get_list_adapters().values()):
                raise ValueError("none of them belongs to a layer of it")
            pipeline.fuse_lora(lora_scale=self._scale)
            pipeline.unload_lora_weights()
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            raise TargetError(f"The LoRA weights {self._path!r} do not fit this {kind}: {error}") from error

    @cached_property
    def _file(self) -> Path:
        if self._local is not None:
            return self._local
        from huggingface_hub import hf_hub_download

        owner, name, *rest = self._path.split("/")
        try:
            return Path(hf_hub_download(f"{owner}/{name}", "/".join(rest) or DEFAULT_NAME))
        except (OSError, ValueError) as error:
            raise TargetError(
                f"{self._path!r} is no local LoRA file, and the Hugging Face hub gave no {rest or DEFAULT_NAME} for it "
                f"({type(error).__name__}). Check the path, the network and HF_HUB_OFFLINE."
            ) from error


def _local_file(path: str) -> Path | None:
    """The file of local weights, or None if the path is a hub id."""
    place = Path(path).expanduser()
    if place.is_file() and place.suffix == ".safetensors":
        return place
    if place.is_dir():
        files = sorted(place.glob("*.safetensors"))
        named = [file for file in files if file.name == DEFAULT_NAME] or files
        if len(named) == 1:
            return named[0]
        raise TargetError(f"The folder {path!r} must hold one LoRA file, but holds {len(files)}. Name the file itself.")
    if not place.exists() and not place.is_absolute() and len(place.parts) >= 2 and place.parts[0] not in {".", ".."}:
        return None
    raise TargetError(f"There are no LoRA weights {path!r}. Name a `.safetensors` file, a folder with one or a hub id.")
