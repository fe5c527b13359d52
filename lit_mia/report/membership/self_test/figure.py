"""The figure of a self-test: how often planted leaks are found."""

from collections.abc import Sequence

from lit_mia.metrics.power import POWER
from lit_mia.report.membership.self_test.rates import Curve
from lit_mia.report.style import MUTED, Axes, Figure, draw_grid, drawing
from lit_mia.report.words import percent
from lit_mia.row_kinds import ROW_KINDS

_LOOKS = [ROW_KINDS[kind] for kind in ("attack", "blind", "caption", "placebo")]


def power_figure(curves: Sequence[Curve]) -> Figure:
    """Share found with its 95 % interval over the AUC of the attack; broken lines: four times in five, AUC needed.

    Args:
        curves: One or more.
    """
    with drawing(5.0, 3.1) as (figure, (axes,)):
        axes.axhline(POWER, color=MUTED, linewidth=0.8, dashes=(2, 2))
        for number, curve in enumerate(curves):
            _draw(axes, curve, number % len(_LOOKS))
        shares = [0, 0.2, 0.4, 0.6, POWER, 1]
        axes.set_yticks(shares, labels=[percent(share) for share in shares])
        axes.set(ylim=(-0.03, 1.03), xlabel="AUC of the attack, mean on test", ylabel="Found")
        draw_grid(axes)
        figure.legend(loc="outside lower left", alignment="left", fontsize=7.5)
    return figure


def _draw(axes: Axes, curve: Curve, look: int) -> None:
    kind, label = _LOOKS[look], f"{curve.name}: {', '.join(curve.attacks)}"
    lo, hi = zip(*(rate.ci for rate in curve.found), strict=True)
    axes.vlines(curve.aucs, lo, hi, color=kind.colour, linewidth=1.5)
    shares = [rate.value for rate in curve.found]
    axes.plot(curve.aucs, shares, color=kind.colour, marker=kind.marker, markersize=5, linewidth=1.5, label=label)
    if curve.needed is not None:
        needed = f"AUC needed, as reports print it: {curve.needed:.3f}"
        axes.axvline(curve.needed, color=kind.colour, linewidth=1.0, dashes=(2, 2), label=needed)
