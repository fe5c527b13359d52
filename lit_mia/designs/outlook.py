"""What a design can show at best, before anything is trained."""

import math
from collections import Counter
from typing import NamedTuple

from lit_mia.designs.manifest import FAIR, Manifest
from lit_mia.errors import DesignError
from lit_mia.metrics.auc import mde_auc
from lit_mia.metrics.privacy.guessing import RULES
from lit_mia.metrics.privacy.one_run import one_run_epsilon

FEWEST_GROUPS = 20
"""Expected on each side."""
TEST_SHARE, EXPECTED_FALSE_ALARMS = 0.4, 10
_ROUNDING = 1e-9


class Outlook(NamedTuple):
    """What can be shown at the sizes that are expected; the group is the unit.

    Attributes:
        included: Groups of ordinary records expected in `train/`.
        held_out: Groups expected in `holdout/`.
        auc: Smallest AUC that is found with 80 % power (5 %, one-sided) among all groups.
        auc_test: Likewise on the test split that heads leave, 40 % of the groups; None if it would be empty.
        fpr_floor: False positive rate below which a true positive rate is not to be stated, 10 / n0, at most 1.
        epsilon: Largest ε (δ = 0, 95 %) that a one-run bound could show if every guess were right; None if the coins
            are not fair.
        epsilon_test: Likewise by the guesses that an audit makes about the coins of the test split, half of these.
    """

    included: float
    held_out: float
    auc: float
    auc_test: float | None
    fpr_floor: float
    epsilon: float | None
    epsilon_test: float | None


def outlook(groups: int, include: float) -> Outlook:
    """What a design of so many groups can show.

    Args:
        groups: Number of groups of ordinary records, at least 2.
        include: Probability of each coin.
    """
    included, held_out = groups * include, groups * (1 - include)
    n1, n0 = max(1, round(included)), max(1, round(held_out))
    test = round(n1 * TEST_SHARE), round(n0 * TEST_SHARE)
    guesses = sum(RULES[0].counts(max(1, round(groups * TEST_SHARE))))
    return Outlook(
        included,
        held_out,
        auc=mde_auc(n1, n0),
        auc_test=mde_auc(*test) if min(test) else None,
        fpr_floor=min(1.0, EXPECTED_FALSE_ALARMS / n0),
        epsilon=_ceiling(groups, include),
        epsilon_test=_ceiling(guesses, include),
    )


def ordinary_groups(manifest: Manifest) -> int:
    """Number of groups of ordinary records."""
    return len({entry.group for entry in manifest.entries if entry.kind == "record"})


def check_size(manifest: Manifest, *, allow_small: bool) -> None:
    """Refuse a design from which nothing would follow.

    Args:
        manifest: The design.
        allow_small: Whether a side may be expected to be small.

    Raises:
        DesignError: If fewer than 20 groups are expected on a side, there are fewer than two, or all fell on one.
    """
    groups, include = ordinary_groups(manifest), manifest.include
    smaller = groups * min(include, 1 - include)
    if groups < 2 or (smaller < FEWEST_GROUPS - _ROUNDING and not allow_small):
        needed = math.ceil(FEWEST_GROUPS / min(include, 1 - include) - _ROUNDING)
        raise DesignError(
            f"Groups of images that differ: {groups}, of which {smaller:.3g} are expected on the smaller side "
            f"(`include` {include}). That says next to nothing of a model: {needed} groups are needed, {FEWEST_GROUPS} "
            "on each side. Add records"
            + (", choose an `include` nearer to 0.5, or set `allow_small: true`." if groups > 1 else ".")
        )
    if len({entry.included for entry in manifest.entries if entry.kind == "record"}) < 2:
        raise DesignError(
            f"The coins of all {groups} groups fell on one side, so there is nothing to compare. Add records, or toss "
            "again with another `seed`."
        )


def told(manifest: Manifest) -> str:
    """What is printed of a design before anything is written."""
    records = [entry for entry in manifest.entries if entry.kind == "record"]
    groups = ordinary_groups(manifest)
    expected = outlook(groups, manifest.include)
    test = "too small" if expected.auc_test is None else f"{expected.auc_test:.3f}"
    bound = (
        f"{expected.epsilon:.2f}, if every guess about {groups} groups were right (δ = 0, 95 %); "
        f"by those that an audit makes on test: {expected.epsilon_test:.2f}"
        if expected.epsilon is not None
        else f"not offered at include {manifest.include}, only at {FAIR}"
    )
    lines = [
        f"{len(records)} records in {groups} groups, each with a coin of its own; expected in train/ "
        f"{expected.included:.0f}, in holdout/ {expected.held_out:.0f} groups.",
        "What the design can show:",
        f"  smallest AUC found with 80 % power: {expected.auc:.3f}; on the 40 % that heads are tested on: {test}",
        f"  lowest FPR at which a TPR is stated (10/n0): {expected.fpr_floor:.2%}",
        f"  largest ε of a one-run bound: {bound}",
        *_canary_lines(manifest),
    ]
    return "\n".join(lines)


def _canary_lines(manifest: Manifest) -> list[str]:
    canaries = [entry for entry in manifest.entries if entry.kind != "record"]
    if not canaries:
        return []
    tiers = Counter(entry.copies for entry in canaries if not entry.control)
    tossed = ", ".join(f"{n} in the tier of {copies}" for copies, n in sorted(tiers.items()))
    lines = [f"Canaries by copies: {tossed}; {sum(entry.control for entry in canaries)} are never inserted."]
    if max(tiers) > 1:
        lines.append("  Tiers are reported apart: more than one copy voids a bound for one record.")
    return lines


def _ceiling(guesses: int, include: float) -> float | None:
    return one_run_epsilon(right=guesses, guesses=guesses, coins=guesses, delta=0.0) if include == FAIR else None
