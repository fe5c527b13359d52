"""How far a fill is."""

import sys

from tqdm import tqdm


def progress(what: str, total: int, unit: str, rank: int) -> "tqdm[None]":
    """A bar with the time left on a terminal; in a log file a line every half minute; nothing for a total of 0.

    Args:
        what: What is done, e.g. "query" and the name of the target.
        total: How many there are.
        unit: What is counted.
        rank: Number of this process, which is the line of its bar.
    """
    interval = 1.0 if sys.stderr.isatty() else 30.0
    return tqdm(total=total, desc=what, unit=unit, position=rank, mininterval=interval, disable=not total)
