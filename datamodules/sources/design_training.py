"""The folders of a design as a training reads them."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import final

from datamodules.sources.base import RecordSource
from datamodules.sources.decoding import open_rgb
from datamodules.sources.places import image_files, with_home
from datamodules.sources.training_folder import captions_now
from lit_mia.designs.layouts import METADATA
from lit_mia.designs.manifest import HOLDOUT, TRAIN
from lit_mia.errors import DesignError
from lit_mia.records import MEMBER, NON_MEMBER, Records


@final
class DesignTrainingSource(RecordSource):
    """What `lit-mia design` wrote, to train on: every file of `train/` as often as it lies there, `holdout/` held out.

    The secret of the design is not read. `DesignSource` audits what was trained so.

    Args:
        folder: The folder that `lit-mia design` wrote.
    """

    def __init__(self, folder: str) -> None:
        self.folder = with_home(folder)

    def load(self) -> Records:
        """List both folders; an id is the place of a file in the design, and equal files are one group.

        Raises:
            DesignError: If there is no image to train on, or a list of captions is not as the design wrote it.
        """
        sides = {side: image_files(self.folder / side) for side in (TRAIN, HOLDOUT)}
        if not sides[TRAIN]:
            raise DesignError(f"There is no image in {self.folder / TRAIN}. Give the folder of `lit-mia design`.")
        captions = {side: _captions(self.folder / side) for side in sides}
        files = [(side, file) for side, listed in sides.items() for file in listed]
        sums = tuple(hashlib.sha256(file.read_bytes()).hexdigest() for _, file in files)
        return Records(
            ids=tuple(file.relative_to(self.folder).as_posix() for _, file in files),
            captions=tuple(captions[side].get(file.name) for side, file in files),
            members=tuple(MEMBER if side == TRAIN else NON_MEMBER for side, _ in files),
            groups=sums,
            open_image=lambda row: open_rgb(files[row][1]),
            stamps=sums,
            grouped=True,
            encoded=lambda row: files[row][1],
        )


def _captions(folder: Path) -> Mapping[str, str | None]:
    """Name of a file → its caption; empty for a layout without captions."""
    if not (folder / METADATA).is_file():
        return {}
    return {name: captions[0] for name, captions in captions_now(folder).items()}
