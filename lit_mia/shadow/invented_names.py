"""Invented names of two words, made of syllables; no list of real people is behind them."""

import numpy as np

ONSETS = ("b", "br", "d", "dr", "f", "g", "gl", "h", "j", "k", "kl", "l", "m", "n", "p", "q", "r", "s", "t", "v", "z")
VOWELS = ("a", "e", "i", "o", "u", "ai", "ou")
CODAS = ("", "", "k", "l", "n", "r", "sk", "x")


def invented_names(count: int, seed: int) -> tuple[str, ...]:
    """Different names such as "Gloutax Vibel"; a shorter list is the start of a longer one.

    Args:
        count: How many.
        seed: Seed of the list.
    """
    draw = np.random.default_rng(seed)
    names: dict[str, None] = {}  # a set that keeps its order
    while len(names) < count:
        names[f"{_word(draw)} {_word(draw)}"] = None
    return tuple(names)


def _word(draw: np.random.Generator) -> str:
    syllables = [draw.choice(ONSETS) + draw.choice(VOWELS) for _ in range(2)]
    return "".join([*syllables, draw.choice(CODAS)]).capitalize()
