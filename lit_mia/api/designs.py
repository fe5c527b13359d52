"""Designs in Python: what a model is to be trained on, by coins."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

from rich.console import RenderableType
from rich.text import Text

from datamodules import DesignSource
from datamodules.sources.given import records_from
from lit_mia.api.places import place
from lit_mia.api.shown import Shown, data_frame
from lit_mia.cli.owners_design import OwnersDesign, check_outside
from lit_mia.designs.canaries import Canaries
from lit_mia.designs.manifest import HOLDOUT, TRAIN, Manifest
from lit_mia.errors import DesignError

if TYPE_CHECKING:
    from pandas import DataFrame


@final
class DesignResult(Shown):
    """A design that was drawn: what to train on, what to publish, and what an audit reads afterwards.

    Args:
        manifest: The design.
        folder: Where it is.
    """

    def __init__(self, manifest: Manifest, folder: Path) -> None:
        self._manifest, self.folder = manifest, folder

    @property
    def train(self) -> Path:
        """The folder to train on; nothing else goes to the trainer."""
        return self.folder / TRAIN

    @property
    def holdout(self) -> Path:
        """The folder of what is kept out."""
        return self.folder / HOLDOUT

    @property
    def commitment(self) -> str:
        """What to publish before the training, so that the coin can be checked afterwards."""
        return self._manifest.commitment

    def source(self) -> DesignSource:
        """The records of the design, for an audit after the training: `lit_mia.audit(pipe, records=design)`."""
        return DesignSource(str(self.folder), commitment=self.commitment)

    @property
    def numbers(self) -> dict[str, Any]:
        """What may be published: see `design.json`."""
        return self._manifest.public()

    def table(self) -> "DataFrame":
        """Records and canaries, one row each. It holds the coins: keep it from whoever trains."""
        return data_frame([asdict(entry) for entry in self._manifest.entries])

    def terminal(self) -> RenderableType:
        """How many are in and out, and the commitment."""
        included, left_out = self._manifest.sides
        return Text(f"{self.folder}: {included} in, {left_out} out. Commitment: {self.commitment}")

    def page(self) -> None:
        """A design has no page."""
        return None

    def __repr__(self) -> str:
        return f"<DesignResult in {self.folder}>"


def design(
    images: Any,
    output: str | Path,
    *,
    include: float = 0.5,
    layout: str = "imagefolder",
    canaries: Canaries | None = None,
    seed: str | int | None = None,
    allow_small: bool = False,
) -> DesignResult:
    """Decide by coins which images a model is trained on, before it is, so that an audit of it can be believed.

    Args:
        images: Your images with their captions; see `records_from` for what they may be.
        output: Folder of the design; a finished one is left as it is.
        include: Probability that a group of near-duplicates is trained on, in (0, 1).
        layout: How the training folder is laid out: `imagefolder` or `dreambooth`.
        canaries: Images that are inserted to see whether they come out again; none if not given.
        seed: What the coins follow from; the system's own if not given. Give one to repeat an experiment only.
        allow_small: Whether a side may be expected to hold fewer than 20 groups.

    Raises:
        LitMiaError: If nothing can be learnt from such a design, or the folder holds something else.

    Example:
        ```python
        drawn = lit_mia.design("photos", "runs/design")  # publish drawn.commitment, train on drawn.train
        result = lit_mia.audit("my-lora-pipeline", records=drawn, attacks=["SimA"])
        ```
    """
    folder = place(output, "output")
    if canaries is not None and not isinstance(canaries, Canaries):
        raise DesignError(f"`canaries` must be of `lit_mia.designs.canaries.Canaries`, but is {canaries!r}.")
    if isinstance(images, str | Path):
        check_outside(folder, place(images, "images"))
    owners = OwnersDesign(
        records_from(images), include=include, layout=layout, canaries=canaries, seed=seed, allow_small=allow_small
    )
    return DesignResult(owners.make(folder), folder)
