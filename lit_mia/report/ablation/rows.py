"""What an ablation measured: heads at many points, and at many values of its axis."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Label = float | int | str
"""What tables and plots call a value."""
HeadKind = Literal["attack", "blind"]


@dataclass(frozen=True)
class PointFacts:
    """One point, whatever the head.

    Attributes:
        settings: Key → label of its value here.
        n_train: Records that the heads were trained on.
        images_per_record: Images that were asked of the target for each record.
        nfe_per_record: Denoiser evaluations behind them.
        target: First 16 digits of the digest of the target's fingerprint.
        fid_encoder: What FID was measured with; None if it was not measured.
        fid_members: FID of the members and what was generated from their captions.
        fid_nonmembers: The same for the non-members.
    """

    settings: dict[str, Label]
    n_train: int
    images_per_record: int
    nfe_per_record: int
    target: str
    fid_encoder: str | None = None
    fid_members: float | None = None
    fid_nonmembers: float | None = None


@dataclass(frozen=True)
class AblationRow:
    """One attack, or its blind control, at one point.

    Attributes:
        attack: Name of the attack.
        kind: `attack`, or `blind` for its control without the target.
        auc: Area under the ROC curve of the scores combined over seeds.
        auc_lo: Lower end of its 95 % interval.
        auc_hi: Upper end of its 95 % interval.
        point: Where it was measured.
    """

    attack: str
    kind: HeadKind
    auc: float
    auc_lo: float
    auc_hi: float
    point: PointFacts

    @property
    def name(self) -> str:
        """`II-S`, or `II-S blind`."""
        return line_name(self.attack, self.kind)


@dataclass(frozen=True)
class AblationSummary:
    """One attack, or its blind control, at one value of the axis, over its repetitions.

    Attributes:
        attack: Name of the attack.
        kind: `attack`, or `blind` for its control without the target.
        value: Label of the value.
        n: Number of repetitions.
        auc: Mean AUC of the repetitions.
        auc_lo: Lower end of its 95 % interval, which is over records.
        auc_hi: Upper end of its 95 % interval.
        auc_min: Smallest AUC of a repetition.
        auc_max: Largest AUC of a repetition.
        delta: Mean AUC minus that of the baseline on the same records; None at the baseline, or without one.
        delta_lo: Lower end of its 95 % interval, which is over records.
        delta_hi: Upper end of its 95 % interval.
    """

    attack: str
    kind: HeadKind
    value: Label
    n: int
    auc: float
    auc_lo: float
    auc_hi: float
    auc_min: float
    auc_max: float
    delta: float | None = None
    delta_lo: float | None = None
    delta_hi: float | None = None

    @property
    def name(self) -> str:
        """`II-S`, or `II-S blind`."""
        return line_name(self.attack, self.kind)


def line_name(attack: str, kind: str) -> str:
    """`II-S`, or `II-S blind`."""
    return attack if kind == "attack" else f"{attack} {kind}"


def short(key: str) -> str:
    """The last step of a dotted key: `data.init_args.train_fraction` → `train_fraction`."""
    return key.rpartition(".")[-1]


def is_numeric(labels: Sequence[Label]) -> bool:
    """Whether all labels are numbers, so that they have an order and distances."""
    return not any(isinstance(label, str) for label in labels)
