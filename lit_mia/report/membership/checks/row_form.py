"""A row of a membership audit as `audit.json` holds it; columns of packages outside add to it."""

from typing import NotRequired, TypedDict

from lit_mia.metrics.evidence import Kind
from lit_mia.report.forms.fields import Amount, Change, Count, Ends, Share, ShareEnds


class TprPoint(TypedDict):
    """The true positive rate at the largest false positive rate on test that is not above `fpr`.

    `ci`: its 95 % interval; `achieved_fpr`: where it was read off. All three are None below the floor of 10 / n0, and
    `reason` says so.
    """

    fpr: Share
    tpr: Share | None
    ci: ShareEnds | None
    achieved_fpr: Share | None
    reason: str | None


class Transfer(TypedDict):
    """A threshold that was fixed on calibration for `nominal_fpr`, and its rates on test, with 95 % intervals.

    `ppv`: the share of true accusations if a share `prior` of those asked about are members; None if nobody is accused.
    """

    nominal_fpr: Share
    threshold: float
    realised_fpr: Share
    realised_fpr_ci: ShareEnds
    tpr: Share
    tpr_ci: ShareEnds
    prior: Share
    ppv: Share | None
    ppv_ci: ShareEnds


class FurtherTransfer(TypedDict):
    """The same for a lower rate; without a threshold there is the `reason`, and all that is measured is None."""

    nominal_fpr: Share
    threshold: float | None
    realised_fpr: Share | None
    realised_fpr_ci: ShareEnds | None
    tpr: Share | None
    tpr_ci: ShareEnds | None
    prior: Share
    ppv: Share | None
    ppv_ci: ShareEnds | None
    reason: str | None


class Histogram(TypedDict):
    """Records of test by their combined score; the outermost bins count what lies beyond them too.

    `edges` has one entry more than `members` and `non_members`.
    """

    edges: list[float]
    members: list[Count]
    non_members: list[Count]


class Difference(TypedDict):
    """An attack beside one of its controls, paired on test.

    `delta`: AUC of the attack minus that of the control. `p`: of "the log odds of the attack are at most the
    control's", `p_shift`: of "at most 1.5 times"; both one-sided. `ratio_lo`: the largest factor that is still refused
    (5 %, one-sided). `mirrored`: whether the control is below 0.5, so that 1 - AUC counts too. None: too few groups.
    """

    delta: Change
    ci: Ends | None
    p: Share | None
    p_shift: Share | None
    ratio_lo: Amount | None
    mirrored: bool


class SmallestDifference(TypedDict):
    """The difference to the control that comes closest, with the smallest ends of the intervals to all controls."""

    control: str
    delta: Change
    ci: Ends | None


class RowForm(TypedDict):
    """An attack, or a control that belongs to one; the last fields are None for controls.

    Attributes:
        name: `II-S` for an attack, `II-S blind` for one of its controls.
        kind: `attack`, or the kind of control.
        attack: Name of the attack it belongs to; of an attack, its own name.
        protocol: How records were scored: `heads`, `threshold`, `resnet`.
        auc: Area under the ROC curve on test, of the scores combined over seeds.
        auc_ci: Its 95 % interval; None with too few groups.
        auc_per_seed: The same of the scores of each head.
        accuracy: Balanced accuracy on test, at `threshold`.
        accuracy_ci: Its 95 % interval.
        threshold: Chosen on calibration for the highest balanced accuracy.
        tpr_at_fpr: True positive rates at low false positive rates.
        frozen_threshold: What a threshold of calibration does on test.
        further_thresholds: The same for lower rates.
        histogram: How its scores are distributed.
        access: What an attack has to be able to ask of the target: `generate`, `vary`, `denoise`, `embed`.
        n_members: Members in test.
        n_nonmembers: Non-members in test.
        setting: Timestep and the like, or the learner that val chose; None without any.
        evaluations: Denoiser evaluations per record that the attack makes alone; None where not counted.
        reads_base: Whether the attack reads what the base says of the records.
        differences: Name of control → difference.
        smallest_difference: The smallest of these; None without controls.
        ratio_lo: How many times better than each of its controls the attack would at least have to read a shift.
        p_own: One-sided p of the AUC being at most 0.5.
        p_adjusted: p of what the design asks for, adjusted for all attacks.
        outcome: What the verdict rule finds of this attack.
    """

    name: str
    kind: str
    attack: str
    protocol: str
    auc: Share
    auc_ci: ShareEnds | None
    auc_per_seed: list[Share]
    accuracy: Share
    accuracy_ci: ShareEnds
    threshold: float
    tpr_at_fpr: list[TprPoint]
    frozen_threshold: Transfer
    n_members: Count
    n_nonmembers: Count
    further_thresholds: NotRequired[list[FurtherTransfer]]
    histogram: NotRequired[Histogram | None]
    access: NotRequired[str | None]
    setting: NotRequired[str | None]
    evaluations: NotRequired[Count | None]
    reads_base: NotRequired[bool]
    differences: NotRequired[dict[str, Difference] | None]
    smallest_difference: NotRequired[SmallestDifference | None]
    ratio_lo: NotRequired[Amount | None]
    p_own: NotRequired[Share | None]
    p_adjusted: NotRequired[Share | None]
    outcome: NotRequired[Kind | None]
