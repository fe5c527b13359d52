"""A lower bound on ε from a true and a false positive rate (Jagielski, Ullman and Oprea 2020).

If a training is (ε, δ)-DP, then at every threshold (https://arxiv.org/abs/2006.07709)

    TPR <= e^ε FPR + δ    and    1 - FPR <= e^ε (1 - TPR) + δ,

so ε >= ln((TPR - δ) / FPR), and ε >= ln((1 - FPR - δ) / (1 - TPR)). Both forms rest on a lower bound of the TPR and an
upper one of the FPR, by Clopper and Pearson; Bonferroni's correction lets the bounds of all thresholds hold together.

The bounds of the rates take units as independent trials. Units of one training run are so only as far as the training
does not make them move together; the one-run form of `lit_mia.metrics.privacy.one_run` does without that.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

from lit_mia.errors import MetricError
from lit_mia.metrics.privacy.one_run import ALPHA, DELTA
from lit_mia.metrics.rates import clopper_pearson


class Called(NamedTuple):
    """What a threshold that was frozen on other units calls members.

    Attributes:
        hits: Members called members.
        members: Members, at least one.
        false_alarms: Non-members called members.
        non_members: Non-members, at least one.
    """

    hits: int
    members: int
    false_alarms: int
    non_members: int


def two_rate_epsilon(thresholds: Sequence[Called], delta: float = DELTA) -> float:
    """The largest of the bounds that both forms give at all thresholds, together with 95 % confidence; at least 0.

    Args:
        thresholds: What each of a few thresholds, fixed beforehand, does on the same units.
        delta: δ, in [0, 1).

    Raises:
        MetricError: If there is no threshold, or a number is out of range.
    """
    if not thresholds or not 0 <= delta < 1:
        raise MetricError(f"A bound needs a threshold, and δ in [0, 1), but got {len(thresholds)} and δ = {delta}.")
    level = 1 - 2 * ALPHA / (2 * len(thresholds))  # of each threshold two bounds, each one-sided
    return max(0.0, *(bound for called in thresholds for bound in _both_forms(called, level, delta)))


def _both_forms(called: Called, level: float, delta: float) -> tuple[float, float]:
    tpr, fpr = (
        clopper_pearson(called.hits, called.members, level),
        clopper_pearson(called.false_alarms, called.non_members, level),
    )
    return _log_ratio(tpr.lo - delta, fpr.hi), _log_ratio(1 - fpr.hi - delta, 1 - tpr.lo)


def _log_ratio(above: float, below: float) -> float:
    return math.log(above / below) if above > 0 else -math.inf
