"""The n-grams control: what scikit-learn's plain pipeline finds, and nothing where there is nothing."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline

from lit_mia.attacks.controls.ngrams import ngram_scores
from lit_mia.metrics.auc import auc
from lit_mia.records import Records

N = 1200
SPELLINGS = [("grey", "gray"), ("colour", "color"), ("centre", "center"), ("theatre", "theater"), ("harbour", "harbor")]
NOUNS = ["cat", "tower", "boat", "street", "garden", "window", "bridge", "child", "mountain", "lamp"]
UNUSED = Path("unused")


def records(captions):
    ids = tuple(f"r{row}" for row in range(len(captions)))
    members = tuple(row % 2 for row in range(len(ids)))
    return Records(ids, tuple(captions), members, ids, lambda row: Image.new("RGB", (2, 2)), stamps=ids)


def spelled(british_of_members, british_of_others=0.5, n=N, seed=0):
    """Captions of the same words; members' sides differ in how often they are spelled the British way."""
    rng = np.random.default_rng(seed)

    def caption(member):
        share = british_of_members if member else british_of_others
        words = [SPELLINGS[word][int(rng.random() > share)] for word in rng.integers(0, 5, 2)]
        return " ".join([*words, *rng.choice(NOUNS, 4)])

    return records([caption(row % 2) for row in range(n)])


def test_it_is_the_plain_pipeline_of_scikit_learn_at_the_same_training_size():
    table = spelled(0.76)
    labels = np.array(table.members)
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    pipeline = make_pipeline(TfidfVectorizer(analyzer="char", ngram_range=(1, 4)), LogisticRegression())
    plain = cross_val_predict(pipeline, list(table.captions), labels, cv=folds, method="decision_function")
    for learned, held_out in folds.split(labels, labels):
        scores = ngram_scores(table, learned.tolist(), UNUSED)
        np.testing.assert_allclose(scores[held_out], plain[held_out], atol=1e-3)
        assert abs(auc(scores[held_out], labels[held_out]) - auc(plain[held_out], labels[held_out])) < 0.002
    assert 0.63 < auc(plain, labels) < 0.69


def test_it_finds_a_shift_of_characters_and_none_where_there_is_none():
    half = range(N // 2)
    for share, low, high in ((0.76, 0.6, 0.74), (0.5, 0.42, 0.58)):
        table = spelled(share)
        scores = ngram_scores(table, half, UNUSED)
        assert low < auc(scores[N // 2 :], np.array(table.members)[N // 2 :]) < high


@pytest.mark.parametrize("caption", [None, "", "  ", "one for all"])
def test_captions_that_are_all_alike_tell_nothing(caption):
    scores = ngram_scores(records([caption] * 20), range(10), UNUSED)
    assert np.ptp(scores) == 0
    assert np.isfinite(scores).all()


def test_a_missing_caption_counts_as_an_empty_one():
    some = ["a cat", None, "a dog", "", "a cat", None] * 4
    scores = ngram_scores(records(some), range(24), UNUSED)
    assert scores[1] == scores[3] == scores[5]
    assert (scores[[1, 3]] > scores[[0, 2]].max()).all()  # the members are those without
