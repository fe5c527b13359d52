"""LoRA weights on the base of a pipeline."""

from collections.abc import Callable, Iterator
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any, final

from torch import Tensor, nn

from lit_mia.errors import TargetError
from lit_mia.models.files import Fingerprint, file_digest, hub_file, readable, shipped
from lit_mia.models.lora_use import unused_weights
from lit_mia.models.lycoris import fuse_lycoris, is_lycoris
from lit_mia.ranges import FINITE, check

DEFAULT_NAME = "pytorch_lora_weights.safetensors"


@final
class Lora:
    """One file of LoRA, LoHa or LoKr weights and the strength at which it is added."""

    def __init__(self, path: str, scale: float) -> None:
        """Find a local file; a file on the hub is looked up when it is first needed.

        Args:
            path: A `.safetensors` file, a folder with one (or with `pytorch_lora_weights.safetensors`), a hub id, a
                hub id followed by `/` and the name of a file, or `shipped:<name>`.
            scale: Factor of the weights; 1 adds them as they were trained.

        Raises:
            TargetError: If a local path holds no LoRA weights, or the scale is not finite.
        """
        check(TargetError, FINITE(lora_scale=scale))
        self._path, self._scale = path, scale
        self._local = _local_file(shipped(path))

    def fingerprint(self) -> Fingerprint:
        """The SHA-256 of the weights, and their scale.

        Raises:
            TargetError: If the hub gives no such file.
        """
        return {"lora": file_digest(self._file), "lora_scale": self._scale}

    def fuse(self, pipeline: Any, before: Callable[[nn.Module], None] = lambda layer: None) -> None:
        """Add the weights to those of a pipeline.

        Args:
            pipeline: A loaded pipeline of diffusers.
            before: Called with each layer that will change, maybe repeatedly.

        Raises:
            TargetError: If some of the weights are for no layer of this pipeline, or are no numbers.
        """
        from diffusers.loaders.lora_base import LoraBaseMixin
        from safetensors.torch import load_file

        kind = type(pipeline).__name__
        if not isinstance(pipeline, LoraBaseMixin):
            raise TargetError(f"{kind} takes no LoRA weights in diffusers. Leave `lora` out, or choose another base.")
        _ = self.fingerprint()  # looks at the file before it is loaded
        with readable(TargetError, f"The LoRA weights {self._path!r} do not fit this {kind}"):
            weights = load_file(self._file)
            odd = sorted(key for key, value in weights.items() if not value.float().isfinite().all())
            if odd:
                raise ValueError(f"{len(odd)} of its {len(weights)} tensors hold values that are no numbers: {odd[:3]}")
            if is_lycoris(weights):
                fuse_lycoris(pipeline, weights, self._scale, before)
            else:
                self._fuse_lora(pipeline, weights, before)

    def _fuse_lora(self, pipeline: Any, weights: dict[str, Tensor], before: Callable[[nn.Module], None]) -> None:
        pipeline.load_lora_weights(self._file.parent, weight_name=self._file.name, use_safetensors=True)
        if not any(pipeline.get_list_adapters().values()):
            raise ValueError("none of them belongs to a layer of it")
        unused = unused_weights(pipeline, weights)
        if unused:
            raise ValueError(
                f"{len(unused)} of its {len(weights)} tensors belong to no layer and would stay unused, e.g. "
                f"{unused[:3]}. Choose the base that they were trained on, or remove them from the file"
            )
        for layer in _adapted_layers(pipeline):
            before(layer)
        pipeline.fuse_lora(lora_scale=self._scale)
        pipeline.unload_lora_weights()

    @cached_property
    def _file(self) -> Path:
        if self._local is not None:
            return self._local
        owner, name, *rest = self._path.split("/")
        return hub_file(
            f"{owner}/{name}",
            "/".join(rest) or DEFAULT_NAME,
            lambda kind: TargetError(
                f"{self._path!r} is no local LoRA file, and the Hugging Face hub gave no {rest or DEFAULT_NAME} for it "
                f"({kind}). Check the path, the network and HF_HUB_OFFLINE."
            ),
        )


def require_peft() -> None:
    """Refuse to go on without the package that reads and trains LoRA weights.

    Raises:
        TargetError: If `peft` is missing.
    """
    if find_spec("peft") is None:
        raise TargetError("LoRA weights need the package `peft`. Install it with `pip install 'lit-mia[lora]'`.")


def _adapted_layers(pipeline: Any) -> Iterator[nn.Module]:
    """The layers of a pipeline that adapters of `peft` are on."""
    from peft.tuners.tuners_utils import BaseTunerLayer

    for part in pipeline.components.values():
        for module in part.modules() if isinstance(part, nn.Module) else ():
            if isinstance(module, BaseTunerLayer):
                yield module.get_base_layer()


def _local_file(path: str) -> Path | None:
    """The file of local weights, or None if the path is a hub id."""
    place = Path(path).expanduser()
    if place.is_file() and place.suffix == ".safetensors":
        return place
    if path and place.is_dir():
        files = sorted(place.glob("*.safetensors"))
        named = [file for file in files if file.name == DEFAULT_NAME] or files
        if len(named) == 1:
            return named[0]
        raise TargetError(f"The folder {path!r} must hold one LoRA file, but holds {len(files)}. Name the file itself.")
    if not place.exists() and not place.is_absolute() and len(place.parts) >= 2 and place.parts[0] not in {".", ".."}:
        return None
    raise TargetError(f"There are no LoRA weights {path!r}. Name a `.safetensors` file, a folder with one or a hub id.")
