"""From two finished audits to what changed."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from lit_mia.errors import ReportError
from lit_mia.report.comparison.changes import changed_rows
from lit_mia.report.comparison.differing import differing
from lit_mia.report.comparison.numbers import Comparison, Matched, Side
from lit_mia.report.comparison.records import Judged, Pairing
from lit_mia.report.comparison.samples import samples_of
from lit_mia.report.membership import MembershipResult
from lit_mia.report.membership.notes import blocks, fpr_levels


def compare_audits(a: MembershipResult, b: MembershipResult, folders: tuple[Path, Path]) -> Comparison:
    """Two finished membership audits side by side.

    Args:
        a: The audit before.
        b: The audit after.
        folders: Where they are.

    Raises:
        ReportError: If they have no row in common, or a folder holds files of several audits.
    """
    theirs = {(row.name, row.kind): row for row in b.report.rows}
    ours = [row for block in blocks(a.report) for row in block]
    pairs = [(row, theirs[row.name, row.kind]) for row in ours if (row.name, row.kind) in theirs]
    if not any(row.kind == "attack" for row, _ in pairs):
        names = (", ".join(row.name for row in of.attacks) for of in (a, b))
        raise ReportError("The audits have no attack in common: A has {}; B has {}.".format(*names))
    first, second = (Judged.of(of, str(folder)) for of, folder in zip((a, b), folders, strict=True))
    pairing = Pairing.of(first, second)
    samples = samples_of(pairing, (first, second), [row.name for row, _ in pairs])
    fprs = [fpr for fpr in fpr_levels(a.report.rows) if fpr in fpr_levels(b.report.rows)]
    members = int(pairing.labels.sum())
    shared = {(row.name, row.kind) for row, _ in pairs}
    return Comparison(
        created=datetime.now(UTC).date().isoformat(),
        a=_side(a, folders[0], first),
        b=_side(b, folders[1], second),
        matched=Matched(
            basis=pairing.basis,
            in_both=pairing.in_both,
            relabelled=pairing.relabelled,
            n_members=members,
            n_nonmembers=len(pairing.labels) - members,
            groups=len(np.unique(pairing.groups)),
        ),
        rows=changed_rows(pairs, samples, fprs),
        only_a=tuple(row.name for row in ours if (row.name, row.kind) not in shared),
        only_b=tuple(row.name for row in b.report.rows if (row.name, row.kind) not in shared),
        differing=differing(a.report, b.report),
    )


def _side(result: MembershipResult, folder: Path, judged: Judged) -> Side:
    report = result.report
    members, nonmembers = judged.counts
    return Side(
        folder=str(folder),
        name=report.name,
        created=report.created,
        design=report.design,
        coin=report.coin,
        access=report.target.get("access"),
        verdict=report.verdict,
        auc_needed=report.power["auc_needed"],
        n_members=members,
        n_nonmembers=nonmembers,
    )
