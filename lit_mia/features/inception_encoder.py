"""The Inception-v3 of FID as an encoder of images."""

import io
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any, final

import torch
from torch import Tensor

from lit_mia.errors import EncoderError
from lit_mia.features.encoders import ImageEncoder, Precision
from lit_mia.models import model_digest
from lit_mia.models.files import saved_by_torch


@final
class InceptionEncoder(ImageEncoder):
    """The 2048 pooled features on which FID is defined (Heusel et al., arXiv 1706.08500), with TensorFlow's resizing.

    Needs the extra `fid` and the weights that TensorFlow's FID was published with, converted to PyTorch: the file
    `pt_inception-2015-12-05-6726825d.pth` of pytorch-fid, which torch-fidelity calls
    `weights-inception-2015-12-05-6726825d.pth`. Nothing is downloaded.

    Args:
        weights: That file.
        normalize: Whether embeddings are scaled to length 1; FID's are not.
        batch_size: Images per forward pass. It changes speed and memory, not the embeddings.
        device: `auto` (the accelerator if there is one, else the CPU) or a torch device such as `cuda:1`.
        dtype: Precision of the forward pass. Embeddings are float32 in any case.
    """

    dimension = 2048

    def __init__(
        self,
        weights: str,
        normalize: bool = False,
        batch_size: int = 32,
        device: str = "auto",
        dtype: Precision = "float32",
    ) -> None:
        super().__init__(weights, normalize, batch_size, device, dtype)
        self.weights = weights

    def fingerprint(self) -> dict[str, object]:
        """Hash of the weights, version of torch-fidelity, settings.

        Raises:
            EncoderError: If the weights or torch-fidelity are missing.
        """
        return {
            "encoder": "inception",
            "weights": model_digest(self._file, EncoderError),
            "normalize": self.normalize,
            "dtype": self.dtype,
            "torch-fidelity": version("torch-fidelity"),
        }

    def _encode_images(self, images: Tensor) -> Tensor:
        features: tuple[Tensor, ...] = self._model(images)
        return features[0]

    @property
    def _file(self) -> Path:
        try:
            import torch_fidelity  # noqa: F401
        except ImportError as error:
            raise EncoderError("InceptionEncoder needs torch-fidelity: `pip install lit-mia[fid]`.") from error
        file = Path(self.weights).expanduser()
        if not file.is_file():
            raise EncoderError(
                f"There are no Inception weights at {self.weights!r}. Fetch pt_inception-2015-12-05-6726825d.pth from "
                "the releases of mseitzer/pytorch-fid, or choose another encoder."
            )
        return file

    @cached_property
    def _model(self) -> Any:
        from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

        checked = io.BytesIO()  # torch-fidelity would unpickle anything
        torch.save(saved_by_torch(self._file, EncoderError), checked)
        checked.seek(0)
        try:
            model = FeatureExtractorInceptionV3("inception", ["2048"], feature_extractor_weights_path=checked)
        except (OSError, RuntimeError, ValueError, TypeError, AttributeError) as error:
            raise EncoderError(f"The Inception weights {self.weights} cannot be loaded: {error}") from error
        return model.to(self._torch_device())
