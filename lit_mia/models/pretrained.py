"""The files of a transformers model, in a folder or on the hub; no code of theirs is ever run."""

from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, final

import torch
from torch import Tensor

from lit_mia.errors import LitMiaError
from lit_mia.models.files import hub_file, model_digest, readable, versions


@final
class Pretrained:
    """A model, its image processor and its tokenizer, each loaded when it is first used.

    Args:
        path: A hub id or a folder made by `save_pretrained`.
        families: The model types that are of use, as `config.json` spells them.
        error: What to raise.
    """

    def __init__(self, path: str, families: tuple[str, ...], error: type[LitMiaError]) -> None:
        self.path, self.families = path, families
        self._error = error

    @cached_property
    def identity(self) -> dict[str, str]:
        """Hash of the folder if it is local, else the hub id and its commit; version of transformers.

        Raises:
            LitMiaError: If a hub id cannot be resolved.
        """
        if self.commit is None:
            return {"weights": model_digest(Path(self.path)), **versions("transformers")}
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
            LitMiaError: If it cannot be loaded, or weights are missing.
        """
        _ = self.config  # another family is refused by its name, not by its weights
        model, info = self._load(kind, weights_only=True, dtype=dtype, output_loading_info=True)
        missing = sorted({*info["missing_keys"], *(name for name, *_ in info["mismatched_keys"])})
        if missing:
            raise self._error(
                f"{self.path!r} holds no whole {type(model).__name__}: {len(missing)} weights are missing or of "
                f"another shape, e.g. {missing[:3]}."
            )
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
            LitMiaError: If it cannot be loaded.
        """
        from transformers import AutoTokenizer

        return self._load(AutoTokenizer)

    def too_long(self, texts: list[str]) -> int:
        """How many of some texts are cut off by the tokenizer."""
        longest = self.config.text_config.max_position_embeddings
        return sum(len(ids) > longest for ids in self.tokenizer(texts)["input_ids"])

    def pixels(self, images: Iterable[Tensor], device: torch.device) -> Any:
        """What the image processor of the model makes of images, each uint8 `[3, h, w]`, by input name."""
        return self._processor(list(images), input_data_format="channels_first", return_tensors="pt").to(device)

    def tokens(self, texts: list[str], padding: Literal["longest", "max_length"], device: torch.device) -> Any:
        """What the tokenizer makes of texts, by input name; what is too long for the model is cut off."""
        longest = self.config.text_config.max_position_embeddings
        tokens = self.tokenizer(texts, padding=padding, truncation=True, max_length=longest, return_tensors="pt")
        return tokens.to(device)

    @cached_property
    def _processor(self) -> Any:
        from transformers import AutoImageProcessor

        return self._load(AutoImageProcessor)

    def _load(self, kind: Any, **options: object) -> Any:
        revision = self.commit or "main"  # of no meaning for a folder
        said = (
            f"{kind.__name__} cannot be loaded from {self.path!r}, which must be a hub id or a folder made by "
            "`save_pretrained`"
        )
        with readable(self._error, said):
            return kind.from_pretrained(self.path, revision=revision, trust_remote_code=False, **options)
