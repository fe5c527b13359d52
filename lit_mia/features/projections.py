"""Two linear maps that take the features of the towers into one space."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, final

from safetensors import safe_open
from safetensors.torch import load_model, save_file
from torch import Tensor, nn
from torch.nn import functional as F

from lit_mia.errors import EncoderError
from lit_mia.features.towers import ImageTower, TextTower
from lit_mia.models.contents import check_contents
from lit_mia.models.files import readable

FILE = "projections.safetensors"
_TOWERS = "towers"
"""The key in the file's metadata under which the towers stand that the maps were trained on."""


@final
class Projections(nn.Module):
    """A linear map for each tower, of features brought to mean 0 and variance 1 (without gains, so not learned).

    Args:
        dimension: Length of an embedding.
    """

    def __init__(self, dimension: int) -> None:
        super().__init__()
        self.image = nn.Linear(ImageTower.width, dimension)
        self.text = nn.Linear(TextTower.width, dimension)

    def of_images(self, features: Tensor) -> Tensor:
        """Embeddings `[b, d]` of image features `[b, 1280]`."""
        embedding: Tensor = self.image(F.layer_norm(features, features.shape[-1:]))
        return embedding

    def of_texts(self, features: Tensor) -> Tensor:
        """Embeddings `[b, d]` of text features `[b, 384]`."""
        embedding: Tensor = self.text(F.layer_norm(features, features.shape[-1:]))
        return embedding

    def save(self, folder: Path, towers: Mapping[str, str]) -> None:
        """Write the weights in half precision.

        Args:
            folder: Where; made if it is missing.
            towers: What tells the towers that they were trained on from all others.
        """
        folder.mkdir(parents=True, exist_ok=True)
        weights = {name: value.half().contiguous().cpu() for name, value in self.state_dict().items()}
        save_file(weights, folder / FILE, {_TOWERS: json.dumps(towers, sort_keys=True)})


@final
class ProjectionFile:
    """Projections that were saved.

    Args:
        folder: The folder with `projections.safetensors`.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE

    def check(self, towers: Mapping[str, str]) -> None:
        """Look whether the maps fit the installed towers, without reading the weights.

        Args:
            towers: What tells the installed towers from all others.

        Raises:
            EncoderError: If the file is missing or cannot be read, or says that it was trained on other towers.
        """
        with self._opened() as opened:
            trained = json.loads((opened.metadata() or {}).get(_TOWERS, "null"))
        if trained != dict(towers):
            raise EncoderError(
                f"The projections {str(self.path)!r} were trained on other towers ({trained}) than are installed "
                f"({dict(towers)}): their embeddings would mean nothing. Install the releases of `lit-mia[towers]`."
            )

    def dimension(self) -> int:
        """Length of an embedding, without reading the weights.

        Raises:
            EncoderError: If the file is missing or cannot be read.
        """
        with self._opened() as opened:
            return int(opened.get_slice("text.bias").get_shape()[0])

    def load(self, towers: Mapping[str, str]) -> Projections:
        """The maps, in float32.

        Args:
            towers: What tells the installed towers from all others.

        Raises:
            EncoderError: As `check`.
        """
        self.check(towers)
        projections = Projections(self.dimension())
        with self._opened():
            load_model(projections, self.path)
        return projections.eval()

    @contextmanager
    def _opened(self) -> Iterator[Any]:
        if not self.path.is_file():
            raise EncoderError(
                f"`projections` must be a folder with {FILE}, as `scripts/make_tools.py towers` writes it, or "
                f"`shipped:openmoji-towers`, but there is no {str(self.path)!r}."
            )
        check_contents(self.path, EncoderError)
        with (
            readable(EncoderError, f"The projections {str(self.path)!r} cannot be read"),
            safe_open(self.path, "pt") as opened,
        ):
            yield opened
