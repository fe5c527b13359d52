"""The sign vote: its count, its closed form, and when it is better than a mean."""

import numpy as np
import pytest
from planted_difficulty import Difficulty, Drawn
from scipy.stats import binom, norm, t

from lit_mia.attacks.calibration import BaseSignVote, Learning
from lit_mia.attacks.calibration.sign_vote import sign_vote

VOTES, RECORDS, EFFECT = 30, 8000, 0.29


def test_a_tie_counts_half():
    target, base = np.array([[1.0, 1.0, 2.0, 5.0], [0.0, 0.0, 0.0, 0.0]]), np.array([[1.0, 0.0, 3.0, 4.0], [1.0] * 4])
    assert sign_vote(target, base).tolist() == [2.5 / 4, 0.0]


def voted(distribution, effect):
    """AUC of a vote, from the two binomial distributions."""
    pairs = np.outer(*(binom.pmf(range(VOTES + 1), VOTES, distribution.cdf(shift)) for shift in (effect, 0)))
    return np.tril(pairs, -1).sum() + np.trace(pairs) / 2


def drawn_from(distribution, effect):
    rng, labels = np.random.default_rng(0), np.arange(RECORDS) % 2
    base = rng.normal(size=(RECORDS, 1)).repeat(VOTES, axis=1)
    target = base + effect * labels[:, None] + distribution.rvs((RECORDS, VOTES), random_state=rng)
    return Drawn(target, base, Learning(labels, range(200), range(200, 300)), range(300, RECORDS))


def test_it_loses_to_the_mean_where_the_parts_are_normal(near):
    drawn = drawn_from(norm(), EFFECT)
    vote, mean = drawn.auc(drawn.by(BaseSignVote).scores), drawn.auc((drawn.target - drawn.base).mean(1))
    assert vote == pytest.approx(voted(norm, EFFECT), abs=2 * near)
    assert mean == pytest.approx(norm.cdf(EFFECT * np.sqrt(VOTES / 2)), abs=2 * near)
    assert mean > vote + 0.02


def test_it_beats_the_mean_where_single_parts_are_far_off(near):
    heavy = t(1.5)
    drawn = drawn_from(heavy, EFFECT)
    vote, mean = drawn.auc(drawn.by(BaseSignVote).scores), drawn.auc((drawn.target - drawn.base).mean(1))
    assert vote == pytest.approx(voted(heavy, EFFECT), abs=2 * near)
    assert vote > mean + 0.1


def test_broken_pairing_is_seen():
    drawn = Difficulty(columns=VOTES).drawn()
    other = np.random.default_rng(5).permutation(len(drawn.base))
    broken = Drawn(drawn.target, drawn.base[other], drawn.learning, drawn.test)
    assert broken.auc(broken.by(BaseSignVote).scores) < 0.6 < 0.9 < drawn.auc(drawn.by(BaseSignVote).scores)
