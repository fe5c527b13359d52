"""The numbers of an identity audit and their JSON form."""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal, TypedDict

from lit_mia.metrics.evidence import Design
from lit_mia.metrics.identity import Rate
from lit_mia.report.fields import findings_values

IdentityRowKind = Literal["target", "untrained", "permuted names", "swapped membership"]


class Questioning(TypedDict):
    """How people were asked about: n of the images, M names, P templates, draws of images, and the thresholds τ."""

    images: list[int]
    names: int
    templates: int
    draws: int
    thresholds: list[int]
    min_images: int


@dataclass(frozen=True)
class AtThreshold:
    """Rates at one threshold τ and the largest n.

    Attributes:
        threshold: Number of templates τ.
        tpr: Recognised members; FNR is 1 minus it. None without members.
        fpr: Recognised non-members; TNR is 1 minus it. None without non-members.
        bound: Most that chance allows on average if names are exchangeable within the pool, ⌊P / τ⌋ / M.
        expected: Mean number of names that τ templates agree on, over M: how often a name at random is called.
    """

    threshold: int
    tpr: Rate | None
    fpr: Rate | None
    bound: float
    expected: float


@dataclass(frozen=True)
class AtImages:
    """Rates at the first threshold and some number of images n; None without people of that class."""

    images: int
    tpr: Rate | None
    fpr: Rate | None


@dataclass(frozen=True)
class IdentityRow:
    """The target or a control.

    Attributes:
        name: What it is.
        kind: What kind of control, or `target`.
        model: Fingerprint of the model.
        points: Rates at each threshold.
        auc: Area under the ROC curve of the soft score; None if a class is missing.
        auc_ci: Its interval.
        by_images: Rates at the first threshold, for each n.
        passes: Whether the control shows what it should; None for the target and where it cannot be told.
        rule: What it has to show.
    """

    name: str
    kind: IdentityRowKind
    model: dict[str, Any]
    points: list[AtThreshold]
    auc: float | None
    auc_ci: list[float] | None
    by_images: list[AtImages]
    passes: bool | None
    rule: str


@dataclass(frozen=True)
class GridCell:
    """TPR at the first threshold of members of some occurrence counts, for one n.

    Attributes:
        occurrences: The counts, e.g. `10` or `25–49`.
        images: Number of images n.
        tpr: The rate.
    """

    occurrences: str
    images: int
    tpr: Rate


@dataclass(frozen=True)
class Half:
    """The same people before a model that was trained on them and one that was not.

    Attributes:
        name: Which people.
        tpr: How many the model recognises that was trained on them.
        fpr: How many the other model recognises.
        difference: The paired difference.
        passes: Whether the first interval lies above the second.
    """

    name: str
    tpr: Rate
    fpr: Rate
    difference: Rate
    passes: bool


@dataclass(frozen=True)
class PersonLine:
    """One person before one model, at the largest number of images.

    Attributes:
        row: Name of the row of the report.
        name: The person's.
        member: 1, 0 or -1 (unknown), of this model.
        occurrences: Training pairs of this model that show the person; None if unknown.
        images: Readable images at hand.
        templates: Templates that recognise the person, mean over the draws.
        margin: Soft score, mean over the draws.
        recognised: Threshold τ → share of the draws in which the person is called a member.
    """

    row: str
    name: str
    member: int
    occurrences: int | None
    images: int
    templates: float
    margin: float
    recognised: dict[int, float]


@dataclass(frozen=True, kw_only=True)
class IdentityFindings:
    """Everything that the page of an identity audit says.

    Attributes:
        schema: Form of `audit.json`.
        name: Name of the audit.
        created: Date.
        verdict: `kind` and `sentence`.
        rows: The target, then its controls.
        grid: TPR by n and occurrences.
        halves: Of the swapped membership; empty without it.
        trends: One-sided p-values of "recognition does not rise with …": `images`, `occurrences`; None if untested.
        setting: How people were asked about.
        people: How many members, non-members and people of unknown membership were asked about.
        skipped: People with too few readable images, and how many they have.
        unreadable: Images that could not be read, by person.
        cut_off: Captions that the target did not read to their end.
        cost: Embeddings computed and seconds, by row; `queries` and `seconds_total` for the whole audit.
        design: How members and non-members came about.
        pool_digest: SHA-256 of the pool.
        people_digest: SHA-256 of the table of people.
        config: Configuration.
        limits: Sentences that qualify every result.
        versions: Versions of what computes the numbers.
        git: Commit, if any.
        lines: What was read about every person by every model; in a file of its own.
    """

    schema: ClassVar[str] = "lit-mia/identity/1"
    name: str
    created: str
    verdict: dict[str, str]
    rows: list[IdentityRow]
    grid: list[GridCell]
    halves: list[Half]
    trends: dict[str, float | None]
    setting: Questioning
    people: dict[str, int]
    skipped: dict[str, int]
    unreadable: dict[str, int]
    cut_off: int
    cost: dict[str, Any]
    design: Design
    pool_digest: str
    people_digest: str
    config: dict[str, Any]
    limits: list[str]
    versions: dict[str, str]
    git: str | None
    lines: list[PersonLine]

    @property
    def first(self) -> AtThreshold:
        """The target at the first threshold, by which the verdict is given."""
        return self.rows[0].points[0]

    @property
    def largest(self) -> int:
        """The largest number of images n."""
        return self.setting["images"][-1]

    def numbers(self) -> dict[str, Any]:
        """What `audit.json` holds: everything but single people.

        Raises:
            ReportError: If a measured number is infinite or not a number.
        """
        return findings_values(self, self.schema)
