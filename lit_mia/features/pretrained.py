"""The files of a transformers model, in a folder or on the hub; no code of theirs is ever run."""

import pickle
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, final

import torch
from torch import Tensor

from lit_mia.errors import EncoderError
from lit_mia.features.encoders import model_digest


@final
class Pretrained:
    """A model, its image processor and its tokenizer, each loaded when it is first used.

    Args:
        path: A hub id or a folder made by `save_pretrained`.
        families: The model types that are of use, as `config.json` spells them.
    """

    def __init__(self, path: str, families: tuple[str, ...]) -> None:
        self.path, self.families = path, families

    @cached_property
    def identity(self) -> dict[str, object]:
        """Hash of the folder if it is local, else the hub id; version of transformers."""
        weights = {"weights": model_digest(Path(self.path))} if Path(self.path).is_dir() else {"model": self.path}
        return {**weights, "transformers": version("transformers")}

    @cached_property
    def config(self) -> Any:
        """The configuration of the model.

        Raises:
            EncoderError: If there is none, or it is of another family.
        """
        from transformers import AutoConfig

        config = self._load(AutoConfig)
        if config.model_type not in self.families:
            raise EncoderError(
                f"{self.path!r} holds a model of type {config.model_type!r}, but this encoder reads "
                f"{', '.join(self.families)}. Choose another model or another encoder."
            )
        return config

    def model(self, kind: Any, device: torch.device) -> Any:
        """The model in float32.

        Args:
            kind: Its class in transformers, or an automatic one.
            device: Where it shall be.

        Raises:
            EncoderError: If it cannot be loaded, or weights are missing.
        """
        _ = self.config  # another family is refused by its name, not by its weights
        options = {"weights_only": True, "dtype": torch.float32}
        model, info = self._load(kind, **options, output_loading_info=True)
        missing = sorted({*info["missing_keys"], *(name for name, *_ in info["mismatched_keys"])})
        if missing:
            raise EncoderError(
                f"{self.path!r} holds no whole {type(model).__name__}: {len(missing)} weights are missing or of "
                f"another shape, e.g. {missing[:3]}."
            )
        return model.to(device).eval()

    def pixels(self, images: Tensor, device: torch.device) -> Any:
        """What the image processor of the model makes of images, uint8 `[b, 3, h, w]`, by input name."""
        return self._processor(list(images), input_data_format="channels_first", return_tensors="pt").to(device)

    def tokens(self, texts: list[str], padding: Literal["longest", "max_length"], device: torch.device) -> Any:
        """What the tokenizer makes of texts, by input name; what is too long for the model is cut off."""
        longest = self.config.text_config.max_position_embeddings
        tokens = self._tokenizer(texts, padding=padding, truncation=True, max_length=longest, return_tensors="pt")
        return tokens.to(device)

    @cached_property
    def _processor(self) -> Any:
        from transformers import AutoImageProcessor

        return self._load(AutoImageProcessor)

    @cached_property
    def _tokenizer(self) -> Any:
        from transformers import AutoTokenizer

        return self._load(AutoTokenizer)

    def _load(self, kind: Any, **options: object) -> Any:
        from safetensors import SafetensorError

        try:
            return kind.from_pretrained(self.path, trust_remote_code=False, **options)
        except (OSError, RuntimeError, ValueError, ImportError, pickle.UnpicklingError, SafetensorError) as error:
            raise EncoderError(
                f"{kind.__name__} cannot be loaded from {self.path!r}, which must be a hub id or a folder made by "
                f"`save_pretrained`: {error}"
            ) from error
