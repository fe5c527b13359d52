"""What the verdict rule made of each attack: its outcome, and how it stands beside each of its controls."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lit_mia.metrics.evidence import BY_COIN, Comparison, Kind
from lit_mia.metrics.shift import MOST
from lit_mia.report.columns import Cell, Column, Table, table_of
from lit_mia.report.fields import both_ends
from lit_mia.report.membership.notes import blocks
from lit_mia.report.membership.schema import AuditReport, Row
from lit_mia.report.membership.scores import RowEvidence
from lit_mia.report.words import NOTHING, bare_p, bounds, number, p_value, signed

VALUES = ("differences", "smallest_difference", "ratio_lo", "p_own", "p_adjusted", "outcome")
"""What an attack has in `audit.json`, and a control has not."""


@dataclass(frozen=True)
class Headline:
    """The number that an audit is known by.

    Attributes:
        text: The number.
        interval: Its interval, or what stands beside it.
        what: What it is, and of which attack.
    """

    text: str
    interval: str
    what: str


def finding(evidence: RowEvidence) -> dict[str, Any]:
    """Outcome, p-values and differences of an attack; None for a control."""
    name, against, verdict = evidence.row.name, evidence.against, evidence.verdict
    if name not in verdict.outcomes:
        return dict.fromkeys(VALUES)
    return {
        "differences": {control: _difference(comparison) for control, comparison in against.items()},
        "smallest_difference": _smallest(against),
        "ratio_lo": _least_ratio(against),
        "p_own": evidence.p_own,
        "p_adjusted": verdict.adjusted_p[name],
        "outcome": verdict.outcomes[name],
    }


def _difference(comparison: Comparison) -> dict[str, Any]:
    """A comparison as JSON; without an interval there is no p and no factor either."""
    tests = {"p": comparison.p_better, "p_shift": comparison.p_shift, "ratio_lo": comparison.ratio_lo}
    ci = both_ends(comparison.lo, comparison.hi)
    said = tests if ci else dict.fromkeys(tests)
    return {"delta": comparison.delta, "ci": ci, **said, "mirrored": comparison.mirrored}


def _least_ratio(against: Mapping[str, Comparison]) -> float | None:
    """The smallest factor; None without controls, or where one has none."""
    ratios = [None if of.lo is None else of.ratio_lo for of in against.values()]
    said = [ratio for ratio in ratios if ratio is not None]
    return min(said) if said and len(said) == len(ratios) else None


def _smallest(against: Mapping[str, Comparison]) -> dict[str, Any] | None:
    """The smallest difference with its control, and the smallest ends of all intervals."""
    if not against:
        return None
    control = min(against, key=lambda name: against[name].delta)
    los, his = ([getattr(of, end) for of in against.values() if getattr(of, end) is not None] for end in ("lo", "hi"))
    ci = both_ends(min(los), min(his)) if len(los) == len(against) else None
    return {"control": control, "delta": against[control].delta, "ci": ci}


# ---------------------------------------------------------------------- how it is written


def times(ratio: float | None) -> str:
    """1.62 → `1.62`; the largest factor that is looked for → `≥ 100`; None → a dash."""
    return NOTHING if ratio is None else f"≥ {MOST:g}" if ratio >= MOST else f"{ratio:.2f}"


def short_control(row: Row, control: str) -> str:
    """What a control is called beside its attack: `blind` for `II-S blind`."""
    return control.removeprefix(f"{row.attack} ")


def short_outcome(outcome: str | None) -> str:
    """An outcome in few words: without its brackets and what follows from it."""
    words = (outcome or "").partition(" (")[0]
    return {"leakage beyond controls": "leakage", "not detected at this power": "not detected"}.get(words, words)


def smallest_cell(row: Row) -> Cell:
    """The smallest difference, the smallest ends of the intervals, and the control; empty for a control."""
    smallest = row["smallest_difference"]
    if smallest is None:
        return Cell()
    return Cell(signed(smallest["delta"]), bounds(smallest["ci"]), f"to {short_control(row, smallest['control'])}")


def outcome_cell(row: Row) -> Cell:
    """The outcome in full, with its adjusted p; empty for a control."""
    outcome = row["outcome"]
    return Cell(outcome or "", note=p_value(row["p_adjusted"]))


def with_finding(report: AuditReport) -> list[Row]:
    """The attacks that the headline may be of, the one with the largest number first; empty where there is none.

    They are those with the finding of the audit: another, such as one without a placebo, may have a larger number. None
    where nothing is concluded, and in a hold-out none without controls.
    """
    void: tuple[Kind, ...] = ("design violated", "tool failure")
    attacks = [row for row in report.rows if row.kind == "attack" and row["outcome"] not in void]
    coin = report.design in BY_COIN
    compared = attacks if coin else [row for row in attacks if row["smallest_difference"]]
    found = [row for row in compared if row["outcome"] == report.verdict["kind"]] or compared
    if coin:
        return sorted(found, key=lambda row: -float(row["auc"]))
    return sorted(found, key=lambda row: (row["ratio_lo"] or 0.0, row["smallest_difference"]["delta"]), reverse=True)


def headline_of(report: AuditReport) -> Headline | None:
    """Under a coin the AUC with its interval, else by how much a shift would have to be read better; of the top attack.

    None where `with_finding` finds none.
    """
    found = with_finding(report)
    if not found:
        return None
    top, of = found[0], f" (the largest of {len(found)} with this finding)" if len(found) > 1 else ""
    if report.design in BY_COIN:
        return Headline(number(top["auc"]), bounds(top["auc_ci"]), f"AUC of {top.name}{of}")
    what = f"better than every control, at least, a shift would have to be read by {top.name} to explain it{of}"
    factor = NOTHING if top["ratio_lo"] is None else f"{times(top['ratio_lo'])} ×"
    return Headline(factor, f"smallest ΔAUC {smallest_cell(top).line}", what)


@dataclass(frozen=True)
class _Against:
    """An attack beside one of its controls."""

    attack: Row
    control: Row
    difference: Mapping[str, Any]


_COLUMNS: tuple[Column[_Against], ...] = (
    Column("auc", "AUC of the control", lambda pair: Cell(number(pair.control["auc"]), bounds(pair.control["auc_ci"]))),
    Column(
        "delta", "ΔAUC [95 % CI]", lambda pair: Cell(signed(pair.difference["delta"]), bounds(pair.difference["ci"]))
    ),
    Column("p", "p (not better)", lambda pair: Cell(_p(pair.difference["p"]))),
    Column("p_shift", "p (not 1.5 times)", lambda pair: Cell(_p(pair.difference["p_shift"]))),
    Column(
        "ratio_lo",
        "Shift factor, at least",
        lambda pair: Cell(times(pair.difference["ratio_lo"]), note="its mirror too" * pair.difference["mirrored"]),
    ),
)


def difference_table(report: AuditReport) -> Table | None:
    """Every attack beside every one of its controls; None where no attack has any."""
    pairs = [[_Against(of[0], row, of[0]["differences"][row.name]) for row in of[1:]] for of in blocks(report)]
    if not any(pairs):
        return None
    return table_of(
        "Attack, control",
        _COLUMNS,
        [block for block in pairs if block],
        "page",
        name=lambda pair: f"{pair.attack.name}, {short_control(pair.attack, pair.control.name)}",
        kind=lambda pair: pair.control.kind,
        strong=lambda _: True,
    )


def _p(value: float | None) -> str:
    return bare_p(value) or NOTHING
