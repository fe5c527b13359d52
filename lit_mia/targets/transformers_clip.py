"""CLIP and SigLIP of transformers as targets."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any, Self, final

from PIL import Image
from torch import Tensor
from torchvision.transforms.functional import pil_to_tensor

from lit_mia.errors import TargetError
from lit_mia.models import Fingerprint, Precision, Pretrained
from lit_mia.ranges import SEED, check
from lit_mia.targets.base import EmbedTarget


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
        check(TargetError, SEED(seed=seed))
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
