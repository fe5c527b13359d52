"""What each head reads, against a plain numpy derivation."""

import numpy as np
import pytest
import torch

from lit_mia.attacks import (
    AttackIII,
    AttackIIP,
    AttackIIS,
    AttackIP,
    AttackIS,
    AttackIV,
    BlindImage,
    BlindImageText,
    BlindPixels,
    BlindText,
)
from lit_mia.errors import EncoderError
from lit_mia.pair_batch import PairBatch

ELEMENTWISE = {
    "abs": lambda a, b: np.abs(a - b),
    "squared": lambda a, b: (a - b) ** 2,
    "signed": lambda a, b: a - b,
}
OPERATIONS = {
    **ELEMENTWISE,
    "concat": lambda a, b: np.concatenate([np.broadcast_to(a, b.shape), b], axis=-1),
    "cosine": lambda a, b: ((a * b).sum(-1) / np.linalg.norm(a, axis=-1) / np.linalg.norm(b, axis=-1))[..., None],
    "l2": lambda a, b: np.sqrt(((a - b) ** 2).sum(-1))[..., None],
    "dot": lambda a, b: (a * b).sum(-1)[..., None],
}
PIXEL_OPERATIONS = {
    **ELEMENTWISE,
    "concat": lambda a, b: np.concatenate([np.broadcast_to(a, b.shape), b], axis=2),
}
HEADS = [AttackIP, AttackIS, AttackIIP, AttackIIS, AttackIII, AttackIV, BlindPixels, BlindImage, BlindText]


@pytest.fixture(params=[1, 3], ids=["k=1", "k=3"])
def data(request, pairs):
    return pairs("reconstruction", request.param)


def _batch(data):
    return data.arrays.batch(range(12))


def _numpy(data):
    """Image, caption and generated images of the same records, with an axis for k; pixels in [0, 1]."""
    first = {name: array[:12] for name, array in data.arrays.inputs.items()}
    pixels = first["image"][:, None].astype(np.float64) / 255, first["generated"].astype(np.float64) / 255
    return (
        pixels,
        first["image_embedding"][:, None],
        first["text_embedding"][:, None],
        first["generated_embedding"],
    )


def _same(features, expected):
    assert features.shape == expected.shape
    np.testing.assert_allclose(features.numpy(), expected, rtol=1e-4, atol=1e-5)


def test_quality_reads_the_generated_images_alone(data):
    (_, generated), _, _, embedding = _numpy(data)
    _same(AttackIP().features(_batch(data)), generated)
    _same(AttackIS().features(_batch(data)), embedding)


@pytest.mark.parametrize("operation", PIXEL_OPERATIONS)
def test_pixel_reconstruction(data, operation):
    (image, generated), _, _, _ = _numpy(data)
    _same(AttackIIP(operation).features(_batch(data)), PIXEL_OPERATIONS[operation](image, generated))


@pytest.mark.parametrize("operation", OPERATIONS)
def test_semantic_reconstruction_faithfulness_and_all_together(data, operation):
    _, image, text, generated = _numpy(data)
    compare = OPERATIONS[operation]
    reconstruction, faithfulness = compare(image, generated), compare(text, generated)
    _same(AttackIIS(operation).features(_batch(data)), reconstruction)
    _same(AttackIII(operation).features(_batch(data)), faithfulness)
    together = np.concatenate([generated, reconstruction, faithfulness], axis=-1)
    _same(AttackIV(operation).features(_batch(data)), together)


def test_defaults_are_the_published_reading():
    assert AttackIIP().hparams["operation"] == "abs"
    assert {head().hparams["operation"] for head in (AttackIIS, AttackIII, AttackIV)} == {"squared"}


def test_controls_read_the_record_alone(data):
    (image, _), embedding, text, _ = _numpy(data)
    _same(BlindPixels().features(_batch(data)), image)
    _same(BlindImage().features(_batch(data)), embedding)
    _same(BlindText().features(_batch(data)), text)
    _same(BlindImageText().features(_batch(data)), np.concatenate([embedding, text], axis=-1))


@pytest.mark.parametrize("head", [*HEADS, BlindImageText])
def test_a_head_reads_what_it_declares_and_nothing_else(data, head):
    batch = _batch(data)
    declared = PairBatch(batch.row, batch.member, {name: batch[name] for name in head.inputs})
    assert torch.equal(head().features(declared), head().features(batch))
    for name in head.inputs:
        lacking = {other: batch[other] for other in head.inputs - {name}}
        with pytest.raises(KeyError, match=name):
            head().features(PairBatch(batch.row, batch.member, lacking))


def test_spaces_of_two_dimensions_are_compared_by_concat_only(data):
    batch = _batch(data)
    embedded = {
        "text_embedding": batch["text_embedding"][:, :5],
        "generated_embedding": batch["generated_embedding"],
    }
    narrow = PairBatch(batch.row, batch.member, embedded)
    with pytest.raises(EncoderError, match="5 and 8"):
        AttackIII("squared").features(narrow)
    assert AttackIII("concat").features(narrow).shape[-1] == 13


@pytest.mark.parametrize("head", [AttackIIS, AttackIIP])
def test_the_score_is_the_mean_over_the_generated_images_of_logit_differences(pairs, head):
    attack, batch = head(), pairs("reconstruction", 3).arrays.batch(range(5))
    attack.build(batch)
    attack.eval()
    singles = []
    for i in range(3):
        record = {name: batch[name] for name in ("image", "image_embedding")}
        answer = {name: batch[name][:, i : i + 1] for name in ("generated", "generated_embedding")}
        one = PairBatch(batch.row, batch.member, record | answer)
        logits = attack(one)
        singles.append(logits[:, 1] - logits[:, 0])
    torch.testing.assert_close(attack.score(batch), torch.stack(singles).mean(dim=0), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("head", [AttackIS, AttackIV, BlindText])
def test_embeddings_are_normalised_for_each_dimension_by_the_training_records(data, head):
    attack = _normalised(head, data)
    read = attack.features(data.arrays.batch(data.rows["train"])).double().numpy()
    np.testing.assert_allclose(attack.center.numpy()[0], read.mean(axis=(0, 1)), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(attack.spread.numpy()[0], read.std(axis=(0, 1)), rtol=1e-4)
    assert attack.center.shape == (1, read.shape[-1])


@pytest.mark.parametrize("head", [AttackIP, AttackIIP, BlindPixels])
def test_pixels_are_normalised_for_each_channel_by_the_training_records(data, head):
    attack = _normalised(head, data)
    read = attack.features(data.arrays.batch(data.rows["train"])).double().numpy()
    np.testing.assert_allclose(attack.center.numpy().ravel(), read.mean(axis=(0, 1, 3, 4)), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(attack.spread.numpy().ravel(), read.std(axis=(0, 1, 3, 4)), rtol=1e-4)
    assert attack.center.shape == (1, 3, 1, 1)


@pytest.mark.parametrize("value", [0.0, 0.1, 230.2205352783203])
def test_constant_features_are_left_alone(value):
    rows = torch.arange(683)  # a number at which the square of the last value's mean is rounded
    batch = PairBatch(rows, rows % 2, {"generated_embedding": torch.full((683, 1, 4), value)})
    attack = AttackIS()
    attack.build(batch)
    attack.fit_normalisation([batch])
    assert attack.spread.tolist() == [[1.0] * 4]
    assert torch.isfinite(attack.score(batch)).all()


def _normalised(head, data):
    attack = head()
    attack.build(data.example())
    attack.fit_normalisation(data.train_batches())
    return attack
