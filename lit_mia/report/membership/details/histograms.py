"""How the scores of an attack are distributed on test: counts of members and non-members, never single records."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from lit_mia.report.membership.scores import RowEvidence
from lit_mia.report.style import MUTED, Figure, draw_grid, drawing
from lit_mia.row_kinds import ROW_KINDS

BINS = 30
TAIL = 0.005
"""Share of the scores on each side that is counted with the outermost bin."""


def counted_scores(evidence: RowEvidence) -> dict[str, Any]:
    """The histogram of an attack's combined scores on test, as `audit.json` holds it; None for a control.

    `edges` has one entry more than `members` and `non_members`, which count records; what lies beyond the ends is
    counted in the outermost bins.
    """
    if evidence.row.kind != "attack":
        return {"histogram": None}
    scores, labels = evidence.on(evidence.test), evidence.test.labels
    low, high = (float(end) for end in np.quantile(scores, [TAIL, 1 - TAIL]))
    if low == high:
        low, high = low - 0.5, high + 0.5
    edges = np.linspace(low, high, BINS + 1)
    members, others = (np.histogram(scores[labels == side].clip(low, high), edges)[0] for side in (1, 0))
    return {"histogram": {"edges": edges.tolist(), "members": members.tolist(), "non_members": others.tolist()}}


def histogram_figure(name: str, histogram: Mapping[str, Any]) -> Figure:
    """Members and non-members by score, each as shares of its side.

    Args:
        name: Of the attack.
        histogram: What `counted_scores` counted.
    """
    with drawing(3.5, 2.3) as (figure, (axes,)):
        for side, label in (("non_members", "non-members"), ("members", "members")):
            counts = np.array(histogram[side])
            colour = ROW_KINDS["attack"].colour if side == "members" else MUTED
            shares = counts / max(1, counts.sum())
            axes.stairs(shares, histogram["edges"], color=colour, fill=True, alpha=0.25, linewidth=0)
            axes.stairs(shares, histogram["edges"], color=colour, linewidth=1.3, label=label)
        axes.set(xlabel="Score, higher = member", ylabel="Share of the side")
        axes.set_title(name, loc="left", fontweight="bold")
        handles = axes.get_legend_handles_labels()[0][::-1]
        figure.legend(handles=handles, loc="outside lower left", ncols=2, fontsize=7.5)
        draw_grid(axes, axis="y")
    return figure
