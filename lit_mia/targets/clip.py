"""CLIP and SigLIP as targets, by way of open_clip and of transformers."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any, Self, final

import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms.functional import pil_to_tensor

from lit_mia.errors import TargetError
from lit_mia.models import Fingerprint, OpenClipFiles, Precision, Pretrained, versions
from lit_mia.targets.base import EmbedTarget


@final
class OpenClipTarget(EmbedTarget):
    """Any open_clip model, with its own preprocessing, tokenizer and logit scale.

    Weights are read as safetensors or with `weights_only=True`, and no code of a model is run.

    Args:
        model: A model that comes with this package (`shipped:...`), a folder in the layout of open_clip
            (`open_clip_config.json`, weights, tokenizer files), a hub id (`hf-hub:laion/...`) or a model tag of
            open_clip (`ViT-B-32-quickgelu`).
        pretrained: For a model tag: the tag of its weights (`laion400m_e32`) or a weights file.
        untrained: Random weights in the same architecture: the control that has seen nobody.
        seed: Seed of the random weights.
        batch_size: Images or texts per forward pass. It changes speed and memory, not the embeddings.
        device: `auto` (the accelerator if there is one, else the CPU) or a torch device such as `cuda:1`.
        dtype: Precision of the forward pass. Embeddings are float32 in any case.
    """

    def __init__(
        self,
        model: str,
        pretrained: str | None = None,
        untrained: bool = False,
        seed: int = 0,
        batch_size: int = 64,
        device: str = "auto",
        dtype: Precision = "float32",
    ) -> None:
        words = [model, *([pretrained] if pretrained else []), *(["(untrained)"] if untrained else [])]
        super().__init__(" ".join(words), batch_size, device, dtype)
        self.model, self.pretrained, self.untrained, self.seed = model, pretrained, untrained, seed
        self._files = OpenClipFiles(model, pretrained, TargetError, seed if untrained else None)

    def fingerprint(self) -> Fingerprint:
        """Hash of the weights if they are local, else their names; precision and versions.

        Raises:
            TargetError: If there is no such model.
        """
        random = {"untrained": True, "seed": self.seed} if self.untrained else {}
        libraries = versions("open_clip_torch", "torch")
        return {"target": "open_clip", **self._files.identity, **random, "dtype": self.dtype, **libraries}

    @property
    def logit_scale(self) -> float:
        """What the model multiplies cosines with before its softmax."""
        return float(self._model.logit_scale.detach().exp())

    def untrained_twin(self) -> Self:
        """The same architecture with random weights."""
        return type(self)(self.model, self.pretrained, True, self.seed, self.batch_size, self.device, self.dtype)

    @property
    def notes(self) -> tuple[str, ...]:
        """A mismatch of the activation, if there is one."""
        mismatch = self._files.activation_mismatch
        return (mismatch,) if mismatch else ()

    def too_long(self, texts: Sequence[str]) -> int:
        """Texts whose tokens fill the context to its end, so that some may be cut off."""
        outside = self._tokenizer([""])[0].unique()  # start, end and padding
        return int((~torch.isin(self._tokenizer(list(texts))[:, -2], outside)).sum())

    def _encode_images(self, images: list[Image.Image]) -> Tensor:
        pixels = torch.stack([self._preprocess(image) for image in images])
        embedding: Tensor = self._model.encode_image(pixels.to(self._torch_device()))
        return embedding

    def _encode_texts(self, texts: list[str]) -> Tensor:
        embedding: Tensor = self._model.encode_text(self._tokenizer(texts).to(self._torch_device()))
        return embedding

    @cached_property
    def _model(self) -> Any:
        return self._files.load(self._torch_device())

    @cached_property
    def _tokenizer(self) -> Any:
        return self._files.tokenizer()

    @cached_property
    def _preprocess(self) -> Any:
        """What open_clip calls `preprocess_val`."""
        from open_clip.transform import PreprocessCfg, image_transform_v2

        return image_transform_v2(PreprocessCfg(**self._model.visual.preprocess_cfg), is_train=False)


@final
class TransformersClipTarget(EmbedTarget):
    """A CLIP or SigLIP of transformers, with its own image processor, tokenizer and logit scale.

    Args:
        path: A hub id or a folder made by `save_pretrained`, with image processor and tokenizer.
        untrained: Random weights in the same architecture: the control that has seen nobody.
        seed: Seed of the random weights.
        batch_size: Images or texts per forward pass. It changes speed and memory, not the embeddings.
        device: `auto` (the accelerator if there is one, else the CPU) or a torch device such as `cuda:1`.
        dtype: Precision of the forward pass. Embeddings are float32 in any case.
    """

    def __init__(
        self,
        path: str,
        untrained: bool = False,
        seed: int = 0,
        batch_size: int = 64,
        device: str = "auto",
        dtype: Precision = "float32",
    ) -> None:
        super().__init__(f"{path} (untrained)" if untrained else path, batch_size, device, dtype)
        self.path, self.untrained, self.seed = path, untrained, seed
        self._files = Pretrained(path, ("clip", "siglip", "siglip2"), TargetError)

    def fingerprint(self) -> Fingerprint:
        """Hash of the folder if it is local, else the hub id and its commit; precision and version of transformers."""
        random = {"untrained": True, "seed": self.seed} if self.untrained else {}
        return {"target": "transformers", **self._files.identity, **random, "dtype": self.dtype}

    @property
    def logit_scale(self) -> float:
        """What the model multiplies cosines with before its softmax."""
        return float(self._model.logit_scale.detach().exp())

    def untrained_twin(self) -> Self:
        """The same architecture with random weights."""
        return type(self)(self.path, True, self.seed, self.batch_size, self.device, self.dtype)

    def too_long(self, texts: Sequence[str]) -> int:
        """Texts with more tokens than the model reads."""
        return self._files.too_long(list(texts))

    def _encode_images(self, images: list[Image.Image]) -> Tensor:
        pixels = self._files.pixels([pil_to_tensor(image.convert("RGB")) for image in images], self._torch_device())
        embedding: Tensor = self._model.get_image_features(**pixels).pooler_output
        return embedding

    def _encode_texts(self, texts: list[str]) -> Tensor:
        tokens = self._files.tokens(texts, "max_length", self._torch_device())  # SigLIP was trained on full lengths
        embedding: Tensor = self._model.get_text_features(**tokens).pooler_output
        return embedding

    @cached_property
    def _model(self) -> Any:
        from transformers import AutoModel

        if self.untrained:
            return self._files.random_model(AutoModel, self.seed, self._torch_device())
        return self._files.model(AutoModel, self._torch_device())
