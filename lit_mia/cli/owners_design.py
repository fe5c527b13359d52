"""A design as a config: its arguments, and the way from a source of records to a folder."""

import logging
from pathlib import Path
from typing import final

from datamodules.sources import RecordSource
from datamodules.sources.training_folder import told_scan
from lit_mia.designs.canaries import Canaries
from lit_mia.designs.coins import new_seed
from lit_mia.designs.drawing import Settings, drawn, look_through
from lit_mia.designs.folder import Begun, write
from lit_mia.designs.manifest import HOLDOUT, TRAIN, Manifest
from lit_mia.designs.outlook import check_size, told
from lit_mia.errors import CommandError, DesignError

logger = logging.getLogger(__name__)


def check_outside(output: Path, images: Path) -> None:
    """Refuse to write a design into the folder of its images.

    Raises:
        CommandError: If it would be there.
    """
    if output.resolve().is_relative_to(images.resolve()):
        raise CommandError(f"The output {output} is inside {images}, so its images would be designed again.")


@final
class OwnersDesign:
    """Which of your images a model is to be trained on, by coins, so that an audit of it can be believed.

    Equal and nearly equal images (resized, encoded anew, mirrored, cropped by a pixel) are of one group, and so are
    records that the source groups. An independent coin per group puts it into `train/` or `holdout/`. Labels of the
    records are ignored.

    Args:
        source: Your images and their captions.
        include: Probability that a group is trained on. Only at 0.5 can a one-run bound be stated.
        layout: How `train/` is laid out: `imagefolder` (with captions in `metadata.jsonl`) or `dreambooth` (images
            only).
        canaries: Images that are inserted to see whether they come out again; none if not given, and those of all
            kinds if empty.
        seed: What coins, names and canaries follow from. The system's own if not given; one that others may know tells
            them who is in, so give one to repeat an experiment only.
        allow_small: Whether a side may be expected to hold fewer than 20 groups.

    Raises:
        DesignError: If a value is out of its range, or values do not go together.
    """

    def __init__(
        self,
        source: RecordSource,
        include: float = 0.5,
        layout: str = "imagefolder",
        canaries: Canaries | None = None,
        seed: str | int | None = None,
        allow_small: bool = False,
    ) -> None:
        if seed is not None and not str(seed).strip():
            raise DesignError("`seed` is empty. Leave it out, so that the system draws one, or give one to repeat.")
        self.source, self.settings = source, Settings(include, layout, canaries)
        self.seed, self.allow_small = None if seed is None else str(seed), allow_small

    def make(self, output: Path) -> Manifest:
        """Draw the design and write it, or what is missing of it, after saying what it can show.

        Args:
            output: Folder of the design.

        Raises:
            DesignError: If nothing can be learnt from such a design, or the folder holds something else, such as a
                finished design of which files were lost or changed since.
            RecordError: If the records cannot be read.
        """
        begun = Begun.read(output)
        plan = drawn(look_through(self.source.load()), self.settings, self.seed or begun.seed or new_seed())
        check_size(plan.manifest, allow_small=self.allow_small)
        begun.check(output, plan)
        print(told(plan.manifest))
        if self.seed is not None:
            logger.warning("The seed was given: whoever knows or guesses it knows who is in, commitment or not.")
        if begun.finished:
            manifest = Manifest.read(output)
            print(f"The design in {output} is finished, and is left as it is.")
            print(told_scan(manifest, output / TRAIN, output / HOLDOUT))
            return manifest
        return write(plan, output)
