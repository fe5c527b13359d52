"""Finished audits that are compared: one attack or more with its controls, of scores that are given."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
from simulated_results import simulated

from lit_mia.metrics.auc import auc
from lit_mia.metrics.intervals import auc_estimate
from lit_mia.report.membership import Listed, MembershipResult, ScoreTable

N = 60
IDS = [f"record-{place}" for place in range(2 * N)]
LABELS = np.repeat([1, 0], N)


@cache
def _template() -> MembershipResult:
    return simulated({"II-S": 1.0})


def finished(
    scores: Mapping[str, Any],
    ids: Sequence[str] = IDS,
    labels: Sequence[int] = LABELS,
    groups: Sequence[str] | None = None,
    **report: Any,
) -> MembershipResult:
    """An audit under a stated coin.

    Args:
        scores: Row → its combined scores on test, `[n]`; `II-S blind` is a control of II-S.
        ids: Of the test records.
        labels: Of the test records.
        groups: Of the test records; None if every record is its own.
        report: Other values of the report.
    """
    listed = Listed.of(ids, labels, ["test"] * len(ids), groups)
    kinds = {name: name.partition(" ")[2] or "attack" for name in scores}
    tables = [listed.scored(values, row=name, kind=kinds[name]) for name, values in scores.items()]
    told = {"design": "randomized_split", "coin": "stated", "rows": _rows(scores, labels, groups)} | report
    return MembershipResult(replace(_template().report, **told), ScoreTable.join(tables))


def _rows(scores: Mapping[str, Any], labels: Sequence[int], groups: Sequence[str] | None) -> list[Any]:
    attack, blind = _template().report.rows[:2]
    rows = []
    for name, values in scores.items():
        of, _, kind = name.partition(" ")
        estimate = auc_estimate(values, labels, groups)
        measured = {"auc": auc(values, labels), "auc_ci": estimate.ci and list(estimate.ci)}
        form = blind if kind else attack
        rows.append(replace(form, name=name, kind=kind or "attack", attack=of, values={**form.values, **measured}))
    return rows


def noisy(seed: int, *shifts: float, n: int = N) -> np.ndarray:
    """Scores of `2 n` records, one row for each shift of the members."""
    rng = np.random.default_rng(seed)
    own, hidden = rng.normal(size=(len(shifts), 2 * n)), np.random.default_rng(0).normal(size=2 * n)
    return 0.8 * hidden + 0.6 * own + np.outer(shifts, np.repeat([1, 0], n))
