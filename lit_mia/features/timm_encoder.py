"""Models of timm as encoders of images."""

from difflib import get_close_matches
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any, final

import torch
from torch import Tensor

from lit_mia.errors import EncoderError
from lit_mia.features.encoders import ImageEncoder, Precision, standardize
from lit_mia.models import model_digest
from lit_mia.models.contents import check_contents
from lit_mia.models.files import told
from lit_mia.models.whole import check_depth


@final
class TimmEncoder(ImageEncoder):
    """A model of timm without its classifier: the pooled features before it.

    Args:
        model: Name with the tag of its weights (`vit_small_patch14_dinov2.lvd142m`). The tag also says how images are
            resized, cropped and scaled; without one, timm's first is meant.
        weights: A file with the weights in timm's own layout, safetensors or PyTorch; None: those of the tag, from the
            hub.
        normalize: Whether embeddings are scaled to length 1.
        batch_size: Images per forward pass. It changes speed and memory, not the embeddings.
        device: `auto` (the accelerator if there is one, else the CPU) or a torch device such as `cuda:1`.
        dtype: Precision of the forward pass. Embeddings are float32 in any case.
    """

    def __init__(
        self,
        model: str = "vit_small_patch14_dinov2.lvd142m",
        weights: str | None = None,
        normalize: bool = False,
        batch_size: int = 64,
        device: str = "auto",
        dtype: Precision = "float32",
    ) -> None:
        super().__init__(model, normalize, batch_size, device, dtype)
        self.model, self.weights = model, weights

    @cached_property
    def dimension(self) -> int:
        """Length of an embedding."""
        with torch.device("meta"):
            skeleton = self._create(pretrained=False)
            return int(skeleton(torch.zeros(1, *self._settings["input_size"])).shape[1])

    def fingerprint(self) -> dict[str, object]:
        """Name of the model; hash of the weights if they are local; version of timm; settings.

        Raises:
            EncoderError: If the weights are missing.
        """
        return {
            "encoder": "timm",
            "model": self.model,
            "weights": model_digest(self._file, EncoderError) if self._file else "timm",
            "normalize": self.normalize,
            "dtype": self.dtype,
            "timm": version("timm"),
        }

    def _encode_images(self, images: Tensor) -> Tensor:
        pixels = standardize(self._transform(images), self._settings["mean"], self._settings["std"])
        embedding: Tensor = self._model(pixels)
        return embedding

    @property
    def _file(self) -> Path | None:
        file = None if self.weights is None else Path(self.weights).expanduser()
        if file is not None and not file.is_file():
            raise EncoderError(f"`weights` must be a file or null, but {self.weights!r} does not exist.")
        return file

    @cached_property
    def _settings(self) -> dict[str, Any]:
        """How images are resized, cropped and scaled."""
        import timm

        _check_name(self.model)
        return dict(timm.data.resolve_data_config(pretrained_cfg=timm.get_pretrained_cfg(self.model).to_dict()))

    @cached_property
    def _transform(self) -> Any:
        """Resizing and cropping alone, on uint8."""
        import timm

        return timm.data.create_transform(**self._settings, normalize=False)

    @cached_property
    def _model(self) -> Any:
        model = self._create(pretrained=self._file is None)
        if self._file is not None:
            _load(model, self._file)
        return model.to(self._torch_device()).eval()

    def _create(self, pretrained: bool) -> Any:
        import timm

        _check_name(self.model)
        try:
            return timm.create_model(self.model, pretrained=pretrained, num_classes=0)
        except (OSError, RuntimeError, ValueError) as error:
            raise EncoderError(f"The weights of {self.model!r} cannot be fetched: {error}") from error


def _check_name(model: str) -> None:
    import timm

    name, _, tag = model.partition(".")
    if not timm.is_model(name):
        similar = get_close_matches(name, timm.list_models(), n=5, cutoff=0.4)
        raise EncoderError(f"{name!r} is no model of timm. Similar ones: {similar}.")
    tags = timm.list_pretrained(f"{name}.*")
    if tag and model not in tags:
        raise EncoderError(f"timm has no weights {tag!r} of {name}, only {tags}.")


def _load(model: Any, file: Path) -> None:
    """Read the weights; a classifier in the file is left out."""
    import timm

    check_contents(file, EncoderError)
    try:
        result = model.load_state_dict(timm.models.load_state_dict(str(file), weights_only=True), strict=False)
    except Exception as error:  # a damaged pickle raises anything
        raise EncoderError(f"The weights {file} cannot be loaded: {told(error)}") from error
    if result.missing_keys:
        raise EncoderError(
            f"The weights {file} lack {len(result.missing_keys)} of the tensors of the model, e.g. "
            f"{result.missing_keys[:3]}. Give a file in timm's own layout."
        )
    check_depth(file, result.unexpected_keys, model.state_dict(), EncoderError)
