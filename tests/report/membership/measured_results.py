"""Results whose every number is that of their scores."""

from dataclasses import replace

import numpy as np
from simulated_results import changed, simulated

from lit_mia.metrics.evidence import PlaceboCheck
from lit_mia.records import Records
from lit_mia.report.membership import COMBINED, MembershipResult, ScoreTable
from lit_mia.report.membership.evaluation import evaluate
from lit_mia.report.membership.judging import Circumstances
from lit_mia.report.membership.scores import Listed, RowScores
from lit_mia.splits import SPLITS, Splits

EACH = 110  # of each class in each split: a true positive rate at 10 % is above the floor
SHIFTS = {"I-P": 0.1, "I-P blind": 0.05, "I-P caption": 0.0, "II-S": 1.2, "II-S blind": 0.1, "II-S placebo": 0.0}
SEEDS = 2


def measured() -> MembershipResult:
    """Two attacks, of which the second finds a leak beyond its controls in a hold-out."""
    n = 2 * EACH * len(SPLITS)
    members, ids = np.tile([1, 0], n // 2), tuple(f"r{i}" for i in range(n))
    places = {name: tuple(range(i * 2 * EACH, (i + 1) * 2 * EACH)) for i, name in enumerate(SPLITS)}
    splits = Splits(places, dict.fromkeys(SPLITS, EACH), 0, fractions=(0.25,) * 4, n_groups=n, digest="d" * 64)
    records = Records(ids, (None,) * n, tuple(members.tolist()), ids, _no_image, stamps=ids)
    rng, rows = np.random.default_rng(5), []
    for name, shift in SHIFTS.items():
        attack, _, kind = name.partition(" ")
        scores = rng.normal(size=n) + shift * members + 0.2 * rng.normal(size=(SEEDS, n))
        rows.append(RowScores(name, kind or "attack", attack, scores, protocol="heads"))
    checks = {"II-S": PlaceboCheck(True, "It answers as well.", gap=0.02, gap_hi=0.09)}
    found = evaluate(rows, records, splits, Circumstances("same_source_holdout", placebos=checks))
    listed = Listed.of(ids, members.tolist(), [name for name in SPLITS for _ in range(2 * EACH)])
    tables = [
        listed.scored(values, row=row.name, kind=row.kind, seed=seed)
        for row in rows
        for seed, values in (*enumerate(row.scores), (COMBINED, found.combined[row.name]))
    ]
    report = changed(
        simulated({"II-S": 1.0}),
        rows=found.rows,
        verdict={"kind": found.verdict.kind, "sentence": found.verdict.sentence},
        control_null=found.control_null,
        power={"auc_needed": found.power.auc_needed, "violation": found.power.violation},
        placebo_checks={"II-S": {"valid": True, "sentence": "It answers as well.", "gap": 0.02, "gap_hi": 0.09}},
        splits={
            "seed": 0,
            "digest": "d" * 64,
            "sizes": {name: {"member": EACH, "non_member": EACH} for name in SPLITS},
            "groups": n,
        },
    ).report
    return MembershipResult(replace(report, name="measured"), ScoreTable.join(tables))


def _no_image(row: int) -> None:
    raise OSError(f"record {row} has no image")
