"""Whether the placebos of an audit can stand for a target that saw neither side."""

from collections.abc import Mapping, Sequence

import numpy as np

from lit_mia.attacks.calibration import CalibratedAttack
from lit_mia.audits.membership.ways import AnyScorer
from lit_mia.metrics.evidence import PlaceboCheck
from lit_mia.metrics.placebo import placebo_check
from lit_mia.reasons import listed
from lit_mia.records import NON_MEMBER
from lit_mia.targets.sameness import settings_apart


def placebo_checks(scorers: Sequence[AnyScorer], tools_failed: bool = False) -> dict[str, PlaceboCheck]:
    """The check of each attack's placebo, by attack; once all was asked.

    By construction a placebo is asked the same prompts with the same seeds, and its heads are fitted to its answers by
    the same recipe. What is left to check: that it is asked in the same way, and that its answers are as good.

    Args:
        scorers: The scorers of the audit.
        tools_failed: Whether the attacker's encoder was found not to work, so that it cannot compare answers either.
    """
    checks: dict[str, PlaceboCheck] = {}
    for scorer in scorers:
        if scorer.placed():
            checks |= _of_scorer(scorer, tools_failed)
    return checks


def _of_scorer(scorer: AnyScorer, tools_failed: bool) -> Mapping[str, PlaceboCheck]:
    names, sides = scorer.placed(), scorer.sides()
    apart = settings_apart(sides["target"].target.fingerprint(), sides["placebo"].target.fingerprint())
    if apart:
        said = f"It is not asked as the target is: {listed([f'`{name}`' for name in apart], most=5)} differ."
        return dict.fromkeys(names, PlaceboCheck(False, said))
    if tools_failed and scorer.data.encoder_fingerprint():
        said = "Its answers cannot be compared with the target's: the attacker's encoder does not work."
        return dict.fromkeys(names, PlaceboCheck(False, said))
    unknown = PlaceboCheck(False, "Its answers cannot be compared with the records, so how good they are is not known.")
    return {**dict.fromkeys(names, unknown), **_measured(scorer)}


def _measured(scorer: AnyScorer) -> Mapping[str, PlaceboCheck]:
    known, test = scorer.data.view.known, scorer.data.view.splits.rows["test"]
    rows = [row for row in test if known.members[row] == NON_MEMBER]
    groups = np.array(known.groups)[rows]
    calibrated = {attack.name for attack in scorer.attacks if isinstance(attack, CalibratedAttack)}
    found = scorer.likeness()
    return {
        name: placebo_check(found[name][0][rows], found[name][1][rows], groups, gained=name in calibrated)
        for name in scorer.placed()
        if name in found
    }
