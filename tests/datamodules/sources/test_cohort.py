"""Invented people, their pictures, and who is shown how often."""

import numpy as np
import pytest

from datamodules.sources.cohort import CAPTIONS, IDENTITY, draw_cohort, draw_faces, identities, invented_names

LEVELS = (1, 2, 5)


@pytest.fixture(scope="module")
def small():
    """12 people at each k, 36 never shown, 10 in the background."""
    return draw_cohort(3, levels=LEVELS, per_level=12, background=10, background_pairs=4, unused=30)


def test_a_face_follows_from_seed_person_and_number_alone():
    together = draw_faces(7, [4, 5, 4], [0, 0, 1])
    assert np.array_equal(together[2], draw_faces(7, [4], [1])[0])
    assert not np.array_equal(together[0], together[2])
    assert not np.array_equal(together[0], draw_faces(8, [4], [0])[0])
    assert draw_faces(7, [4], [0], size=48).shape == (1, 48, 48, 3)


def test_identity_shows_in_every_parameter():
    people = identities(0, range(200))
    assert people.shape == (200, 14) == (200, len(IDENTITY))
    assert people.std(0).min() > 0.2
    assert abs(np.corrcoef(people.T) - np.eye(14)).max() < 0.3


def test_people_are_told_apart_by_pixels_far_above_chance():
    people, images = 30, 12
    faces = draw_faces(1, np.repeat(range(people), images).tolist(), list(range(images)) * people)
    inner = faces[:, 8:26, 8:24].reshape(people, images, -1).astype(float)  # little background
    centroids, queries = inner[:, :8].mean(1), inner[:, 8:].reshape(people * 4, -1)
    nearest = ((queries[:, None] - centroids) ** 2).sum(-1).argmin(1)
    assert (nearest == np.repeat(range(people), 4)).mean() > 10 / people


def test_names_are_unique_of_two_words_and_extend():
    names = invented_names(1000, seed=5)
    assert len(set(names)) == 1000
    assert all(len(name.split()) == 2 and name.istitle() for name in names)
    assert names[:10] == invented_names(10, seed=5) != invented_names(10, seed=6)


def test_no_held_out_image_is_a_training_image(small):
    trained = {image.tobytes() for image in small.images()}
    held_out = [small.held_out(person, 5) for person in range(small.questioned)]
    assert len(trained) == sum(small.occurrences)
    assert not trained & {image.tobytes() for faces in held_out for image in faces}


def test_membership_is_a_shuffle_of_all_people_in_question():
    cohorts = [draw_cohort(seed, levels=LEVELS, per_level=4, background=0, unused=0) for seed in range(40)]
    draws = [np.array(cohort.occurrences) for cohort in cohorts]
    for shown in draws:
        assert sorted(shown) == [0] * 12 + [1] * 4 + [2] * 4 + [5] * 4
    share = (np.stack(draws) > 0).mean(0)  # of each person over seeds: one half, within 4 standard errors
    assert 0.5 - 4 * 0.08 < share.min() <= share.max() < 0.5 + 4 * 0.08


def test_swapping_flips_everybody_and_keeps_the_counts(small):
    other = draw_cohort(3, swapped=True, levels=LEVELS, per_level=12, background=10, background_pairs=4, unused=30)
    asked = slice(small.questioned)
    assert all((a > 0) != (b > 0) for a, b in zip(small.occurrences[asked], other.occurrences[asked], strict=True))
    assert sorted(small.occurrences) == sorted(other.occurrences)
    assert (other.names, other.unused, other.occurrences[72:]) == (small.names, small.unused, small.occurrences[72:])


def test_permuted_names_leave_nobody_shown_the_own_name_and_keep_every_count(small):
    called = small.permuted_names()
    shown = [person for person, count in enumerate(small.occurrences) if count]
    count_of = dict(zip(small.names, small.occurrences, strict=True))
    assert all(called[p] != small.names[p] and count_of[called[p]] == small.occurrences[p] for p in shown)
    assert sorted(called) == sorted(small.names)
    own, permuted = small.captions(), small.captions(called)
    both = list(zip(own, permuted, strict=True))
    assert not [name for name in small.names if any(name in a and name in b for a, b in both)]


def test_captions_name_the_person_in_each_of_the_templates(small):
    people = [name for name, count in zip(small.names, small.occurrences, strict=True) for _ in range(count)]
    captions = small.captions()
    assert all(name in caption for name, caption in zip(people, captions, strict=True))
    used = {caption.replace(name, "{}") for name, caption in zip(people, captions, strict=True)}
    assert used == set(CAPTIONS)
