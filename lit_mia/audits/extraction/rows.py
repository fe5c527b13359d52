"""The rows of an extraction audit: copies counted and tested, the tests adjusted for all of them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from lit_mia.attacks.copying import CopyMeasure
from lit_mia.audits.extraction.copying import Copying
from lit_mia.audits.extraction.halves import Halves, both_counts
from lit_mia.metrics.copying.top_run import top_run
from lit_mia.metrics.copying.verdict import CopyTests
from lit_mia.metrics.intervals import auc_estimate
from lit_mia.metrics.roc import BoolArray
from lit_mia.records import id_hash
from lit_mia.report.extraction import CanaryTier, CopyRow, Eidetic, Model, RecordLine, UntargetedRow

KINDS: Mapping[Model, str] = {"target": "target", "target less base": "attack", "base": "base"}
"""Which kind of row each model is."""


def copy_rows(measure: CopyMeasure, models: Mapping[Model, Copying], halves: Halves) -> list[CopyRow]:
    """The rows of one measure, threshold by threshold, with p values that are not adjusted yet.

    Args:
        measure: The measure.
        models: What each model reproduces.
        halves: The records.
    """
    return [
        _row(measure, place, name=name, copying=copying, halves=halves)
        for place in range(len(measure.thresholds))
        for name, copying in models.items()
    ]


def _row(measure: CopyMeasure, place: int, *, name: Model, copying: Copying, halves: Halves) -> CopyRow:
    excess = halves.excess(copying.copies[:, place])
    members, others = both_counts(excess)
    nearest = halves.excess(copying.own_nearest).p
    run = top_run(copying.closeness, halves.members, halves.records.groups)
    area = auc_estimate(copying.closeness, halves.members, halves.records.groups)
    return CopyRow(
        name=name,
        kind=KINDS[name],
        measure=measure.told(measure.thresholds[place]),
        threshold=measure.thresholds[place],
        members=members,
        nonmembers=others,
        p_excess=excess.p,
        p_excess_adjusted=excess.p,
        is_first=place == 0,
        top_run=run.above,
        p_top_run=run.p,
        p_top_run_adjusted=run.p,
        own_nearest=_own_nearest(copying.own_nearest, halves),
        p_own_nearest=nearest,
        p_own_nearest_adjusted=nearest,
        auc=area.auc,
        auc_ci=None if area.ci is None else list(area.ci),
    )


def _own_nearest(own: BoolArray, halves: Halves) -> list[float] | None:
    """Share of the drawn captions of each half; None if none of a half was drawn."""
    drawn = [own[halves.asked & side] for side in (halves.members, ~halves.members)]
    return [float(of.mean()) for of in drawn] if all(map(len, drawn)) else None


def tests_of(rows: Sequence[CopyRow], untargeted: Sequence[UntargetedRow]) -> CopyTests:
    """All tests of some rows, each once."""
    everything: list[CopyRow | UntargetedRow] = [*rows, *untargeted]
    counted = {_counted(row): row.p_excess for row in everything}
    firsts = [row for row in rows if row.is_first]
    free = {_ranked(row): row.p_top_run for row in firsts} | {_nearest(row): row.p_own_nearest for row in firsts}
    of_base = {_counted(row) for row in everything if row.name == "base"}
    of_base |= {test(row) for row in firsts if row.name == "base" for test in (_ranked, _nearest)}
    return CopyTests(
        counted={name: p for name, p in counted.items() if name not in of_base},
        free={name: p for name, p in free.items() if name not in of_base},
        base={name: p for name, p in (counted | free).items() if name in of_base},
    )


def adjusted(
    rows: Sequence[CopyRow], untargeted: Sequence[UntargetedRow], tests: CopyTests
) -> tuple[list[CopyRow], list[UntargetedRow]]:
    """The rows with adjusted p values; those that need no threshold stand at every threshold of a measure."""
    p, firsts = tests.adjusted | tests.base_adjusted, dict[str, CopyRow]()
    measured = []
    for row in rows:
        first = row if row.is_first else firsts[row.name]
        firsts[row.name] = first
        measured.append(
            replace(
                row,
                p_excess_adjusted=p[_counted(row)],
                p_top_run_adjusted=p[_ranked(first)],
                p_own_nearest_adjusted=p[_nearest(first)],
            )
        )
    return measured, [replace(row, p_excess_adjusted=p[_counted(row)]) for row in untargeted]


def _counted(row: CopyRow | UntargetedRow) -> str:
    how = row.how if isinstance(row, UntargetedRow) else "own captions"
    return f"{row.name}, {how}: {row.measure}"


def _ranked(row: CopyRow) -> str:
    return f"{row.name}: order by {row.measure}"


def _nearest(row: CopyRow) -> str:
    return f"{row.name}: own is nearest by {row.measure}"


def eidetic_counts(copying: Copying, halves: Halves) -> list[Eidetic]:
    """How many training images the reproductions of training images are copies of."""
    seen = copying.seen[copying.copies[:, 0] & halves.members].tolist()
    return [Eidetic(k, seen.count(k)) for k in sorted(set(seen))]


def tiers_of(copying: Copying, halves: Halves) -> list[CanaryTier]:
    """Reproduced canaries by their number of copies; the never inserted ones stand beside each."""
    often = halves.design.copies
    found = []
    for copies in sorted({often[name] for name in halves.records.ids if name in often} - {0}):
        kept = [row for row, name in enumerate(halves.records.ids) if often.get(name, 0) in (copies, 0)]
        part = replace(halves, records=halves.records.select(kept), asked=halves.asked[kept])
        if part.members.any() and not part.members.all():
            found.append(CanaryTier(copies, *both_counts(part.excess(copying.copies[kept, 0]))))
    return found if len(found) > 1 else []


def record_lines(measure: CopyMeasure, models: Mapping[Model, Copying], halves: Halves) -> list[RecordLine]:
    """Every record from whose caption something was drawn, by every model."""
    sign = -1 if measure.by_distance else 1
    return [
        RecordLine(
            row=name,
            measure=measure.name,
            id_hash=id_hash(halves.records.ids[row]),
            member=int(halves.members[row]),
            value=float(sign * copying.closeness[row]),
            own_nearest=bool(copying.own_nearest[row]),
            reproduced=bool(copying.copies[row, 0]),
        )
        for name, copying in models.items()
        if name != "target less base"
        for row in halves.rows.tolist()
    ]
