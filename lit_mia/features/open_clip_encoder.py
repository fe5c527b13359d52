"""CLIP and its kin by way of open_clip: images and texts in one space."""

import pickle
from difflib import get_close_matches
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any, final

from torch import Tensor

from lit_mia.errors import EncoderError
from lit_mia.features.encoders import Encoder, Precision, model_digest, standardize
from lit_mia.features.pixels import resize
from lit_mia.targets.shipped import shipped

_LOCAL, _HUB = "local-dir:", "hf-hub:"


@final
class OpenClipEncoder(Encoder):
    """An open_clip model. Its image and text embeddings share a space.

    Weights are read as safetensors or with `weights_only=True`, and no code of a model is run.

    Args:
        model: A model that comes with this package (`shipped:openmoji-clip`), a folder in the layout of open_clip
            (`open_clip_config.json`, weights, tokenizer files), a hub id (`hf-hub:laion/...`) or a model tag of
            open_clip (`ViT-B-32`).
        pretrained: For a model tag: the tag of its weights (`laion2b_s34b_b79k`) or a weights file.
        normalize: Whether embeddings are scaled to length 1.
        batch_size: Images or texts per forward pass. It changes speed and memory, not the embeddings.
        device: `auto` (the accelerator if there is one, else the CPU) or a torch device such as `cuda:1`.
        dtype: Precision of the forward pass. Embeddings are float32 in any case.
    """

    def __init__(
        self,
        model: str = "shipped:openmoji-clip",
        pretrained: str | None = None,
        normalize: bool = True,
        batch_size: int = 64,
        device: str = "auto",
        dtype: Precision = "float32",
    ) -> None:
        super().__init__(f"{model} {pretrained or ''}".strip(), normalize, batch_size, device, dtype)
        self.model = model
        self.pretrained = pretrained

    @property
    def shares_space(self) -> bool:
        """True: that is what CLIP is trained for."""
        return True

    @property
    def dimension(self) -> int:
        """Length of an image embedding, and of a text embedding."""
        import open_clip

        return int(open_clip.get_model_config(self._source)["embed_dim"])

    def fingerprint(self) -> dict[str, object]:
        """Hash of the weights if they are local, else their names; version of open_clip; settings.

        Raises:
            EncoderError: If the model is missing.
            TargetError: If no shipped model has this name.
        """
        return {
            "encoder": "open_clip",
            **self._identity,
            "normalize": self.normalize,
            "dtype": self.dtype,
            "open_clip": version("open_clip_torch"),
        }

    def _encode_images(self, images: Tensor) -> Tensor:
        settings = self._model.visual.preprocess_cfg
        size = settings["size"] if isinstance(settings["size"], int) else settings["size"][0]
        pixels = standardize(resize(images, size, settings["interpolation"]), settings["mean"], settings["std"])
        embedding: Tensor = self._model.encode_image(pixels)
        return embedding

    def _encode_texts(self, texts: list[str]) -> Tensor:
        tokens = self._tokenizer(texts).to(self._torch_device())
        embedding: Tensor = self._model.encode_text(tokens)
        return embedding

    @cached_property
    def _identity(self) -> dict[str, object]:
        if self._source.startswith(_LOCAL):
            return {"weights": model_digest(Path(self._source.removeprefix(_LOCAL)))}
        if self.pretrained is not None and Path(self.pretrained).is_file():
            return {"model": self._source, "weights": model_digest(Path(self.pretrained))}
        return {"model": self._source, "pretrained": self.pretrained}

    @cached_property
    def _source(self) -> str:
        """The model as open_clip names it: a tag, `hf-hub:...` or `local-dir:...`."""
        name = shipped(self.model).removeprefix(_LOCAL)
        if Path(name).is_dir():
            _check_folder(Path(name))
            return f"{_LOCAL}{name}"
        if self.model.startswith(_LOCAL):
            raise EncoderError(f"The folder {name} of the encoder does not exist. Give a folder in open_clip's layout.")
        if not name.startswith(_HUB):
            _check_tags(name, self.pretrained)
        return name

    @cached_property
    def _model(self) -> Any:
        import open_clip
        from safetensors import SafetensorError

        try:
            model = open_clip.create_model(
                self._source,
                None if ":" in self._source else self.pretrained,
                device=self._torch_device(),
                require_pretrained=True,  # open_clip's default only warns and keeps random weights
                weights_only=True,
            )
        except (OSError, RuntimeError, ValueError, KeyError, pickle.UnpicklingError, SafetensorError) as error:
            raise EncoderError(f"The encoder {self.model!r} ({self.pretrained!r}) cannot be loaded: {error}") from error
        return model.eval()

    @cached_property
    def _tokenizer(self) -> Any:
        import open_clip

        text = open_clip.get_model_config(self._source)["text_cfg"]
        # A configuration file may ask for `trust_remote_code`: this overrides it.
        extra = {"trust_remote_code": False} if text.get("hf_tokenizer_name") else {}
        try:
            return open_clip.get_tokenizer(self._source, **extra)
        except (OSError, RuntimeError, ValueError, KeyError) as error:
            raise EncoderError(f"The tokenizer of {self.model!r} cannot be loaded: {error}") from error


def _check_folder(folder: Path) -> None:
    if not (folder / "open_clip_config.json").is_file():
        present = sorted(file.name for file in folder.iterdir())[:10]
        raise EncoderError(
            f"The folder {folder} holds no `open_clip_config.json`, only {present}. Give a folder in the layout of "
            "open_clip's `local-dir:`."
        )


def _check_tags(model: str, pretrained: str | None) -> None:
    import open_clip

    known = open_clip.list_models()
    name = model.replace("/", "-")
    if name not in known:
        raise EncoderError(
            f"{model!r} is neither a folder nor a model tag of open_clip. Similar tags: "
            f"{get_close_matches(name, known, n=5, cutoff=0.4)}. A hub id starts with `hf-hub:`."
        )
    tags = open_clip.list_pretrained_tags_by_model(name)
    is_tag = pretrained is not None and open_clip.is_pretrained_cfg(name, pretrained)
    if not is_tag and not (pretrained and Path(pretrained).is_file()):
        raise EncoderError(
            f"`pretrained` of the model {model!r} must be a weights file or one of {tags}, but is {pretrained!r}."
        )
