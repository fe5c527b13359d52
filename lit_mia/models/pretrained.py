"""The models of transformers and of open_clip: where their files are, and how they are loaded without their code."""

import logging
import warnings
from collections.abc import Iterable
from contextlib import AbstractContextManager
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, final

import torch
from torch import Tensor

from lit_mia.errors import LitMiaError
from lit_mia.models.files import hub_file, model_digest, readable, shipped, versions
from lit_mia.models.whole import check_words, load_whole

_LOCAL, _HUB = "local-dir:", "hf-hub:"

logger = logging.getLogger(__name__)


@final
class Pretrained:
    """A model, its image processor and its tokenizer, each loaded when it is first used.

    Args:
        path: A hub id, a folder made by `save_pretrained`, or `shipped:<name>`.
        families: The model types that are of use, as `config.json` spells them.
        error: What to raise.
    """

    def __init__(self, path: str, families: tuple[str, ...], error: type[LitMiaError]) -> None:
        self.path, self.families = shipped(path), families
        self._error = error

    @cached_property
    def identity(self) -> dict[str, str]:
        """Hash of the folder if it is local, else the hub id and its commit; version of transformers.

        Raises:
            LitMiaError: If a hub id cannot be resolved, or something else was saved in the place of a local file.
        """
        if self.commit is None:
            return {"weights": model_digest(Path(self.path), self._error), **versions("transformers")}
        return {"model": f"{self.path}@{self.commit}", **versions("transformers")}

    @cached_property
    def commit(self) -> str | None:
        """The commit that the main branch of a hub id stands for, which is what is loaded; None for a local folder.

        Raises:
            LitMiaError: If a hub id cannot be resolved.
        """
        if Path(self.path).is_dir():
            return None
        config = hub_file(
            self.path,
            "config.json",
            lambda kind: self._error(
                f"{self.path!r}, which must be a hub id or a folder made by `save_pretrained`, is no folder, and the "
                f"hub gave no config.json for it ({kind}). Check path, network and HF_HUB_OFFLINE."
            ),
        )
        return config.parent.name  # the cache names a snapshot so

    @cached_property
    def config(self) -> Any:
        """The configuration of the model.

        Raises:
            LitMiaError: If there is none, or it is of another family.
        """
        from transformers import AutoConfig

        config = self._load(AutoConfig)
        if config.model_type not in self.families:
            raise self._error(
                f"{self.path!r} holds a model of type {config.model_type!r}, but this class reads "
                f"{', '.join(self.families)}. Choose another model or another class."
            )
        return config

    def model(self, kind: Any, device: torch.device, dtype: torch.dtype = torch.float32) -> Any:
        """The model.

        Args:
            kind: Its class in transformers, or an automatic one.
            device: Where it shall be.
            dtype: Number format of its weights.

        Raises:
            LitMiaError: If it cannot be loaded, or its files do not give all of it.
        """
        _ = self.config  # another family is refused by its name, not by its weights
        with self._readable(kind):
            model = load_whole(kind, self.path, self._error, weights_only=True, dtype=dtype, **self._options)
        return model.to(device).eval()

    def random_model(self, kind: Any, seed: int, device: torch.device) -> Any:
        """The architecture of the model with random weights, drawn on the CPU.

        Args:
            kind: An automatic class of transformers.
            seed: Seed of the weights.
            device: Where it shall be.
        """
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return kind.from_config(self.config).to(device).eval()

    @cached_property
    def tokenizer(self) -> Any:
        """The tokenizer of the model.

        Raises:
            LitMiaError: If it cannot be loaded, or has no words.
        """
        from transformers import AutoTokenizer

        return check_words(self._load(AutoTokenizer), self.path, self._error)

    def too_long(self, texts: list[str]) -> int:
        """How many of some texts are cut off by the tokenizer."""
        longest = self.config.text_config.max_position_embeddings
        return sum(len(ids) > longest for ids in self.tokenizer(texts)["input_ids"])

    def pixels(self, images: Iterable[Tensor], device: torch.device) -> Any:
        """What the image processor of the model makes of images, each uint8 `[3, h, w]`, by input name."""
        return self._processor(list(images), input_data_format="channels_first", return_tensors="pt").to(device)

    def tokens(self, texts: list[str], padding: Literal["longest", "max_length"], device: torch.device) -> Any:
        """What the tokenizer makes of texts, by input name; what is too long for the model is cut off."""
        return self.tokenizer(
            texts,
            padding=padding,
            truncation=True,
            max_length=self.config.text_config.max_position_embeddings,
            return_tensors="pt",
        ).to(device)

    @cached_property
    def _processor(self) -> Any:
        from transformers import AutoImageProcessor

        return self._load(AutoImageProcessor)

    def _load(self, kind: Any) -> Any:
        with self._readable(kind):
            return kind.from_pretrained(self.path, **self._options)

    @property
    def _options(self) -> dict[str, Any]:
        return {"revision": self.commit or "main", "trust_remote_code": False}  # no revision is read of a folder

    def _readable(self, kind: Any) -> AbstractContextManager[None]:
        _ = self.identity  # looks at local files before any is loaded
        said = (
            f"{kind.__name__} cannot be loaded from {self.path!r}, which must be a hub id or a folder made by "
            "`save_pretrained`"
        )
        return readable(self._error, said)


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
        self.given, self.untrained = model, untrained
        self.pretrained = None if pretrained is None else shipped(pretrained)
        self._error = error

    @cached_property
    def source(self) -> str:
        """The model as open_clip names it: a tag, `hf-hub:...` or `local-dir:...`.

        Raises:
            LitMiaError: If there is no such model.
        """
        name = shipped(self.given.removeprefix(_LOCAL))
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
        """Hash of the weights if they are local, else their names.

        Raises:
            LitMiaError: If there is no such model, or something else was saved in the place of a local file.
        """
        if self.source.startswith(_LOCAL):
            return {"weights": model_digest(Path(self.source.removeprefix(_LOCAL)), self._error)}
        if self.pretrained is not None and Path(self.pretrained).is_file():
            return {"model": self.source, "weights": model_digest(Path(self.pretrained), self._error)}
        return {"model": self.source, "pretrained": self.pretrained}

    @cached_property
    def architecture(self) -> dict[str, Any]:
        """The configuration of the model."""
        _ = self.identity
        with readable(self._error, f"The configuration of {self.given!r} cannot be read"):
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
        _ = self.identity  # looks at local files before any is loaded
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
            LitMiaError: If it cannot be loaded, or has no words.
        """
        _ = self.identity
        # A configuration file may ask for `trust_remote_code`: this overrides it.
        extra = {"trust_remote_code": False} if self.architecture["text_cfg"].get("hf_tokenizer_name") else {}
        with readable(self._error, f"The tokenizer of {self.given!r} cannot be loaded"):
            tokenizer = _open_clip().get_tokenizer(self.source, **extra)
        if extra:  # one of transformers
            check_words(tokenizer.tokenizer, self.given, self._error)
        return tokenizer

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
