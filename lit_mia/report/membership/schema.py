"""The result of one audit and its JSON form, `audit.json`."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, NotRequired, Self, TypedDict

from lit_mia.errors import ReportError
from lit_mia.metrics.evidence import Design
from lit_mia.report.fields import check_fields, json_values, spell_non_finite
from lit_mia.report.forms.fields import Amount, Count, Day, Digest, Share, ShareEnds
from lit_mia.report.membership.bounds import DpBound
from lit_mia.report.membership.checks.row_form import RowForm
from lit_mia.report.membership.set_numbers import SetLevel

SCHEMA = "lit-mia/audit/3"
"""Earlier ones hold verdicts of another rule; they are not read, so that none is shown as if it were of this one."""

NEEDED = tuple(sorted(RowForm.__required_keys__ - {"name", "kind", "attack"}))
"""The values that every row has; what else there is depends on kind, protocol and installed columns."""


Coin = Literal["verified", "stated"]
"""What is known of a coin: that it was checked, or what the user says of it."""


class ToolCheck(TypedDict):
    """How many captions find their own image among the `nearest` of all `n`, and the p-value against chance."""

    n: Count
    nearest: Count
    found: Count
    p: Share


class SplitSizes(TypedDict):
    """How the records were split; `sizes` maps split → {"member": n1, "non_member": n0}, `groups` counts groups."""

    seed: int
    digest: Digest
    sizes: dict[str, dict[str, Count]]
    groups: Count


class Tried(TypedDict):
    """What was tried on these test records before the numbers were read, as far as is known where the audit ran.

    `configurations` that were tried, `test_openings` in all, and how many of these each of `commands` made (`audit`,
    `test`, `script`).
    """

    configurations: Count
    test_openings: Count
    commands: dict[str, Count]


class FoundBy(TypedDict):
    """What the verdict rule, as it was applied, finds four times in five.

    `auc_needed`: the AUC of an attack at which it is found. `violation`: under a coin, the AUC of a control at which
    its check finds that the coin did not decide. None where that cannot be said, or is not asked.
    """

    auc_needed: Share | None
    violation: Share | None


class CheckedPlacebo(TypedDict):
    """Whether a placebo can stand for a target that saw neither side, as in `lit_mia.metrics.evidence.PlaceboCheck`."""

    valid: bool
    sentence: str
    gap: float | None
    gap_hi: float | None


class ControlNull(TypedDict):
    """The largest AUC of all controls against the 95th percentile of the same maximum among useless controls."""

    max_control_auc: Share
    quantile_95: Share
    permutations: Count


class ImageSetDistance(TypedDict):
    """How far two sets of images are apart; the deviation of KID is that over its subsets."""

    fid: float
    kid: float
    kid_std: Amount


class Fidelity(TypedDict):
    """Distances between the images of an audit, as one encoder sees them; `n` images on each side of each distance.

    `members` and `non_members`: records against the images generated from their captions. `sides`: member records
    against non-member records. `p_generated`: permutation p of the first two being equal; `p_sides`: of the two sides
    being of one distribution; both by KID's kernel, None with too few groups. `rank_deficient`: n is not above the
    dimension, so FID is not to be trusted.
    """

    encoder: str
    fingerprint: dict[str, Any]
    dimension: Count
    n: Count
    rank_deficient: bool
    members: ImageSetDistance
    non_members: ImageSetDistance
    sides: ImageSetDistance
    p_generated: Share | None
    p_sides: Share | None


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the report: an attack, or a control that belongs to an attack.

    Attributes:
        name: `II-S` for an attack, `II-S blind` for one of its controls.
        kind: Name of its kind in `ROW_KINDS`.
        attack: Name of the attack it belongs to; of an attack, its own name.
        values: What the columns computed, by name (see `lit_mia.report.membership.columns`).
    """

    name: str
    kind: str
    attack: str
    values: Mapping[str, Any]

    def __getitem__(self, name: str) -> Any:
        """A value; None where it was not computed."""
        return self.values.get(name)

    def to_dict(self) -> dict[str, Any]:
        """The row in one level, as `audit.json` holds it."""
        return {"name": self.name, "kind": self.kind, "attack": self.attack, **self.values}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The row of `to_dict`; a column that is not installed here keeps its values.

        Raises:
            ReportError: If name, kind, attack or one of the `NEEDED` values is missing.
        """
        named = {"name", "kind", "attack"}
        missing = sorted(named.union(NEEDED) - set(data))
        if missing:
            raise ReportError(f"In the row {data.get('name')!r}, fields are missing: {missing}.")
        values = {name: value for name, value in data.items() if name not in named}
        return cls(name=data["name"], kind=data["kind"], attack=data["attack"], values=values)


class Spent(TypedDict):
    """What one target was asked in this run, as in `lit_mia.cost.Cost`."""

    queries: Count
    nfe: Count
    seconds: Amount
    money: Amount


class Charged(TypedDict):
    """Images asked of a target over the life of its store, at the price of then; uncertain ones may not be charged."""

    confirmed: Count
    uncertain: Count
    confirmed_money: Amount
    uncertain_money: Amount


class Refused(TypedDict):
    """Records that a target refused, per class (`member`, `non_member`), and Fisher's two-sided p of equal rates."""

    asked: dict[str, Count]
    refused: dict[str, Count]
    reasons: dict[str, dict[str, Count]]
    p_unequal: Share


class Same(TypedDict):
    """Records that show the same image: whether all pixels are equal, and how many groups and sides they are of."""

    ids: list[str]
    exact: bool
    groups: Count
    sides: Count


class Shadow(TypedDict):
    """The target that heads learned on, where that is not the attacked one.

    `target`: its fingerprint. `splits`: records of each class in the splits of either side that were looked at.
    `digests`: of the locked splits and of the answers of both sides.
    """

    target: dict[str, Any]
    splits: dict[str, dict[str, dict[str, Count]]]
    digests: dict[str, str]


class Tier(TypedDict):
    """How well an attack tells canaries of so many copies from those that were kept out; None with too few.

    `p`: one-sided, of labels permuted, adjusted for all attacks on the tier.
    """

    attack: str
    copies: Count
    n_members: Count
    n_nonmembers: Count
    auc: Share | None
    auc_ci: ShareEnds | None
    p: NotRequired[Share | None]


@dataclass(frozen=True, kw_only=True)
class Expense:
    """What the audit cost in this run; answers that were stored before cost nothing.

    Attributes:
        queries: Images asked for, of all targets together.
        nfe: Denoiser evaluations.
        seconds: Time spent querying.
        money: Price of the queries, in the currency of the target's `price_per_image`.
        by_target: The same for each target (`target`, `base`, `placebo`), and for models that drew records.
        seconds_total: Time of the whole audit, training of the heads included.
        charges: Images asked for and paid, of each target that keeps accounts, in all runs.
    """

    queries: Count
    nfe: Count
    seconds: Amount
    money: Amount
    by_target: dict[str, Spent]
    seconds_total: Amount
    charges: dict[str, Charged] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class AuditReport:
    """Everything that one audit found out, and how.

    Attributes:
        name: Name of the audit.
        created: ISO date.
        verdict: The audit in words: a `kind`, and a `sentence` in plain English.
        rows: Attacks, each followed by its controls.
        cost: Queries, denoiser evaluations, seconds.
        protocol: `heads`: trained heads. `threshold`: statistics without training. `resnet`: a network trained on the
            residual maps of the same attacks. Of several, joined by ` + `; each row says its own.
        design: Who decided which records are members, and when.
        target: Fingerprint of the target.
        placebo: Fingerprint of the placebo target, or None where there was none.
        shadow: What heads learned on; None where that is the target itself.
        base: Fingerprint of the base that calibrated attacks read, the model before the fine-tuning; None without any.
        facts: Role → what is told of this target beside its fingerprint, such as the sampler that drew its images;
            and `init_from`: attack → SHA-256 of the checkpoint that it started from, where some did.
        splits: Seed and digest of the splits as locked; sizes and groups without records that were refused.
        store_digest: SHA-256 of the observations.
        encoder: Fingerprint of the attacker's encoder.
        captioner: Fingerprint of the attacker's captioner; empty where the captions are the source's own.
        tools: Whether captions find their own images by the encoder, outside test; None where that was not checked.
        config: The YAML of the audit. Infinities and NaN in it are kept as YAML spells them (`.inf`, `.nan`).
        tried: Configurations tried, openings of the test split.
        control_null: The largest control AUC and its null, or None without controls.
        power: What the verdict rule finds four times in five.
        skipped: Ids of records whose image could not be read, or of which the captioner said nothing.
        refused: Role → what this target refused to answer; only of those that refused something.
        limits: Sentences that qualify the result.
        versions: Package → version.
        git: Commit of the working tree, or None.
        fidelity: FID and KID, or None where nothing was generated, or too little.
        coin: Whether the coin of a `randomized_split` or `canary` was `verified` or only `stated`; None of others.
        placebo_checks: Attack → check of its placebo; without those that have none.
        duplicates: Records that show the same in several groups of the source, or on both sides.
        design_notes: What vouches for the design, and what of it was checked.
        tiers: The AUC of each attack for canaries of each number of copies; only of an audit of canaries.
        dp_bound: Lower bound on ε, or why there is none; None in files of versions that did not look for one.
        set_level: The test of all suspected records together; None if no attack's tool works.
        schema: Version of this form.
    """

    name: str
    created: Day
    verdict: dict[str, str]
    rows: list[Row]
    cost: Expense
    protocol: str
    design: Design
    target: dict[str, Any]
    placebo: dict[str, Any] | None
    splits: SplitSizes
    store_digest: Digest
    encoder: dict[str, Any]
    config: dict[str, Any]
    tried: Tried
    control_null: ControlNull | None
    power: FoundBy
    skipped: list[str]
    limits: list[str]
    versions: dict[str, str]
    git: str | None
    facts: dict[str, dict[str, Any]] = field(default_factory=dict)
    refused: dict[str, Refused] = field(default_factory=dict)
    fidelity: Fidelity | None = None
    schema: str = SCHEMA
    captioner: dict[str, Any] = field(default_factory=dict)
    tools: ToolCheck | None = None
    coin: Coin | None = None
    placebo_checks: dict[str, CheckedPlacebo] = field(default_factory=dict)
    duplicates: list[Same] = field(default_factory=list)
    design_notes: list[str] = field(default_factory=list)
    tiers: list[Tier] = field(default_factory=list)
    shadow: Shadow | None = None
    base: dict[str, Any] | None = None
    dp_bound: DpBound | None = None
    set_level: SetLevel | None = None

    @property
    def n_records(self) -> int:
        """How many records there are in all splits."""
        return sum(sum(sides.values()) for sides in self.splits["sizes"].values())

    def to_dict(self) -> dict[str, Any]:
        """The report as plain JSON values.

        Raises:
            ReportError: If a measured number is infinite or not a number.
        """
        plain = {**asdict(self), "rows": [row.to_dict() for row in self.rows], "config": spell_non_finite(self.config)}
        return json_values({"schema": self.schema, **plain})

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The report of plain JSON values.

        Raises:
            ReportError: If a field without a default is missing, or a field is unknown.
        """
        check_fields(cls, data, "the audit")
        check_fields(Expense, data["cost"], "`cost`")
        rows = [Row.from_dict(row) for row in data["rows"]]
        return cls(**{**data, "rows": rows, "cost": Expense(**data["cost"])})
