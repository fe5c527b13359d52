"""The result of one audit and its JSON form, `audit.json`."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, Self, TypedDict

from lit_mia.errors import ReportError
from lit_mia.metrics.verdict import Design
from lit_mia.report.finite import json_values, spell_non_finite

SCHEMA = "lit-mia/audit/2"
FIRST_SCHEMA = "lit-mia/audit/1"  # audits of trained heads only, without protocol, settings and evaluations
KNOWN_SCHEMAS = (FIRST_SCHEMA, SCHEMA)

RowKind = Literal["attack", "blind", "caption", "placebo", "round trip"]
Protocol = Literal["heads", "threshold", "resnet"]
Bounds = Sequence[float]


class TprPoint(TypedDict):
    """True positive rate at one false positive rate; `tpr` is None, with a `reason`, below the floor 10 / n0."""

    fpr: float
    tpr: float | None
    ci: Bounds | None
    achieved_fpr: float | None
    reason: str | None


class ThresholdTransfer(TypedDict):
    """A threshold fixed on the calibration split, and its rates on the test split."""

    nominal_fpr: float
    threshold: float
    realised_fpr: float
    realised_fpr_ci: Bounds
    tpr: float
    tpr_ci: Bounds


class VerdictText(TypedDict):
    """The audit in words: one of the five kinds, and a sentence in plain English."""

    kind: str
    sentence: str


class ToolCheck(TypedDict):
    """How many captions find their own image among the `nearest` of all `n`, and the p-value against chance."""

    n: int
    nearest: int
    found: int
    p: float


class SplitSizes(TypedDict):
    """How the records were split; `sizes` maps split → {"member": n1, "non_member": n0}, `groups` counts groups."""

    seed: int
    digest: str
    sizes: dict[str, dict[str, int]]
    groups: int


class Tried(TypedDict):
    """What was tried before the numbers were read: configurations of heads, and openings of the test split."""

    configurations: int
    test_openings: int


class ControlNull(TypedDict):
    """The largest AUC of all controls against the 95th percentile of the same maximum under permuted labels."""

    max_control_auc: float
    quantile_95: float
    permutations: int


class Distance(TypedDict):
    """How far two sets of images are apart; the deviation of KID is that over its subsets."""

    fid: float
    kid: float
    kid_std: float


class Fidelity(TypedDict):
    """Distances between the images of an audit, as one encoder sees them; `n` images on each side of each distance.

    `members` and `non_members`: records against the images generated from their captions. `sides`: member records
    against non-member records. `p_generated`: permutation p of the first two being equal; `p_sides`: of the two sides
    being of one distribution; both by KID's kernel. `rank_deficient`: n is not above the dimension, so FID is not to
    be trusted.
    """

    encoder: str
    fingerprint: dict[str, Any]
    dimension: int
    n: int
    rank_deficient: bool
    members: Distance
    non_members: Distance
    sides: Distance
    p_generated: float
    p_sides: float


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the report: an attack, or a control that belongs to an attack.

    Attributes:
        name: `II-S` for an attack, `II-S blind` for one of its controls.
        kind: `attack`, or the kind of control.
        attack: Name of the attack it belongs to; of an attack, its own name.
        setting: Timestep and the like, chosen on train and val; None where there is none.
        evaluations: Denoiser evaluations per record that the attack makes alone, as counted; None where not counted.
        auc: Area under the ROC curve of the combined test scores.
        auc_ci: Its 95 % interval.
        tpr_at_fpr: True positive rates at the largest false positive rate not above each level.
        accuracy: Balanced accuracy at `threshold`.
        accuracy_ci: Its 95 % interval.
        threshold: Score from which a record is called a member; chosen on the calibration split.
        n_members: Members in the test split.
        n_nonmembers: Non-members in the test split.
        auc_per_seed: AUC of each seed of the head, before seeds are combined.
        frozen_threshold: What became of a nominal false positive rate.
        delta_auc: AUC of the attack minus AUC of `strongest_control`; None for a control.
        delta_auc_ci: Its paired 95 % interval.
        strongest_control: Name of the control with the largest AUC on the validation split.
        p_vs_control: Control → one-sided p of the paired difference being above 0.
        p_adjusted: Largest of `p_vs_control`, after Holm over the attacks.
        beats_controls: Whether `p_adjusted` is at most 5 %; None for a control.
    """

    name: str
    kind: RowKind
    attack: str
    setting: str | None = None
    evaluations: int | None = None
    auc: float
    auc_ci: Bounds
    tpr_at_fpr: list[TprPoint]
    accuracy: float
    accuracy_ci: Bounds
    threshold: float
    n_members: int
    n_nonmembers: int
    auc_per_seed: list[float]
    frozen_threshold: ThresholdTransfer
    delta_auc: float | None = None
    delta_auc_ci: Bounds | None = None
    strongest_control: str | None = None
    p_vs_control: dict[str, float] | None = None
    p_adjusted: float | None = None
    beats_controls: bool | None = None


class Spent(TypedDict):
    """What one target was asked in this run, as in `lit_mia.cost.Cost`."""

    queries: int
    nfe: int
    seconds: float
    money: float


class Charged(TypedDict):
    """Images asked of a target over the life of its store, at the price of then; uncertain ones may not be charged."""

    confirmed: int
    uncertain: int
    confirmed_money: float
    uncertain_money: float


class Refused(TypedDict):
    """Records that a target refused, per class (`member`, `non_member`), and Fisher's two-sided p of equal rates."""

    asked: dict[str, int]
    refused: dict[str, int]
    reasons: dict[str, dict[str, int]]
    p_unequal: float


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What the audit cost in this run; answers that were stored before cost nothing.

    Attributes:
        queries: Images asked for, of all targets together.
        nfe: Denoiser evaluations.
        seconds: Time spent querying.
        money: Price of the queries, in the currency of the target's `price_per_image`.
        by_target: The same for each target (`target`, `placebo`), and for models that drew records.
        seconds_total: Time of the whole audit, training of the heads included.
        charges: Images asked for and paid, of each target that keeps accounts, in all runs.
    """

    queries: int
    nfe: int
    seconds: float
    money: float
    by_target: dict[str, Spent]
    seconds_total: float
    charges: dict[str, Charged] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class AuditReport:
    """Everything that one audit found out, and how.

    Attributes:
        name: Name of the audit.
        created: ISO date.
        verdict: The audit in words.
        rows: Attacks, each followed by its controls.
        cost: Queries, denoiser evaluations, seconds.
        protocol: `heads`: trained heads. `threshold`: statistics without training. `resnet`: a network trained on the
            residual maps of the same attacks. Numbers of two protocols are not to be compared in one column.
        design: Who decided which records are members, and when.
        target: Fingerprint of the target.
        placebo: Fingerprint of the placebo target, or None where there was none.
        splits: Seed and digest of the splits as locked; sizes and groups without records that were refused.
        store_digest: SHA-256 of the observations.
        encoder: Fingerprint of the attacker's encoder.
        captioner: Fingerprint of the attacker's captioner; empty where the captions are the source's own.
        tools: Whether captions find their own images by the encoder, outside test; None where that was not checked.
        config: The YAML of the audit. Infinities and NaN in it are kept as YAML spells them (`.inf`, `.nan`).
        tried: Configurations tried, openings of the test split.
        control_null: Permutation null of the largest control AUC, or None without controls.
        mde_auc: Smallest AUC that is told from 0.5 with 80 % power (5 %, one-sided).
        mde_delta_auc: The same for the difference of attack and control, or None without controls.
        skipped: Ids of records whose image could not be read, or of which the captioner said nothing.
        refused: Role → what this target refused to answer; only of those that refused something.
        limits: Sentences that qualify the result.
        versions: Package → version.
        git: Commit of the working tree, or None.
        fidelity: FID and KID, or None where nothing was generated, or too little.
        schema: Version of this form.
    """

    name: str
    created: str
    verdict: VerdictText
    rows: list[Row]
    cost: Cost
    protocol: Protocol
    design: Design
    target: dict[str, Any]
    placebo: dict[str, Any] | None
    splits: SplitSizes
    store_digest: str
    encoder: dict[str, Any]
    config: dict[str, Any]
    tried: Tried
    control_null: ControlNull | None
    mde_auc: float
    mde_delta_auc: float | None
    skipped: list[str]
    limits: list[str]
    versions: dict[str, str]
    git: str | None
    refused: dict[str, Refused] = field(default_factory=dict)
    fidelity: Fidelity | None = None
    schema: str = SCHEMA
    captioner: dict[str, Any] = field(default_factory=dict)
    tools: ToolCheck | None = None

    def to_dict(self) -> dict[str, Any]:
        """The report as plain JSON values.

        Raises:
            ReportError: If a measured number is infinite or not a number.
        """
        return json_values({"schema": self.schema, **asdict(self), "config": spell_non_finite(self.config)})

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The report of plain JSON values.

        Raises:
            ReportError: If the schema is unknown, a field without a default is missing, or a field is unknown.
        """
        if data.get("schema") not in KNOWN_SCHEMAS:
            raise ReportError(
                f"The audit has schema {data.get('schema')!r}, but this version of lit-mia reads "
                f"{', '.join(KNOWN_SCHEMAS)}. Run the audit again, or use the version that wrote it."
            )
        if data["schema"] == FIRST_SCHEMA:
            data = _upgraded(data)
        check_fields(cls, data, "the audit")
        check_fields(Cost, data["cost"], "`cost`")
        for i, row in enumerate(data["rows"]):
            check_fields(Row, row, f"row {i}")
        rows = [Row(**row) for row in data["rows"]]
        return cls(**{**data, "rows": rows, "cost": Cost(**data["cost"])})


def save_json(report: AuditReport, path: Path) -> None:
    """Write a report as indented JSON."""
    text = json.dumps(report.to_dict(), indent=2, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


def load_json(path: Path) -> AuditReport:
    """Read a report that `save_json` wrote.

    Raises:
        ReportError: If the file is missing, is not JSON or has an unknown schema.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ReportError(f"There is no report at {path}. Give the output folder of a finished audit.") from None
    except ValueError as error:
        raise ReportError(f"{path} is not readable as JSON ({error}). Run the audit again to write it anew.") from error
    if not isinstance(data, dict):
        raise ReportError(f"{path} holds a {type(data).__name__}, but an audit is a JSON object.")
    return AuditReport.from_dict(data)


def _upgraded(data: Mapping[str, Any]) -> dict[str, Any]:
    """An audit of the first schema in the form of the present one."""
    rows = [{**row, "setting": None, "evaluations": None} for row in data["rows"]]
    return {**data, "schema": SCHEMA, "protocol": "heads", "rows": rows}


def check_fields(cls: type[Any], data: Mapping[str, Any], where: str) -> None:
    """Refuse JSON values that are not those of a dataclass.

    Raises:
        ReportError: Naming the missing and the unknown fields.
    """
    required = {f.name for f in fields(cls) if f.default is MISSING and f.default_factory is MISSING}
    missing, unknown = sorted(required - set(data)), sorted(set(data) - {f.name for f in fields(cls)})
    if missing or unknown:
        raise ReportError(f"In {where}, fields are missing: {missing}; fields are unknown: {unknown}.")
