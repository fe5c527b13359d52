"""The n-grams control: what characters of the captions tell of membership."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lit_mia.records import Records

LENGTHS = (1, 4)
"""Shortest and longest n-gram, in characters."""


def ngram_scores(records: Records, rows: Sequence[int], folder: Path) -> NDArray[np.float64]:
    """Log odds of a logistic regression on the tf-idf of the captions' character 1-4-grams.

    Both are scikit-learn's with their defaults, so that this is what anybody's first try would find. A missing caption
    counts as an empty one. Where all captions are alike, so are all scores.

    Args:
        records: All records.
        rows: Those that it is fitted on; of both classes.
        folder: Not used: nothing is kept.

    Returns:
        `[n]`, higher for members.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    captions, labels = [caption or "" for caption in records.captions], np.array(records.members)
    learned = [captions[row] for row in rows]
    if not any(caption.strip() for caption in learned):
        return np.zeros(len(records))
    weights = TfidfVectorizer(analyzer="char", ngram_range=LENGTHS)
    model = LogisticRegression(max_iter=1000).fit(weights.fit_transform(learned), labels[list(rows)])
    scores: NDArray[np.float64] = model.decision_function(weights.transform(captions)).astype(np.float64)
    return scores
