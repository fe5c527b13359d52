"""Tells the images of a pipeline from what it returns in the place of one."""

from collections.abc import Sequence

import numpy as np
import torch

from lit_mia.targets.base import Answers

FLAGGED = "safety checker"
NOT_A_NUMBER = "not a number"
BLACK = "black image"


def screen(images: np.ndarray, flagged: Sequence[bool], first: int) -> Answers:
    """The images as answers, and the others as refusals: nothing that a filter or an overflow blackened is scored.

    An image that is black in every pixel is always a refusal, also if no checker has flagged it: it may be a filter
    of the pipeline's own, or an overflow in half precision. A truly black image is thus counted instead of scored.

    Args:
        images: What the pipeline returned, `[n, h, w, 3]`, in [0, 1].
        flagged: Whether the pipeline's safety checker has replaced the image.
        first: Position of the first image in the batch of queries.
    """
    finite = np.isfinite(images).all(axis=(1, 2, 3))
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2).float()
    answers = (pixels.clamp(0, 1) * 255).round().to(torch.uint8)
    black = answers.flatten(1).amax(1) == 0
    rows, refused = [], {}
    for row in range(len(images)):
        reason = FLAGGED if flagged[row] else NOT_A_NUMBER if not finite[row] else BLACK if black[row] else None
        if reason is None:
            rows.append(row)
        else:
            refused[first + row] = reason
    return Answers([first + row for row in rows], answers[rows].contiguous(), refused)
