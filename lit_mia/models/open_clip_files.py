"""Where the files of an open_clip model are, and how they are loaded without code of their own."""

import logging
import warnings
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Any, final

import torch

from lit_mia.errors import LitMiaError
from lit_mia.models.files import model_digest, readable, shipped

_LOCAL, _HUB = "local-dir:", "hf-hub:"

logger = logging.getLogger(__name__)


@final
class OpenClipFiles:
    """An open_clip model and its tokenizer, by name.

    Weights are read as safetensors or with `weights_only=True`, and no code of a model is run.

    Args:
        model: A shipped model, a folder in the layout of open_clip, a hub id (`hf-hub:...`) or a model tag.
        pretrained: For a model tag: the tag of its weights or a weights file; None if no weights are wanted.
        error: What to raise.
        untrained: Seed of random weights, instead of any that were trained.
    """

    def __init__(
        self, model: str, pretrained: str | None, error: type[LitMiaError], untrained: int | None = None
    ) -> None:
        self.given, self.pretrained, self.untrained = model, pretrained, untrained
        self._error = error

    @cached_property
    def source(self) -> str:
        """The model as open_clip names it: a tag, `hf-hub:...` or `local-dir:...`.

        Raises:
            LitMiaError: If there is no such model.
        """
        name = shipped(self.given).removeprefix(_LOCAL)
        if Path(name).is_dir():
            self._check_folder(Path(name))
            return f"{_LOCAL}{name}"
        if self.given.startswith(_LOCAL):
            raise self._error(f"The folder {name} of the model does not exist. Give a folder in open_clip's layout.")
        if not name.startswith(_HUB):
            self._check_tags(name)
        return name

    @cached_property
    def identity(self) -> dict[str, str | int | None]:
        """Hash of the weights if they are local, else their names."""
        if self.source.startswith(_LOCAL):
            return {"weights": model_digest(Path(self.source.removeprefix(_LOCAL)))}
        if self.pretrained is not None and Path(self.pretrained).is_file():
            return {"model": self.source, "weights": model_digest(Path(self.pretrained))}
        return {"model": self.source, "pretrained": self.pretrained}

    @cached_property
    def architecture(self) -> dict[str, Any]:
        """The configuration of the model."""
        config: dict[str, Any] = _open_clip().get_model_config(self.source)
        return config

    @cached_property
    def activation_mismatch(self) -> str | None:
        """What to say if the weights were trained with another activation than the model has; None if they fit.

        OpenAI's weights and some of LAION's were trained with an approximation of GELU ("quick GELU").
        """
        by_tag = ":" not in self.source and self.untrained is None and self._is_tag(self.source)
        tag = _open_clip().get_pretrained_cfg(self.source, self.pretrained) if by_tag else {}
        trained, built = bool(tag.get("quick_gelu")), bool(self.architecture.get("quick_gelu"))
        if not tag or trained == built:
            return None
        other = self.source.removesuffix("-quickgelu") if built else f"{self.source}-quickgelu"
        return (
            f"QuickGELU mismatch: the weights {self.pretrained!r} of {self.source} were trained "
            f"{'with' if trained else 'without'} it, but the model computes {'with' if built else 'without'} it. Use "
            f"the model {other}, or report both."
        )

    def load(self, device: torch.device) -> Any:
        """The model, ready to embed.

        Args:
            device: Where it shall be.

        Raises:
            LitMiaError: If it cannot be loaded.
        """
        if self.activation_mismatch:
            logger.warning(self.activation_mismatch)
        said = f"The model {self.given!r} ({self.pretrained!r}) cannot be loaded"
        with warnings.catch_warnings(), readable(self._error, said):
            warnings.filterwarnings("ignore", "QuickGELU mismatch")  # said above, with what to do
            model = self._trained(device) if self.untrained is None else self._random(self.untrained)
        return model.to(device).eval()

    def tokenizer(self) -> Any:
        """The tokenizer of the model.

        Raises:
            LitMiaError: If it cannot be loaded.
        """
        # A configuration file may ask for `trust_remote_code`: this overrides it.
        extra = {"trust_remote_code": False} if self.architecture["text_cfg"].get("hf_tokenizer_name") else {}
        with readable(self._error, f"The tokenizer of {self.given!r} cannot be loaded"):
            return _open_clip().get_tokenizer(self.source, **extra)

    def _trained(self, device: torch.device) -> Any:
        return _open_clip().create_model(
            self.source,
            None if ":" in self.source else self.pretrained,
            device=device,
            require_pretrained=True,  # open_clip's default only warns and keeps random weights
            weights_only=True,
        )

    def _random(self, seed: int) -> Any:
        """The architecture with weights drawn on the CPU, so that the device does not change them."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return _open_clip().create_model(self.source, load_weights=False, pretrained_text=False)

    def _is_tag(self, model: str) -> bool:
        """Whether the weights asked for have a tag in open_clip's list for a model."""
        return self.pretrained is not None and bool(_open_clip().is_pretrained_cfg(model, self.pretrained))

    def _check_folder(self, folder: Path) -> None:
        if not (folder / "open_clip_config.json").is_file():
            present = sorted(file.name for file in folder.iterdir())[:10]
            raise self._error(
                f"The folder {folder} holds no `open_clip_config.json`, only {present}. Give a folder in the layout of "
                "open_clip's `local-dir:`."
            )

    def _check_tags(self, model: str) -> None:
        known = _open_clip().list_models()
        name = model.replace("/", "-")
        if name not in known:
            raise self._error(
                f"{model!r} is neither a folder nor a model tag of open_clip. Similar tags: "
                f"{get_close_matches(name, known, n=5, cutoff=0.4)}. A hub id starts with `hf-hub:`."
            )
        is_file = self.pretrained is not None and Path(self.pretrained).is_file()
        if self.untrained is None and not self._is_tag(name) and not is_file:
            tags = _open_clip().list_pretrained_tags_by_model(name)
            raise self._error(
                f"`pretrained` of the model {model!r} must be a weights file or one of {tags}, but is "
                f"{self.pretrained!r}."
            )


def _open_clip() -> Any:
    """The library, which takes seconds to import."""
    import open_clip

    return open_clip
