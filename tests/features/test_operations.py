"""Operations against hand-worked cases and numpy."""

import numpy as np
import pytest
import torch

from lit_mia.errors import EncoderError
from lit_mia.features.operations import OPERATIONS, apply_operation, pixel_map

A, B = torch.tensor([[3.0, 0.0]]), torch.tensor([[0.0, 4.0]])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("abs", [3.0, 4.0]),
        ("squared", [9.0, 16.0]),
        ("signed", [3.0, -4.0]),
        ("concat", [3.0, 0.0, 0.0, 4.0]),
        ("cosine", [0.0]),
        ("l2", [5.0]),
        ("dot", [0.0]),
    ],
)
def test_hand_worked_embeddings(name, expected):
    assert apply_operation(name, A, B).tolist() == [expected]


def test_scalar_operations_match_numpy():
    a, b = torch.randn(5, 7, generator=torch.Generator().manual_seed(0)), torch.ones(5, 7)
    cosine = (a.numpy() * b.numpy()).sum(-1) / np.linalg.norm(a, axis=-1) / np.linalg.norm(b, axis=-1)
    np.testing.assert_allclose(apply_operation("cosine", a, b)[:, 0], cosine, rtol=1e-5)
    np.testing.assert_allclose(apply_operation("l2", a, b)[:, 0], np.linalg.norm(a - b, axis=-1), rtol=1e-5)


@pytest.mark.parametrize("name", list(OPERATIONS))
def test_one_query_is_broadcast_over_its_generated_images(name):
    query, generated = torch.randn(2, 1, 4), torch.randn(2, 3, 4)
    together = apply_operation(name, query, generated)
    assert together.shape[:2] == (2, 3)
    torch.testing.assert_close(together[:, 1], apply_operation(name, query[:, 0], generated[:, 1]))


def test_only_concat_takes_two_dimensions():
    a, b = torch.zeros(2, 768), torch.zeros(2, 256)
    assert apply_operation("concat", a, b).shape == (2, 1024)
    with pytest.raises(EncoderError, match=r"768 and 256.*share a space"):
        apply_operation("squared", a, b)


@pytest.mark.parametrize(
    ("name", "expected"), [("abs", [0.5]), ("squared", [0.25]), ("signed", [-0.5]), ("concat", [0.25, 0.75])]
)
def test_pixel_maps(name, expected):
    maps = pixel_map(name, torch.full((2, 3, 4, 4), 0.25), torch.full((2, 5, 3, 4, 4), 0.75))
    assert maps.shape == (2, 5, 3 * len(expected), 4, 4)
    assert maps[0, 0, ::3, 0, 0].tolist() == expected


def test_pixel_maps_of_two_sizes_are_refused():
    with pytest.raises(ValueError, match="one size"):
        pixel_map("abs", torch.zeros(1, 3, 4, 4), torch.zeros(1, 1, 3, 8, 8))
