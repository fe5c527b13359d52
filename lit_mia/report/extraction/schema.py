"""The numbers of an extraction audit and their JSON form."""

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, TypedDict

from lit_mia.metrics.copying.verdict import ExtractionKind
from lit_mia.metrics.evidence import Design
from lit_mia.report.fields import findings_values
from lit_mia.report.forms.fields import Count, Share, ShareEnds
from lit_mia.report.membership.schema import Expense, Refused, Tried

Model = Literal["target", "target less base", "base"]
"""What is counted: copies by the target, those by the target that the base does not make of the same prompt and seed,
and those by the base."""


@dataclass(frozen=True)
class Counted:
    """How many images of one half are reproduced.

    Attributes:
        k: Reproduced images.
        n: All images of the half.
        rate: Share of them.
        lo: Lower end of its 95 % interval (Clopper and Pearson; groups count as what they are worth).
        hi: Upper end.
    """

    k: Count
    n: Count
    rate: Share
    lo: Share
    hi: Share

    @property
    def ci(self) -> list[float]:
        """Both ends."""
        return [self.lo, self.hi]


@dataclass(frozen=True)
class CopyRow:
    """Copies by one model, by one measure and threshold.

    Attributes:
        name: Which copies; also its name in the report.
        kind: Name of its kind of row.
        measure: When an image is a copy, e.g. `tiled ℓ2 ≤ 0.15`.
        threshold: The threshold.
        members: Reproduced images of the training half.
        nonmembers: Reproduced images of the held-out half.
        p_excess: One-sided p of Fisher's exact test that members are reproduced no more, with the group as the unit.
        p_excess_adjusted: The same, adjusted for all tests of the target; of the base, for all of the base.
        is_first: Whether the numbers that need no threshold, which follow, stand in this row.
        top_run: Training groups that are closer than every held-out group.
        p_top_run: One-sided p of as many, if halves are exchangeable.
        p_top_run_adjusted: The same, adjusted.
        own_nearest: Share of the images of each half, of those from whose captions something was drawn, whose closest
            generation has them, or their group, as the nearest of all images (of a difference: and that of the base
            has not); None if nothing was drawn of a half.
        p_own_nearest: One-sided p of Fisher's exact test of these, as of `p_excess`.
        p_own_nearest_adjusted: The same, adjusted.
        auc: AUC of the closeness as a score of membership.
        auc_ci: Its 95 % interval; None if it cannot be said.
    """

    name: Model
    kind: str
    measure: str
    threshold: float
    members: Counted
    nonmembers: Counted
    p_excess: Share
    p_excess_adjusted: Share
    is_first: bool
    top_run: Count
    p_top_run: Share
    p_top_run_adjusted: Share
    own_nearest: ShareEnds | None
    p_own_nearest: Share
    p_own_nearest_adjusted: Share
    auc: Share
    auc_ci: ShareEnds | None


@dataclass(frozen=True)
class UntargetedRow:
    """Training and held-out images among what a model draws from prompts that belong to none of them.

    Attributes:
        name: The model.
        kind: Name of its kind of row.
        how: `any image`, or `cliques`: only images that many others resemble.
        measure: When an image is a copy.
        images: Images that were drawn.
        cliques: Disjoint cliques that were found; None where none are asked for.
        members: Images of the training half that are found.
        nonmembers: Images of the held-out half that are found.
        p_excess: One-sided p of Fisher's exact test, as of `CopyRow`.
        p_excess_adjusted: The same, adjusted.
    """

    name: Model
    kind: str
    how: str
    measure: str
    images: Count
    cliques: Count | None
    members: Counted
    nonmembers: Counted
    p_excess: Share
    p_excess_adjusted: Share


@dataclass(frozen=True)
class Eidetic:
    """Reproduced training images whose reproduction is a copy of k training images, copies of a file counted.

    Attributes:
        seen: k.
        images: How many there are.
    """

    seen: Count
    images: Count


@dataclass(frozen=True)
class CanaryTier:
    """Canaries of one number of copies.

    Attributes:
        copies: How often each was put in.
        members: Those that were in.
        nonmembers: Those that the coin kept out.
    """

    copies: Count
    members: Counted
    nonmembers: Counted


@dataclass(frozen=True)
class Triaged:
    """Which captions were drawn, where not all were.

    Attributes:
        attack: What ranked them.
        share: Share of the captions that were drawn first, whatever their half.
        members: Captions of the training half that were drawn.
        nonmembers: Captions of the held-out half that were drawn, at least as many where there are.
        auc: AUC of the ranking itself as a score of membership, by name of what was ranked.
        auc_ci: Its 95 % interval, by name; None if it cannot be said.
    """

    attack: str
    share: Share
    members: Count
    nonmembers: Count
    auc: dict[str, Share]
    auc_ci: dict[str, ShareEnds | None]


@dataclass(frozen=True)
class RecordLine:
    """One record as one model reproduces it, by one measure.

    Attributes:
        row: The model.
        measure: Name of the measure.
        id_hash: SHA-256 of the record's id.
        member: 1 or 0.
        value: Distance or similarity of the closest generation.
        own_nearest: Whether the record, or one of its group, is the nearest of all images to it.
        reproduced: Whether it is a copy by the first threshold.
    """

    row: str
    measure: str
    id_hash: str
    member: int
    value: float
    own_nearest: bool
    reproduced: bool


@dataclass(frozen=True, kw_only=True)
class ExtractionFindings:
    """Everything that the page of an extraction audit says.

    Attributes:
        schema: Form of `audit.json`.
        name: Name of the audit.
        created: Date.
        verdict: `kind` and `sentence`, of which the first sentence may be quoted.
        rows: Copies by measure and threshold: of the target, of the target less the base, of the base.
        untargeted: Of images drawn from other prompts; empty where none were.
        eidetic: How many training images reproductions are copies of, by the first measure and threshold.
        tiers: Of canaries with several copies; empty otherwise.
        triaged: Which captions were drawn; None if all were.
        draws: Images drawn per caption.
        tests: Tests of the target that share the level.
        fewest_found: Fewest reproduced training groups that would be found if no held-out one is; None if there is no
            such number.
        groups: Groups of each half, the units of the tests: `member`, `non_member`.
        cost: Of this run, by model, as of a membership audit.
        design: How the halves came about.
        design_notes: What is known of that.
        coin_verified: Whether a coin was checked.
        target: Fingerprint of the target.
        base: That of the base; None without one.
        hashes: Of the answers.
        tried: What was tried on these records and this target so far.
        refused: Refusals by model.
        skipped: Records that could not be used.
        config: Configuration.
        limits: Sentences that qualify every result.
        versions: Versions of what computes the numbers.
        git: Commit, if any.
        lines: Every record by every model and measure; in a file of its own.
    """

    schema: ClassVar[str] = "lit-mia/extraction/1"
    name: str
    created: str
    verdict: dict[str, str]
    rows: list[CopyRow]
    untargeted: list[UntargetedRow]
    eidetic: list[Eidetic]
    tiers: list[CanaryTier]
    triaged: Triaged | None
    draws: Count
    tests: Count
    fewest_found: Count | None
    groups: dict[str, Count]
    cost: dict[str, Any]
    design: Design
    design_notes: list[str]
    coin_verified: bool
    target: dict[str, Any]
    base: dict[str, Any] | None
    hashes: dict[str, str]
    tried: Tried
    refused: dict[str, Refused]
    skipped: list[str]
    config: dict[str, Any]
    limits: list[str]
    versions: dict[str, str]
    git: str | None
    lines: list[RecordLine] = field(default_factory=list)

    @property
    def kind(self) -> ExtractionKind:
        """The kind of the verdict."""
        return self.verdict["kind"]  # type: ignore[return-value]

    @property
    def first(self) -> CopyRow:
        """The target by the first measure at its first threshold, which the sentence quotes."""
        return self.rows[0]

    def numbers(self) -> dict[str, Any]:
        """What `audit.json` holds: everything but single records.

        Raises:
            ReportError: If a measured number is infinite or not a number.
        """
        return findings_values(self, self.schema)


class ExtractionVerdict(TypedDict):
    """What an extraction audit ends in: a kind, and a sentence in plain English."""

    kind: ExtractionKind
    sentence: str


class Units(TypedDict):
    """How many groups each half has, the units of the tests."""

    member: Count
    non_member: Count


class InFile(TypedDict):
    """What `audit.json` holds in another form than the findings."""

    verdict: ExtractionVerdict
    cost: Expense
    groups: Units
