"""Pretrained towers of texts and of images, brought into one space by two small projections."""

from functools import cached_property
from pathlib import Path
from typing import final

from torch import Tensor

from lit_mia.errors import EncoderError
from lit_mia.features.encoders import Encoder, Precision
from lit_mia.features.projections import ProjectionFile, Projections
from lit_mia.features.towers import Towers
from lit_mia.models import model_digest, shipped, versions


@final
class TowersEncoder(Encoder):
    """all-MiniLM-L6-v2 and EfficientNet-Lite0, frozen, with linear projections trained like a CLIP (arXiv 2103.00020).

    Needs the extra `towers`, whose packages hold the weights; no hub is asked, and no code of theirs is run.

    Args:
        projections: The folder of the projections: those of emoji that come with this package
            (`shipped:openmoji-towers`), or what `scripts/make_tools.py towers` wrote.
        normalize: Whether embeddings are scaled to length 1.
        batch_size: Images or texts per forward pass. It changes speed and memory, not the embeddings.
        device: `auto` (the accelerator if there is one, else the CPU) or a torch device such as `cuda:1`.
        dtype: Precision of the forward pass. Embeddings are float32 in any case.
    """

    shares_space = True

    def __init__(
        self,
        projections: str = "shipped:openmoji-towers",
        normalize: bool = True,
        batch_size: int = 64,
        device: str = "auto",
        dtype: Precision = "float32",
    ) -> None:
        super().__init__(projections, normalize, batch_size, device, dtype)
        self.projections = projections
        self._towers = Towers(device)

    @cached_property
    def dimension(self) -> int:
        """Length of an image embedding, and of a text embedding."""
        return self._file.dimension()

    def fingerprint(self) -> dict[str, object]:
        """Hashes of both towers and of the projections; how images are scaled; versions of the libraries; settings.

        Raises:
            EncoderError: If a package or the projections are missing, or they do not fit each other.
            TargetError: If no shipped model has this name.
        """
        self._file.check(self._towers.identity)
        image = self._towers.image
        return {
            "encoder": "towers",
            **self._towers.identity,
            "projections": model_digest(self._file.path, EncoderError),
            "scaling": {"size": image.size, "mean": image.mean[0], "std": image.std[0]},
            "longest": self._towers.text.longest,
            "normalize": self.normalize,
            "dtype": self.dtype,
            **versions("timm", "transformers"),
        }

    def _encode_images(self, images: Tensor) -> Tensor:
        return self._maps.of_images(self._towers.image(images))

    def _encode_texts(self, texts: list[str]) -> Tensor:
        return self._maps.of_texts(self._towers.text(texts))

    @property
    def _file(self) -> ProjectionFile:
        return ProjectionFile(Path(shipped(self.projections)))

    @cached_property
    def _maps(self) -> Projections:
        return self._file.load(self._towers.identity).to(self._torch_device())
