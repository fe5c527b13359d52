"""Records in memory."""

import hashlib

import numpy as np
from PIL import Image

from datamodules.sources.base import RecordSource
from lit_mia.records import Records


class MemorySource(RecordSource):
    """Images in memory, each a group of its own.

    Args:
        images: uint8 `[n, 3, s, s]`.
        members: Their labels.
        captions: Their captions, if any.
    """

    def __init__(self, images, members, captions=None):
        self.pictures = [Image.fromarray(np.ascontiguousarray(image)) for image in images.permute(0, 2, 3, 1).numpy()]
        self.members, self.captions = tuple(members), captions

    def load(self):
        names = tuple(f"r{number:03d}" for number in range(len(self.members)))
        return Records(
            ids=names,
            captions=tuple(self.captions or [None] * len(names)),
            members=self.members,
            groups=names,
            open_image=lambda row: self.pictures[row],
            stamps=tuple(hashlib.sha256(picture.tobytes()).hexdigest() for picture in self.pictures),
        )
