"""The metadata control: what sizes, file types and lengths of captions tell of membership."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lit_mia.attacks.controls.boosting import boosted_scores
from lit_mia.features.file_facts import file_facts
from lit_mia.records import Records


def metadata_scores(records: Records, rows: Sequence[int], folder: Path) -> NDArray[np.float64]:
    """Gradient boosting on the facts of the image files, and the characters and words of the captions.

    Where all facts are alike, as of images that were rendered by one program, so are all scores.

    Args:
        records: All records.
        rows: Those that it is fitted on; of both classes.
        folder: Where the facts are kept.

    Returns:
        `[n]`, higher for members.
    """
    captions = [caption or "" for caption in records.captions]
    lengths = np.array([(len(caption), len(caption.split())) for caption in captions], dtype=np.float64)
    features = np.concatenate([file_facts(records, folder), lengths], axis=1)
    return boosted_scores(features, np.array(records.members), rows)
