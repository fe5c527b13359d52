"""Whether the numbers of a membership audit agree with each other, as the verdict rule and its sums make them."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from lit_mia.metrics.evidence import BY_COIN, KINDS
from lit_mia.metrics.threshold import positive_predictive_value
from lit_mia.report.forms import Fault
from lit_mia.report.forms.faults import below, shown
from lit_mia.report.forms.intervals import ROUNDING
from lit_mia.report.membership.checks.outcomes import impossible_comparisons, impossible_outcomes
from lit_mia.report.membership.columns import is_attack
from lit_mia.report.membership.protocols import JOINED, PROTOCOLS
from lit_mia.report.membership.schema import AuditReport, Row
from lit_mia.row_kinds import ROW_KINDS


def contradictions(report: AuditReport) -> Iterator[Fault]:
    """Every two places of a report that cannot both be right.

    Args:
        report: The numbers, each by itself of the form that it should have.
    """
    for check in _CHECKS:
        yield from check(report)


def _names(report: AuditReport) -> Iterator[Fault]:
    """Rows are named once, and belong to attacks that are there."""
    attacks = {row.name for row in report.rows if is_attack(row)}
    times = Counter(row.name for row in report.rows)
    if not attacks:
        yield Fault("rows", "hold no attack")
    for path, row in _rows(report):
        if times[row.name] > 1:
            yield Fault(f"{path}.name", f"{times[row.name]} rows are called {row.name!r}")
        if row.attack not in attacks:
            yield Fault(f"{path}.attack", f"there is no attack {row.attack!r}")
        elif is_attack(row) and row.attack != row.name:
            yield Fault(f"{path}.attack", f"{row.attack!r} is another attack than {row.name!r}")
        if row.kind not in ROW_KINDS:
            yield Fault(f"{path}.kind", f"{row.kind!r} is none of {', '.join(kind.name for kind in ROW_KINDS)}")
        if row["protocol"] not in PROTOCOLS:
            yield Fault(f"{path}.protocol", f"{row['protocol']!r} is none of {', '.join(p.name for p in PROTOCOLS)}")
    for where, named in {
        "placebo_checks": report.placebo_checks,
        "tiers": [tier["attack"] for tier in report.tiers],
        "dp_bound.attack": [report.dp_bound["attack"]] if report.dp_bound and report.dp_bound["attack"] else [],
    }.items():
        yield from (Fault(where, f"there is no attack {name!r}") for name in named if name not in attacks)


def _protocols(report: AuditReport) -> Iterator[Fault]:
    if {*report.protocol.split(JOINED)} != {row["protocol"] for row in report.rows}:
        yield Fault("protocol", f"{report.protocol!r} is not that of the rows")


def _verdict(report: AuditReport) -> Iterator[Fault]:
    """The verdict is the first outcome that an attack has; controls have none."""
    for path, row in _rows(report):
        if is_attack(row) and row["outcome"] is None:
            yield Fault(f"{path}.outcome", "an attack has an outcome")
        if not is_attack(row) and row["outcome"] is not None:
            yield Fault(f"{path}.outcome", "a control has no outcome")
    outcomes = [row["outcome"] for row in report.rows if is_attack(row) and row["outcome"] is not None]
    first = min(outcomes, key=KINDS.index, default=None)
    if report.verdict["kind"] != first:
        yield Fault("verdict.kind", f"{report.verdict['kind']!r} is not the first outcome of an attack, {first!r}")


def _differences(report: AuditReport) -> Iterator[Fault]:
    """An attack is compared with each of its controls; the smallest difference and factor are those of these."""
    by_name = {row.name: row for row in report.rows}
    for path, row in _rows(report):
        if not is_attack(row):
            continue
        found = row["differences"] or {}
        controls = {of.name for of in report.rows if of.attack == row.name and not is_attack(of)}
        for name in sorted(controls ^ found.keys()):
            yield Fault(below(f"{path}.differences", name), "is missing" if name in controls else "is no control of it")
        for name in sorted(controls & found.keys()):
            delta = row["auc"] - by_name[name]["auc"]
            yield from unequal(below(f"{path}.differences", name) + ".delta", found[name]["delta"], delta)
        yield from _smallest(path, row)


def _smallest(path: str, row: Row) -> Iterator[Fault]:
    found, smallest = row["differences"], row["smallest_difference"]
    if (smallest is None) != (not found):
        yield Fault(f"{path}.smallest_difference", "is there if, and only if, there are differences")
    elif smallest is not None:
        least = min(of["delta"] for of in found.values())
        yield from unequal(f"{path}.smallest_difference.delta", smallest["delta"], least)
        if smallest["control"] not in found:
            yield Fault(f"{path}.smallest_difference.control", f"{smallest['control']!r} is no control of it")
        elif found[smallest["control"]]["delta"] > least + ROUNDING:
            yield Fault(f"{path}.smallest_difference.control", f"{smallest['control']!r} is not the closest control")
        intervals = [of["ci"] for of in found.values()]
        for end in (0, 1) if smallest["ci"] is not None and None not in intervals else ():
            ends = [ci[end] for ci in intervals]
            yield from unequal(f"{path}.smallest_difference.ci[{end}]", smallest["ci"][end], min(ends))
        if (smallest["ci"] is None) != (None in intervals):
            yield Fault(f"{path}.smallest_difference.ci", "is there if, and only if, every difference has one")
        ratios = [of["ratio_lo"] for of in found.values()]
        yield from unequal(f"{path}.ratio_lo", row["ratio_lo"], None if None in ratios else min(ratios))


def _counts(report: AuditReport) -> Iterator[Fault]:
    """Every row is measured on the test split, and a total is the sum of its parts."""
    test = report.splits["sizes"].get("test", {})
    for name, side in (("n_members", "member"), ("n_nonmembers", "non_member")):
        for path, row in _rows(report):
            yield from unequal(f"{path}.{name}", row[name], test.get(side))
    for path, row in _rows(report):
        for name, side in (("n_members", "members"), ("n_nonmembers", "non_members")) if row["histogram"] else ():
            yield from unequal(f"{path}.histogram.{side}", sum(row["histogram"][side]), row[name])
            if len(row["histogram"]["edges"]) != len(row["histogram"][side]) + 1:
                yield Fault(f"{path}.histogram.edges", "is not one more than there are bins")
    for role, of in report.refused.items():
        for side in of["asked"]:
            refused = of["refused"].get(side, 0)
            if refused > of["asked"][side]:
                yield Fault(f"refused.{role}.refused.{side}", f"{refused} of {of['asked'][side]} that were asked")
            yield from unequal(f"refused.{role}.reasons.{side}", sum(of["reasons"].get(side, {}).values()), refused)
    openings = sum(report.tried["commands"].values())
    yield from unequal("tried.test_openings", report.tried["test_openings"], openings)


def _rates(report: AuditReport) -> Iterator[Fault]:
    """A rate is there, or the reason why it is not; shares follow from rates; the largest control is the largest."""
    for path, row in _rows(report):
        for i, point in enumerate(row["tpr_at_fpr"]):
            if (point["tpr"] is None) != (point["reason"] is not None):
                yield Fault(f"{path}.tpr_at_fpr[{i}]", "has a rate or a reason, not both or none")
            if point["achieved_fpr"] is not None and point["achieved_fpr"] > point["fpr"] + ROUNDING:
                yield Fault(f"{path}.tpr_at_fpr[{i}].achieved_fpr", f"{point['achieved_fpr']} is above {point['fpr']}")
        for place, frozen in thresholds_of(row):
            if frozen["tpr"] is not None and frozen["realised_fpr"] is not None:
                ppv = positive_predictive_value(frozen["tpr"], frozen["realised_fpr"], frozen["prior"])
                yield from unequal(f"{path}.{place}.ppv", frozen["ppv"], ppv)
    controls = [row["auc"] for row in report.rows if not is_attack(row)]
    null = report.control_null and report.control_null["max_control_auc"]
    yield from unequal("control_null.max_control_auc", null, max(controls, default=None))


def _bounds(report: AuditReport) -> Iterator[Fault]:
    """No more guesses are right than are made, of no more coins than there are; no bound is above its ceiling."""
    if report.dp_bound and bool(report.dp_bound["reason"]) == bool(report.dp_bound["tiers"]):
        yield Fault("dp_bound", "has bounds or a reason, not both or none")
    for i, tier in enumerate(report.dp_bound["tiers"] if report.dp_bound else ()):
        if not tier["right"] <= tier["guesses"] <= tier["coins"]:
            said = f"{tier['right']} right of {tier['guesses']} guesses of {tier['coins']} coins"
            yield Fault(f"dp_bound.tiers[{i}]", said)
        if tier["epsilon"] > tier["ceiling"] + ROUNDING:
            yield Fault(f"dp_bound.tiers[{i}].epsilon", f"{tier['epsilon']} is above its ceiling, {tier['ceiling']}")


def _design(report: AuditReport) -> Iterator[Fault]:
    """A coin is verified or stated, and only designs by a coin have one."""
    if report.coin is not None and report.design not in BY_COIN:
        yield Fault("coin", f"the design {report.design!r} has no coin")
    if report.coin is None and report.design in BY_COIN:
        yield Fault("coin", f"the design {report.design!r} has a coin, verified or stated")


def _sets(report: AuditReport) -> Iterator[Fault]:
    for i, family in enumerate(report.set_level["families"] if report.set_level else ()):
        if len(family["sizes"]) != len(family["shares"]):
            said = f"{len(family['shares'])} shares of {len(family['sizes'])} sizes"
            yield Fault(f"set_level.families[{i}].shares", said)
    rate = report.set_level and report.set_level["false_rejections"]
    if rate and not rate[1][0] - ROUNDING <= rate[0] <= rate[1][1] + ROUNDING:
        yield Fault("set_level.false_rejections", f"{rate[0]} is outside its interval, {rate[1][0]} to {rate[1][1]}")


_CHECKS: tuple[Callable[[AuditReport], Iterator[Fault]], ...] = (
    _names,
    _protocols,
    _verdict,
    _differences,
    _counts,
    _rates,
    _bounds,
    _design,
    _sets,
    impossible_outcomes,
    impossible_comparisons,
)


def thresholds_of(row: Row) -> list[tuple[str, Mapping[str, Any]]]:
    """Place and values of every threshold of a row that was fixed on calibration for a rate."""
    further = row["further_thresholds"] or ()
    return [
        ("frozen_threshold", row["frozen_threshold"]),
        *((f"further_thresholds[{i}]", of) for i, of in enumerate(further)),
    ]


def _rows(report: AuditReport) -> Iterator[tuple[str, Row]]:
    return ((f"rows[{i}]", row) for i, row in enumerate(report.rows))


def unequal(path: str, said: float | None, should: float | None, source: str = "") -> Iterator[Fault]:
    """A fault if a number is not what others make it.

    Args:
        path: Of the number.
        said: The number; None where there is none.
        should: What it should be.
        source: File that says so; empty: the same.
    """
    differs = said is not should if said is None or should is None else not abs(said - should) <= ROUNDING
    if differs:
        yield Fault(path, f"{shown(said)} should be {shown(should)}" + (f" by {source}" if source else ""))
