"""How like one another a generated image and a training image are, and from where on one is called a copy."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, final

import numpy as np
from numpy.typing import NDArray

from lit_mia.errors import EncoderError, HeadError
from lit_mia.features import Encoder
from lit_mia.metrics.copying.distances import adaptive_ratios, distances, tiled_distances
from lit_mia.metrics.roc import FloatArray
from lit_mia.ranges import ABOVE_ZERO, INNER_SHARE, Range, at_least, check


class CopyMeasure(ABC):
    """A similarity of images, with thresholds that are fixed beforehand.

    Args:
        thresholds: From where on an image is called a copy, the first for the sentence of the report.
        allowed: Which thresholds there can be.

    Attributes:
        name: Name in tables.
        by_distance: Whether copies are below the thresholds, and not above.
        needs_pool: Whether it depends on all images that a generated one is compared with, so that it cannot compare
            two generated images.
        encoder: What embeds the images that are compared; None: their pixels are.

    Raises:
        HeadError: If a threshold is out of range, or two are written alike, to six digits.
    """

    name: ClassVar[str]
    by_distance: ClassVar[bool] = True
    needs_pool: ClassVar[bool] = False
    encoder: Encoder | None = None

    def __init__(self, thresholds: Sequence[float], allowed: Range) -> None:
        check(HeadError, allowed(thresholds=list(thresholds)))
        if len({self.told(threshold) for threshold in thresholds}) < len(thresholds):
            raise HeadError(
                f"Each of the `thresholds` of {self.name} must be given once, and differ within six digits, but they "
                f"are {list(thresholds)}."
            )
        self.thresholds = tuple(float(threshold) for threshold in thresholds)

    @abstractmethod
    def closeness(self, drawn: NDArray[Any], pool: NDArray[Any]) -> FloatArray:
        """How like each of `m` images each of `n` drawn ones is, higher for closer, `[n, m]`.

        Args:
            drawn: What it compares of the drawn images: embeddings `[n, d]`, or pixels, uint8 `[n, 3, s, s]`.
            pool: The same of the images that they are compared with, `[m, ...]`.
        """

    def cuts(self) -> FloatArray:
        """The thresholds as closeness, `[t]`: a copy is at least as close."""
        return np.array([-threshold if self.by_distance else threshold for threshold in self.thresholds])

    def check_pool(self, size: int, n: int) -> None:  # noqa: B027 (most compare any images)
        """Refuse images that cannot be compared.

        Args:
            size: Their side in pixels.
            n: How many there are.

        Raises:
            HeadError: If they cannot.
        """

    def told(self, threshold: float) -> str:
        """When an image is a copy, e.g. `tiled ℓ2 ≤ 0.15`."""
        return f"{self.name} {'≤' if self.by_distance else '≥'} {threshold:g}"


@final
class EncoderCosine(CopyMeasure):
    """The cosine of two images' embeddings.

    The usual thresholds, 0.5 for replication and 0.75 for near copies, are those of SSCD, an encoder made for copy
    detection (Somepalli et al. 2023, arXiv 2212.03860). With any other encoder they mean nothing by themselves: the
    held-out half says how often unrelated images reach them.

    Args:
        encoder: What embeds images.
        thresholds: Cosines in (-1, 1] from which on an image is called a copy.
    """

    name = "cosine"
    by_distance = False

    def __init__(self, encoder: Encoder, thresholds: tuple[float, ...] = (0.5, 0.75)) -> None:
        super().__init__(thresholds, Range("in (-1, 1]", lambda n: -1 < n <= 1))
        self.encoder = encoder

    def closeness(self, drawn: NDArray[Any], pool: NDArray[Any]) -> FloatArray:
        """See `CopyMeasure`.

        Raises:
            EncoderError: If an embedding is not finite: beside it nothing would be nearest.
        """
        if not (np.isfinite(drawn).all() and np.isfinite(pool).all()):
            raise EncoderError(
                "Some embeddings are NaN or infinite, so that no cosine tells what is near. Set `dtype: float32` of "
                f"{self.name}'s encoder, or use another one; what was drawn is kept."
            )
        cosines: FloatArray = _unit(drawn) @ _unit(pool).T
        return cosines


@final
class TiledDistance(CopyMeasure):
    """The largest root-mean-square difference of the tiles of two images, in [0, 1] (Carlini et al. 2023).

    That of the whole images is small wherever most of both is the same plain background; the largest of all tiles is
    not (section 4.2 of arXiv 2301.13188: 16 tiles, copies below 0.15).

    Args:
        tiles: Tiles along each side; 1 is the plain distance.
        thresholds: Distances in (0, 1] up to which an image is called a copy.
    """

    name = "tiled ℓ2"

    def __init__(self, tiles: int = 4, thresholds: tuple[float, ...] = (0.15,)) -> None:
        super().__init__(thresholds, Range("in (0, 1]", lambda n: 0 < n <= 1))
        check(HeadError, at_least(1, 64)(tiles=tiles))
        self.tiles = tiles

    def closeness(self, drawn: NDArray[Any], pool: NDArray[Any]) -> FloatArray:
        """See `CopyMeasure`."""
        return -tiled_distances(drawn, pool, tiles=self.tiles)

    def check_pool(self, size: int, n: int) -> None:
        """See `CopyMeasure`."""
        if size % self.tiles:
            raise HeadError(
                f"Images of {size} pixels cannot be cut into {self.tiles} x {self.tiles} equal tiles. Set `image_size` "
                "to a multiple of `tiles`."
            )


@final
class AdaptiveRatio(CopyMeasure):
    """The distance of two images over that of the drawn one to its neighbours among all images (Carlini et al. 2023).

    Images that are near to everything, such as dull ones, are not taken for copies. The ratio is
    `ℓ2(x', x) / (α · mean ℓ2(x', its neighbours))`, where the neighbours are those images of both halves, x among them,
    that are nearest to the *generated* image x' (section 5.1 of arXiv 2301.13188; some code takes those of x).

    Args:
        neighbours: How many neighbours.
        alpha: α, in (0, 1).
        thresholds: Ratios above 0 up to which an image is called a copy.
    """

    name = "adaptive ratio"
    needs_pool = True

    def __init__(self, neighbours: int = 50, alpha: float = 0.5, thresholds: tuple[float, ...] = (1.0,)) -> None:
        super().__init__(thresholds, ABOVE_ZERO)
        check(HeadError, at_least(2)(neighbours=neighbours), INNER_SHARE(alpha=alpha))
        self.neighbours, self.alpha = neighbours, alpha

    def check_pool(self, size: int, n: int) -> None:
        """See `CopyMeasure`."""
        if n < self.neighbours:
            raise HeadError(
                f"The {self.name} compares with the nearest {self.neighbours} of all records, but there are {n}. Lower "
                "`neighbours`, far below the number of records, or leave this measure out."
            )

    def closeness(self, drawn: NDArray[Any], pool: NDArray[Any]) -> FloatArray:
        """See `CopyMeasure`."""
        return -adaptive_ratios(distances(drawn, pool), neighbours=self.neighbours, alpha=self.alpha)


def _unit(embeddings: NDArray[Any]) -> FloatArray:
    """Embeddings of length 1; those of length 0 stay."""
    values = np.asarray(embeddings, dtype=np.float64)
    lengths = np.linalg.norm(values, axis=1, keepdims=True)
    scaled: FloatArray = values / np.where(lengths > 0, lengths, 1)
    return scaled
