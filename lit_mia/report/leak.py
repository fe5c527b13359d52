"""What a training is told to leak: numbers of one measurement by name, and the figure of all of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from lit_mia.metrics.auc import AucEstimate
from lit_mia.metrics.loss_gap import Gap, leak
from lit_mia.metrics.roc import FloatArray
from lit_mia.records import MEMBER, NON_MEMBER
from lit_mia.report.style import LINE_COLOURS, MUTED, WIDE, Axes, Figure, draw_grid, drawing

Numbers = dict[str, float | None]
GAP, AUC, SINCE = "leak/gap", "leak/auc", "_since_start"
TRAINED_ON, HELD_OUT = "quality/train_loss", "quality/held_out_loss"
_PANELS: tuple[tuple[str, float | None, dict[str, str]], ...] = (
    ("AUC of a low loss", 0.5, {AUC: "loss", f"{AUC}{SINCE}": "loss - loss at the start"}),
    ("loss held out - loss trained on", 0.0, {GAP: "gap", f"{GAP}{SINCE}": "gap - gap at the start"}),
    ("mean loss", None, {HELD_OUT: "held out", TRAINED_ON: "trained on"}),
)
"""Of each axes: the label, what no leak is, and the lines."""


@final
@dataclass(frozen=True, eq=False)
class Measured:
    """Losses of n records at one time of a training.

    Attributes:
        ids: Names of the records, `[n]`.
        groups: Their groups, `[n]`.
        members: 1 = trained on, 0 = held out, `[n]`.
        losses: `[n, k]`.
        probes: What the k losses are called.
    """

    ids: tuple[str, ...]
    groups: tuple[str, ...]
    members: NDArray[np.int64]
    losses: FloatArray
    probes: tuple[str, ...]

    @property
    def is_comparable(self) -> bool:
        """Whether there are two groups or more on both sides."""
        names = np.array(self.groups)
        return all(len(np.unique(names[self.members == side])) > 1 for side in (MEMBER, NON_MEMBER))


def numbers(now: Measured, first: Measured) -> Numbers:
    """What losses say, by the names under which they are logged; None is what cannot be said.

    `leak/gap` and `leak/auc` are of the losses, with the ends of their 95 % intervals; `leak/gap/NAME` of one probe.
    What ends in `_since_start` is of each record's loss minus its loss at the first measurement: before a training the
    two sides are not quite alike either, and this is what the training has added.

    Args:
        now: The losses.
        first: Those of the same records at the first measurement.
    """
    sides = {TRAINED_ON: now.losses[now.members == MEMBER], HELD_OUT: now.losses[now.members == NON_MEMBER]}
    found: Numbers = {name: _finite(losses.mean()) if len(losses) else None for name, losses in sides.items()}
    for suffix, losses in (("", now.losses), (SINCE, now.losses - first.losses)):
        can_be_said = now.is_comparable and np.isfinite(losses).all()
        said = leak(losses, now.members, now.groups) if can_be_said else None
        gaps = said.gaps if said else (None,) * len(now.probes)
        found |= _ends(f"{GAP}{suffix}", said and said.gap) | _ends(f"{AUC}{suffix}", said and said.auc)
        for name, gap in zip(now.probes, gaps, strict=True):
            found |= _ends(f"{GAP}{suffix}/{name}", gap)
    return found


def leak_figure(rows: Sequence[Mapping[str, Any]]) -> Figure:
    """Leak beside quality, against steps; bands are 95 % intervals of single measurements.

    Args:
        rows: `step`, `epoch` and `numbers` of each measurement.
    """
    panels = [panel for panel in _PANELS if any(row[name] is not None for row in rows for name in panel[2])]
    with drawing(4 * len(panels), 3.6, columns=len(panels), settings=WIDE) as (figure, grid):
        for axes, (label, nothing, lines) in zip(grid, panels, strict=True):
            draw_grid(axes)
            if nothing is not None:
                axes.axhline(nothing, color=MUTED, linewidth=0.8)
            for colour, (name, said) in zip(LINE_COLOURS, lines.items(), strict=False):
                _draw_line(axes, rows, name, color=colour, label=said)
            axes.set(ylabel=label, xlabel="optimiser steps")
            axes.legend()
        figure.suptitle(f"{rows[-1]['epoch']:.3g} passes over the records that are trained on")
    return figure


def _draw_line(axes: Axes, rows: Sequence[Mapping[str, Any]], name: str, **style: Any) -> None:
    said = [row for row in rows if row[name] is not None]
    axes.plot([row["step"] for row in said], [row[name] for row in said], marker="o", markersize=3, **style)
    sure = [row for row in said if row.get(f"{name}_lo") is not None]
    lo, hi = ([row[f"{name}_{end}"] for row in sure] for end in ("lo", "hi"))
    axes.fill_between([row["step"] for row in sure], lo, hi, color=style["color"], alpha=0.15, linewidth=0)


def _ends(name: str, said: Gap | AucEstimate | None) -> Numbers:
    value, lo, hi = said[:3] if said else (None, None, None)
    return {name: value, f"{name}_lo": lo, f"{name}_hi": hi}


def _finite(value: Any) -> float | None:
    return float(value) if np.isfinite(value) else None
