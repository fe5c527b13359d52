"""The two learners of a control: which one counts, and what gradient boosting sees."""

import numpy as np
import pytest
from planted_pairs import SIDE, D, PlantedPairs
from sklearn.decomposition import PCA
from sklearn.ensemble import HistGradientBoostingClassifier

from lit_mia.attacks import BlindImage, BlindPixels
from lit_mia.attacks.budgets import Budget
from lit_mia.attacks.controls import Selection, boosting, stronger_learner
from lit_mia.attacks.controls.boosting import boosted_scores, flat_features
from lit_mia.attacks.training import train_seeds
from lit_mia.metrics.auc import auc

SHORT = Budget(seeds=2, max_epochs=3, accelerator="cpu")


def selection(data):
    return Selection(data.arrays.member, *(list(data.rows[name]) for name in ("train", "val", "calibration")))


@pytest.fixture(scope="module")
def checkers():
    """Members' image embeddings have an even number of positive values among the first two: no line tells it."""
    data = PlantedPairs()
    image = data.arrays.inputs["image_embedding"]
    image[:, 0] = np.abs(image[:, 0]) * np.sign(image[:, 1]) * (2 * data.arrays.member - 1)
    return data


def test_the_stronger_learner_on_val_counts(checkers, tmp_path):
    idle, able = BlindImage(widths=(4,), lr=1e-6), BlindImage(widths=(32, 16), lr=0.02)
    trees = stronger_learner(idle, checkers, SHORT, selection(checkers), checkpoint=tmp_path / "blind.ckpt")
    assert trees.learner == "gradient boosting"
    assert trees.scores.shape == (1, len(checkers.table))
    test = list(checkers.rows["test"])
    assert auc(trees.scores[0][test], checkers.arrays.member[test]) > 0.85
    assert (tmp_path / "blind.ckpt").is_file()  # the network of that kind, for heads that start from it
    linear = PlantedPairs()
    linear.arrays.inputs["image_embedding"][linear.arrays.member == 1] += 0.5
    long = Budget(seeds=2, max_epochs=30, accelerator="cpu")
    network = stronger_learner(able, linear, long, selection(linear))
    assert network.learner is None
    np.testing.assert_array_equal(network.scores, train_seeds(able, linear, long))


def test_gradient_boosting_is_that_of_scikit_learn_and_draws_nothing(checkers):
    features, labels, rows = checkers.arrays.inputs["image_embedding"], checkers.arrays.member, checkers.rows["train"]
    one, other = (boosted_scores(features, labels, rows) for _ in range(2))
    np.testing.assert_array_equal(one, other)
    plain = HistGradientBoostingClassifier(max_bins=63, early_stopping=False)
    plain.fit(features[list(rows)], labels[list(rows)])
    np.testing.assert_allclose(one, plain.decision_function(features))


def test_what_is_known_of_no_training_record_is_left_out():
    features = np.array([[np.nan, 1.0], [np.nan, 2.0], [5.0, 1.0], [6.0, 2.0]]).repeat(30, axis=0)
    labels = np.arange(120) % 2
    assert np.ptp(boosted_scores(features[:, :1], labels, range(60))) == 0
    assert np.isfinite(boosted_scores(features, labels, range(60))).all()


def test_a_control_of_few_features_is_read_as_it_is(pairs):
    data = pairs()
    flat = flat_features(BlindImage(), data, len(data.rows["train"]))
    np.testing.assert_array_equal(flat, data.arrays.inputs["image_embedding"])
    assert flat.shape[1] == D


def test_pixels_are_reduced_to_components_of_the_training_records(pairs, monkeypatch):
    monkeypatch.setattr(boosting, "WIDE", 100)
    data = pairs()
    train = list(data.rows["train"])
    flat = flat_features(BlindPixels(), data, len(train))
    pixels = data.arrays.inputs["image"].reshape(len(flat), 3 * SIDE**2).astype(np.float32) / 255
    whole = PCA(64, svd_solver="randomized", random_state=0).fit(pixels[train])
    np.testing.assert_allclose(flat, whole.transform(pixels), atol=1e-4)
    monkeypatch.setattr(boosting, "_MOST_NUMBERS", 3 * SIDE**2 * 30)  # of 30 of them, where memory is short
    assert flat_features(BlindPixels(), data, len(train)).shape == (len(flat), 29)
