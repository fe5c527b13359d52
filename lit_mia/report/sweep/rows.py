"""One attack at one setting, as a sweep measured it."""

from dataclasses import dataclass

from lit_mia.attacks.statistics.base import Setting


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
