"""The joint control: it sees whether captions fit their images better on one side, which neither alone tells."""

import numpy as np
import pytest
from planted_pairs import D, PlantedPairs

from lit_mia.attacks import AttackIIS, BlindImage, BlindJoint, BlindText
from lit_mia.attacks.budgets import Budget
from lit_mia.attacks.controls import Selection, controls_of, stronger_learner
from lit_mia.metrics.auc import auc
from lit_mia.metrics.roc import combine_seeds
from lit_mia.pair_batch import PairBatch

BUDGET = Budget(seeds=1, max_epochs=20, patience=20, accelerator="cpu")


@pytest.fixture(scope="module")
def fitting():
    """Members' texts are like their images, in embeddings of length 1; either alone is alike on both sides."""
    data = PlantedPairs()
    image, text = (data.arrays.inputs[name] for name in ("image_embedding", "text_embedding"))
    member = data.arrays.member == 1
    text[member] = 0.6 * image[member] + 0.8 * text[member]
    for values in (image, text):
        values /= np.linalg.norm(values, axis=1, keepdims=True)
    return data


def learned(head, data):
    records = Selection(data.arrays.member, *(list(data.rows[name]) for name in ("train", "val", "calibration")))
    return stronger_learner(head, data, BUDGET, records)


def on_test(head, data):
    scores = learned(head, data).scores
    rows = list(data.rows["test"])
    return auc(combine_seeds(scores, np.ones(scores.shape[1], bool))[rows], data.arrays.member[rows])


def test_it_reads_captions_that_fit_their_images_where_neither_alone_does(fitting):
    assert on_test(BlindJoint(widths=(16, 8), lr=0.01), fitting) > 0.75
    for alone in (BlindImage, BlindText):
        assert 0.4 < on_test(alone(widths=(16, 8), lr=0.01), fitting) < 0.6


def test_it_finds_nothing_where_there_is_nothing(pairs):
    assert 0.4 < on_test(BlindJoint(widths=(16, 8), lr=0.01), pairs()) < 0.6


def test_it_reads_both_embeddings_their_squared_differences_and_their_cosine(pairs):
    batch = pairs().arrays.batch(range(5))
    features = BlindJoint().features(batch)
    image, text = batch["image_embedding"].numpy(), batch["text_embedding"].numpy()
    cosine = (image * text).sum(1) / np.linalg.norm(image, axis=1) / np.linalg.norm(text, axis=1)
    assert features.shape == (5, 1, 3 * D + 1)
    np.testing.assert_allclose(features[:, 0, 2 * D : 3 * D], (image - text) ** 2, rtol=1e-5)
    np.testing.assert_allclose(features[:, 0, -1], cosine, rtol=1e-5)


def test_embeddings_that_share_no_space_are_read_side_by_side(pairs):
    batch = pairs().arrays.batch(range(5))
    short = PairBatch(batch.row, batch.member, {**batch.inputs, "text_embedding": batch["text_embedding"][:, :3]})
    assert BlindJoint().features(short).shape == (5, 1, D + 3)


def test_the_operation_of_the_attack_makes_no_other_control():
    own = [controls_of(AttackIIS(operation), captioned=True)["joint"] for operation in ("cosine", "concat")]
    assert dict(own[0].hparams) == dict(own[1].hparams)
