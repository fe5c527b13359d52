import numpy as np

from lit_mia.metrics.copying.eidetic import training_matches


def test_matches_are_counted_in_the_training_set_with_their_copies():
    rng = np.random.default_rng(0)
    closeness, copies, is_member = rng.random((5, 12)), rng.integers(1, 4, 12), rng.random(12) < 0.5

    expected = [sum(copies[j] for j in range(12) if is_member[j] and row[j] >= 0.6) for row in closeness]
    found = training_matches(closeness, 0.6, copies, is_member)
    assert found.tolist() == expected
    assert found.dtype == copies.dtype


def test_a_copy_of_a_held_out_image_counts_nothing_and_the_cut_counts():
    found = training_matches(np.array([[0.5, 0.9]]), 0.5, np.array([3, 8]), np.array([True, False]))

    assert found.tolist() == [3]
    assert training_matches(np.array([[0.4, 0.9]]), 0.5, np.array([3, 8]), np.array([True, False])).tolist() == [0]
