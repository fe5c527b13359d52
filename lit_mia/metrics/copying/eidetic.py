"""Of how many training images a reproduction is a copy.

A reproduced image is k-eidetic if it is within the threshold of at most k training images (Carlini et al. 2023, arXiv
2301.13188, definition 2): the smaller k, the less it is explained by repetition in the training set.
"""

from lit_mia.metrics.resampling import IntArray
from lit_mia.metrics.roc import BoolArray, FloatArray


def training_matches(closeness: FloatArray, cut: float, copies: IntArray, is_member: BoolArray) -> IntArray:
    """Training images that each of `h` generated images is a copy of, with how often they are in the training set.

    Args:
        closeness: Of each generated image to each of `n` known ones, higher for closer, `[h, n]`.
        cut: Closeness of a copy.
        copies: How often each known image is there, `[n]`.
        is_member: Which of them were trained on, `[n]`.

    Returns:
        k of each generated image, 0 if it is a copy of none, `[h]`.
    """
    matches: IntArray = (closeness >= cut) @ (copies * is_member)
    return matches
