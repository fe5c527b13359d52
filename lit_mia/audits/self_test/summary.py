"""From the outcomes of trials to what a report says of them."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from lit_mia.audits.self_test.plantings import PLANTINGS
from lit_mia.audits.self_test.trials import Outcome
from lit_mia.report.membership.self_test_numbers import Trials


def summarised(outcomes: Sequence[Outcome]) -> list[Trials]:
    """The outcomes by what was planted, in the order of `PLANTINGS`, by strength, and the many attacks last.

    Args:
        outcomes: Of trials of `PLANTINGS`.
    """
    by_kind: dict[tuple[str, float, bool], list[Outcome]] = {}
    for outcome in outcomes:
        by_kind.setdefault(outcome.trial.kind, []).append(outcome)
    names = [planting.name for planting in PLANTINGS]
    ordered = sorted(by_kind, key=lambda kind: (names.index(kind[0]), kind[1], kind[2]))
    return [_trials(by_kind[kind]) for kind in ordered]


def _trials(outcomes: Sequence[Outcome]) -> Trials:
    planting, trial = PLANTINGS[outcomes[0].trial.planting], outcomes[0].trial
    planted = [of.planted_auc for of in outcomes if of.planted_auc is not None]
    needed = [of.auc_needed for of in outcomes if of.auc_needed is not None]
    attacks, controls = [of.attacks for of in outcomes], [of.controls for of in outcomes]
    return {
        "planted": planting.name,
        "told": planting.told,
        "leak": planting.leak,
        "strength": trial.strength,
        "attacks": list(next(filter(None, attacks), {})),
        "repetitions": len(outcomes),
        "verdicts": dict(Counter(of.verdict for of in outcomes).most_common()),
        "planted_auc": float(np.mean(planted)) if planted else None,
        "attack": _largest(attacks),
        "control": _largest(controls),
        "auc_needed": float(np.mean(needed)) if needed else None,
    }


def _largest(aucs: Sequence[Mapping[str, float]]) -> tuple[str, float] | None:
    """The row with the largest mean AUC, and that."""
    names = dict.fromkeys(name for of in aucs for name in of)
    means = {name: float(np.mean([of[name] for of in aucs if name in of])) for name in names}
    return max(means.items(), key=lambda named: named[1], default=None)
