"""How often an audit passes `dAUC.hi > 0.05`, with a leak and without: the figures of docs/gate.md (three minutes)."""

import numpy as np
from scipy.stats import binomtest, norm

from lit_mia.metrics.comparison import compare
from lit_mia.metrics.intervals import measure

LIMIT = 0.05


def passed(n: int, attacks: int, controls: int, auc: float, rng: np.random.Generator) -> bool:
    """Whether an audit of n records a side, each its own group, passes.

    Args:
        n: Members, and non-members.
        attacks: Number of attacks; their scores are independent.
        controls: Number of controls of each, which read nothing.
        auc: AUC of every attack.
        rng: Draws the scores.
    """
    labels = np.repeat([1, 0], n)
    scores = rng.normal(size=(attacks + controls, 2 * n))
    scores[:attacks] += labels * np.sqrt(2) * norm.ppf(auc)
    measured = measure(scores, labels, np.arange(2 * n))
    ends = [[compare(measured, a, attacks + c, mirrored=False).hi for c in range(controls)] for a in range(attacks)]
    return all(min(of) <= LIMIT for of in ends)


def main() -> None:
    """Print both tables."""
    rng = np.random.default_rng(0)
    for attacks, controls in ((1, 1), (1, 4), (6, 4)):
        shares = {
            n: np.mean([passed(n, attacks, controls, 0.5, rng) for _ in range(300)]) for n in (200, 500, 1000, 2000)
        }
        print(f"nothing leaks, {attacks} attacks, {controls} controls:", {n: f"{of:.1%}" for n, of in shares.items()})
    for auc in (0.55, 0.6):
        for controls in (1, 4, 6):
            times = sum(passed(1000, 1, controls, auc, rng) for _ in range(1000))
            ci = binomtest(times, 1000).proportion_ci()
            print(f"AUC {auc}, {controls} controls: {times / 1000:.1%} [{ci.low:.1%}, {ci.high:.1%}]")


if __name__ == "__main__":
    main()
