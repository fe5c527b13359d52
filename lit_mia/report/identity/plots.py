"""The figures of an identity audit: heat map over n and occurrences, rates by n and by occurrences, ROC curves."""

from collections.abc import Mapping, Sequence

from lit_mia.metrics.identity import Rate
from lit_mia.metrics.roc import Roc
from lit_mia.report.identity.schema import IdentityFindings
from lit_mia.report.style import INK, MUTED, SHADE, Axes, Figure, draw_grid, drawing
from lit_mia.row_kinds import ROW_KINDS

_GROUP_KINDS = ("target", "untrained", "permuted names", "swapped membership", "round trip")
_GROUP_DASHES = [ROW_KINDS[name].dash for name in _GROUP_KINDS]
_GROUP_COLOURS = [*(ROW_KINDS[name].colour for name in _GROUP_KINDS), INK]
_COLOUR = ROW_KINDS["target"].colour


def heat_figure(found: IdentityFindings) -> Figure:
    """TPR in a table of occurrences (rows) and numbers of images (columns)."""
    images, groups = found.setting["images"], _groups(found)
    value = {(cell.occurrences, cell.images): cell.tpr.value for cell in found.grid}
    table = [[value[group, n] for n in images] for group in groups]
    with drawing(1.6 + 0.42 * len(images), 1.0 + 0.36 * len(groups)) as (figure, (axes,)):
        axes.pcolormesh(table, cmap="Blues", vmin=0, vmax=1.25, edgecolors="white", linewidth=0.8)
        for y, row in enumerate(table):
            for x, share in enumerate(row):
                # a fixed ink: the cells keep their colour on a dark page
                colour = "#ffffff" if share > 0.7 else "#111111"
                axes.text(x + 0.5, y + 0.5, f"{100 * share:.0f}", ha="center", va="center", color=colour, fontsize=7.5)
        axes.set_xticks([x + 0.5 for x in range(len(images))], labels=[str(n) for n in images])
        axes.set_yticks([y + 0.5 for y in range(len(groups))], labels=groups)
        axes.set(xlabel="images n", ylabel="training pairs k")
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
    return figure


def images_figure(found: IdentityFindings) -> Figure:
    """Rates by number of images: members by occurrences, then people never trained on, and what chance allows."""
    with drawing(5.0, 4.0) as (figure, (axes,)):
        for number, group in enumerate(_groups(found)):
            cells = [cell for cell in found.grid if cell.occurrences == group]
            axes.plot(
                [cell.images for cell in cells],
                [cell.tpr.value for cell in cells],
                label=f"k = {group}",
                linewidth=1.5,
                color=_GROUP_COLOURS[number % len(_GROUP_COLOURS)],
                linestyle=_GROUP_DASHES[number % len(_GROUP_DASHES)],
            )
        alarms = [(at.images, at.fpr) for at in found.rows[0].by_images if at.fpr is not None]
        if alarms:
            _banded(axes, alarms, "never trained on (FPR)", MUTED)
        _chance_line(axes, found)
        axes.set(xlabel="images n", ylabel="recognised", ylim=(-0.03, 1.05))
        figure.legend(loc="outside lower left", ncols=3, handlelength=2.6)
        draw_grid(axes)
    return figure


def occurrences_figure(found: IdentityFindings) -> Figure:
    """TPR by occurrences at the largest n, with intervals over people."""
    rates = [("never", found.first.fpr)] if found.first.fpr else []
    rates += [(cell.occurrences, cell.tpr) for cell in found.grid if cell.images == found.largest]
    with drawing(5.0, 3.6) as (figure, (axes,)):
        for x, (_, rate) in enumerate(rates):
            axes.plot([x, x], rate.ci, color=_COLOUR, linewidth=2.2, solid_capstyle="round")
            axes.plot([x], [rate.value], color=_COLOUR, marker="o", markersize=6)
        axes.set_xticks(range(len(rates)), labels=[f"{label}\n{rate.people} people" for label, rate in rates])
        _chance_line(axes, found)
        axes.set(xlabel="training pairs k", ylabel=f"recognised (n = {found.largest})", ylim=(-0.03, 1.05))
        draw_grid(axes)
    return figure


def identity_roc_figure(found: IdentityFindings, rocs: Mapping[str, Roc]) -> Figure:
    """ROC curves of the soft score: target and controls.

    Args:
        found: The numbers.
        rocs: Exact curve by name of row.
    """
    with drawing(4.2, 3.9) as (figure, (axes,)):
        axes.plot([0, 1], [0, 1], color=MUTED, linewidth=0.7, dashes=(1, 2))
        for row in found.rows:
            if row.name in rocs:
                axes.plot(
                    rocs[row.name].fpr,
                    rocs[row.name].tpr,
                    drawstyle="steps-post",
                    linewidth=1.9 if row.kind == "target" else 1.2,
                    label=row.name if row.auc is None else f"{row.name}\u2002{row.auc:.3f}",
                    color=ROW_KINDS[row.kind].colour,
                    linestyle=ROW_KINDS[row.kind].dash,
                )
        axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.02), xlabel="False positive rate", ylabel="True positive rate")
        if rocs:
            axes.legend(loc="lower right", title="AUC", alignment="left", handlelength=2.4)
        draw_grid(axes)
    return figure


def _groups(found: IdentityFindings) -> list[str]:
    return list(dict.fromkeys(cell.occurrences for cell in found.grid))


def _banded(axes: Axes, points: Sequence[tuple[int, Rate]], label: str, colour: str) -> None:
    images = [n for n, _ in points]
    axes.fill_between(images, [r.lo for _, r in points], [r.hi for _, r in points], color=SHADE, linewidth=0)
    axes.plot(images, [r.value for _, r in points], color=colour, linewidth=1.5, label=label)


def _chance_line(axes: Axes, found: IdentityFindings) -> None:
    axes.axhline(found.first.bound, color=MUTED, linewidth=0.8, dashes=(2, 2), label="bound of chance")
