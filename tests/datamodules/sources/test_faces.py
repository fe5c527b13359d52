"""The invented people of the shipped demo models."""

from collections import Counter

import numpy as np

from datamodules import FacesSource
from lit_mia.records import MEMBER


def test_the_people_in_question():
    people = FacesSource(images=3).load()
    assert Counter(people.occurrences) == {0: 100, 1: 20, 2: 20, 5: 20, 10: 20, 25: 20}
    assert all((member == MEMBER) == (k > 0) for member, k in zip(people.members, people.occurrences, strict=True))
    assert set(people.image_counts) == {3}
    assert people.open_image(7, 2).size == (32, 32)
    assert people.open_image(7, 2).tobytes() == FacesSource().load().open_image(7, 2).tobytes()
    assert not np.array_equal(people.open_image(7, 2), people.open_image(8, 2))


def test_the_swapped_model_has_the_other_half_of_the_same_people():
    main, swapped = FacesSource().load(), FacesSource(swapped=True).load()
    assert main.names == swapped.names
    assert all(a != b for a, b in zip(main.members, swapped.members, strict=True))


def test_the_pool_has_a_thousand_different_names():
    source = FacesSource()
    assert len({*source.load().names, *source.names_in_pool()}) == 1000
