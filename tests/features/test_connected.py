import numpy as np

from lit_mia.features.connected import components, sets_of


def test_what_pairs_connect_directly_or_not_is_one_set_and_what_is_alone_is_none():
    number = components(6, np.array([4, 1, 1]), np.array([0, 4, 1]))
    assert len(set(number)) == 4
    assert sets_of(number) == [[0, 1, 4]]


def test_nothing_is_connected_where_nothing_is():
    assert sets_of(components(0, np.arange(0), np.arange(0))) == []
