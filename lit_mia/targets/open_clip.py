"""CLIP and SigLIP of open_clip as targets."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any, Self, final

import torch
from PIL import Image
from torch import Tensor

from lit_mia.errors import TargetError
from lit_mia.models import Fingerprint, OpenClipFiles, Precision, versions
from lit_mia.ranges import SEED, check
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
        check(TargetError, SEED(seed=seed))
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
