"""What a sweep of training-free attacks measured."""

from dataclasses import dataclass
from typing import Any, Literal

from lit_mia.attacks.statistics.base import Setting
from lit_mia.cost import Cost

MeasuredSplit = Literal["train", "val", "calibration"]


@dataclass(frozen=True)
class SweepRow:
    """One attack at one setting.

    Attributes:
        attack: Name of the attack.
        setting: One value for each argument that may be swept.
        auc: Area under the ROC curve; below 0.5 if the attack is inverted, never turned round.
        auc_lo: Lower end of its 95 % interval.
        auc_hi: Upper end of its 95 % interval.
        n_members: Members that were measured.
        n_nonmembers: Non-members that were measured.
        evaluations: Denoiser evaluations per record that the attack makes alone.
    """

    attack: str
    setting: Setting
    auc: float
    auc_lo: float
    auc_hi: float
    n_members: int
    n_nonmembers: int
    evaluations: int


@dataclass(frozen=True)
class SweepReport:
    """What a sweep measured, and where the numbers come from.

    Attributes:
        rows: All settings of all attacks, in their order.
        splits: The splits whose records were measured together.
        cost: What this run asked, all settings together; settings share what they ask alike.
        target: Fingerprint of the target.
        hashes: Of the splits and of the answers.
    """

    rows: tuple[SweepRow, ...]
    splits: tuple[MeasuredSplit, ...]
    cost: Cost
    target: dict[str, Any]
    hashes: dict[str, str]
