"""A lower bound on ε of (ε, δ)-differential privacy from one training run (Steinke, Nasr and Jagielski 2023).

A fair coin of its own put each of m units into the training set or kept it out. An attacker who sees the model guesses
r of the coins and abstains from the rest. If the training is (ε, δ)-DP for one unit more or less, then by Theorem 5.2
of https://arxiv.org/abs/2305.08846 the number of right guesses W satisfies, for every v,

    P(W >= v) <= β + 2 m δ α,    β = P(B >= v),    α = max over 1 <= i <= v of P(v - i <= B < v) / i,

where B is binomial, of r trials that each succeed with q = e^ε / (1 + e^ε). So an ε at which the right side is below
5 % for the guesses that were right is refused, and the largest such ε is a lower bound with 95 % confidence. It holds
whatever the attack and however its guesses depend on each other, as long as nobody looked at these coins to make them.
"""

import numpy as np

from lit_mia.errors import MetricError
from lit_mia.metrics.resampling import IntArray
from lit_mia.metrics.roc import FloatArray

ALPHA = 0.05
"""A bound is above the true ε in at most this share of audits."""
DELTA = 1e-5
POWER = 0.8


def one_run_p(epsilon: float, *, right: int, guesses: int, coins: int, delta: float = DELTA) -> float:
    """How likely so many right guesses are at most, if the training is (ε, δ)-DP.

    Args:
        epsilon: ε, at least 0.
        right: Right guesses, v.
        guesses: Guesses, r.
        coins: Coins, m, those that no guess was made about among them.
        delta: δ, in [0, 1).

    Raises:
        MetricError: If a number is out of range.
    """
    from scipy.special import expit

    _check(right, guesses, coins, delta)
    if not epsilon >= 0:
        raise MetricError(f"ε must be at least 0, but got {epsilon}.")
    q = float(expit(epsilon))
    beta = float(_at_least(np.array([right]), guesses, q)[0])
    if not (delta and right):
        return beta
    lower = np.arange(right - 1, -1, -1)
    alpha = float(np.max((_at_least(lower, guesses, q) - beta) / (right - lower)))
    return min(1.0, beta + 2 * coins * delta * alpha)


def one_run_epsilon(*, right: int, guesses: int, coins: int, delta: float = DELTA) -> float:
    """The largest ε that so many right guesses refuse; 0 if they refuse none.

    With `right = guesses` it is the ceiling: more cannot be shown by as many guesses. For δ = 0 that is ln(p / (1 - p))
    with p = 0.05 ^ (1 / r).

    Args:
        right: Right guesses, v.
        guesses: Guesses, r.
        coins: Coins, m, those that no guess was made about among them.
        delta: δ, in [0, 1).

    Raises:
        MetricError: If a number is out of range.
    """
    from scipy.optimize import brentq

    def excess(epsilon: float) -> float:
        return one_run_p(epsilon, right=right, guesses=guesses, coins=coins, delta=delta) - ALPHA

    if excess(0.0) >= 0:
        return 0.0
    above = 1.0
    while excess(above) < 0:
        above *= 2
    return float(brentq(excess, 0.0, above, xtol=1e-9))


def epsilon_found(*, guesses: int, coins: int) -> float | None:
    """The ε at which the bound is above 0 four times in five, if guesses are as often right as ε allows at most.

    Args:
        guesses: Guesses, r.
        coins: Coins, m.

    Returns:
        ε; None if no number of right guesses is enough.

    Raises:
        MetricError: If a number is out of range.
    """
    from scipy.special import betaincinv, logit

    def p(right: int) -> float:
        return one_run_p(0.0, right=right, guesses=guesses, coins=coins)

    if p(guesses) >= ALPHA:
        return None
    refused, kept = guesses, 0
    while refused - kept > 1:
        middle = (refused + kept) // 2
        refused, kept = (middle, kept) if p(middle) < ALPHA else (refused, middle)
    return float(logit(betaincinv(refused, guesses - refused + 1, POWER)))


def _at_least(numbers: IntArray, trials: int, q: float) -> FloatArray:
    """P(B >= k) for each whole number k in 0..trials."""
    from scipy.special import betainc

    tail: FloatArray = np.where(numbers > 0, betainc(np.maximum(numbers, 1), trials - numbers + 1, q), 1.0)
    return tail


def _check(right: int, guesses: int, coins: int, delta: float) -> None:
    if not (0 <= right <= guesses <= coins and guesses > 0 and 0 <= delta < 1):
        raise MetricError(
            f"Right guesses must be at most the guesses (at least one), these at most the coins, and δ in [0, 1), but "
            f"got {right} of {guesses} guesses about {coins} coins, and δ = {delta}."
        )
