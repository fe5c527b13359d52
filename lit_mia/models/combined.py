"""Pipelines in two folders: a prior from text to image embeddings, and a decoder from these to images."""

from typing import Any

from lit_mia.errors import TargetError

COMBINED = {
    "KandinskyPipeline": "KandinskyCombinedPipeline",
    "KandinskyV22Pipeline": "KandinskyV22CombinedPipeline",
}
"""The pipeline of both, by the class of the decoder."""


def combined_name(decoder: str) -> str:
    """The class that a decoder and its prior make together.

    Raises:
        TargetError: If the pipeline is no such decoder.
    """
    if decoder not in COMBINED:
        raise TargetError(
            f"`prior` goes with a decoder alone ({', '.join(COMBINED)}), but `path` is a {decoder}. Leave `prior` out."
        )
    return COMBINED[decoder]


def combine(kind: Any, decoder: Any, prior: Any) -> Any:
    """One pipeline from text to images.

    Args:
        kind: The class of both.
        decoder: The decoder.
        prior: The prior.

    Raises:
        TargetError: If the parts of both are not those that the class needs.
    """
    parts = {**decoder.components, **{f"prior_{name}": part for name, part in prior.components.items()}}
    try:
        return kind(**parts)
    except TypeError as error:
        raise TargetError(
            f"The {type(prior).__name__} in `prior` is not the prior of a {type(decoder).__name__}: {error}."
        ) from error
