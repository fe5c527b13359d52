import subprocess
import sys
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
from simulated_results import ALL_CONTROLS, changed, simulated, with_values

from lit_mia.errors import PluginError
from lit_mia.report.membership.figures import family_roc_figure, forest_figure, roc_figure
from lit_mia.report.style import svg
from lit_mia.report.tracking import single_roc_figure
from lit_mia.row_kinds import ROW_KINDS, RowKind

NOVEL = RowKind("metadata only", "sees the metadata alone", "#123456", "#abcdef", "X", (0, (7, 1)))


@pytest.fixture(scope="module")
def roc_svg(audit):
    return svg(roc_figure(audit.report, audit.curves(), ["II-S"]), "roc0", "Curves of <II-S>")


def test_roc_axes_hold_the_attack_and_its_controls(audit):
    figure = roc_figure(audit.report, audit.curves(), ["I-P", "II-S"])
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["I-P", "II-S"]
    labels = [text.get_text().split("\u2002")[0] for text in figure.axes[1].get_legend().get_texts()]
    assert labels == ["attack", "blind", "caption", "placebo"]
    assert figure.axes[1].get_xscale() == figure.axes[1].get_yscale() == "log"


def test_six_attacks_stand_in_two_lines_of_three():
    result = simulated(dict.fromkeys(["I-P", "I-S", "II-P", "II-S", "III", "IV"], 0.5))
    figure = roc_figure(result.report, result.curves(), ["I-P", "I-S", "II-P", "II-S", "III", "IV"])
    geometry = figure.axes[5].get_subplotspec().get_geometry()
    assert geometry == (2, 3, 5, 5)


def test_forest_has_a_label_per_row(audit):
    axes = forest_figure(audit.report).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == [row.name for row in audit.report.rows]


def test_the_family_is_drawn_together_best_first(family):
    (legend,) = family_roc_figure(family.report, family.curves()).legends
    entries = [text.get_text().split("\u2002") for text in legend.get_texts()]
    assert [name for name, _ in entries] == ["SimA", "PIA", "Loss"]
    assert [float(auc) for _, auc in entries] == sorted((float(auc) for _, auc in entries), reverse=True)


def test_the_family_shows_one_curve_per_attack_the_floor_and_chance(family):
    (axes,) = family_roc_figure(family.report, family.curves()).axes
    assert axes.get_xscale() == axes.get_yscale() == "log"
    assert len([line for line in axes.lines if line.get_drawstyle() == "steps-post"]) == 3
    (chance,) = [line for line in axes.lines if line.get_drawstyle() == "default"]
    assert list(chance.get_xdata()) == list(chance.get_ydata())
    (shade,) = axes.patches
    assert shade.get_x() + shade.get_width() == pytest.approx(10 / 400)


def test_twelve_attacks_can_be_told_apart():
    result = simulated({f"attack {i}": 0.1 * i for i in range(12)}, "threshold")
    (axes,) = family_roc_figure(result.report, result.curves()).axes
    styles = {(line.get_color(), str(line._dash_pattern)) for line in axes.lines if len(line.get_xdata()) > 2}
    assert len(styles) == 12


def test_svg_is_well_formed_named_and_the_same_every_time(audit, roc_svg):
    root = ElementTree.fromstring(roc_svg)
    assert root.get("aria-label") == "Curves of <II-S>"
    assert all(e.get("id").startswith("roc0-") for e in root.iter() if e.get("id"))
    assert roc_svg == svg(roc_figure(audit.report, audit.curves(), ["II-S"]), "roc0", "Curves of <II-S>")


def test_svg_colours_can_be_overridden_and_fonts_are_the_page_s(roc_svg, family):
    statistic = svg(roc_figure(family.report, family.curves(), ["PIA"]), "roc1", "PIA")
    for name in ("attack", "blind", "caption", "placebo", "round trip"):
        drawn = statistic if name == "round trip" else roc_svg
        assert f"var(--kind-{name.replace(' ', '-')}, {ROW_KINDS[name].colour})" in drawn
    assert "DejaVu" not in roc_svg
    assert "#000000" not in roc_svg


def test_matplotlib_is_imported_only_for_drawing():
    code = "import sys, lit_mia.report.membership.result as _; print([m for m in sys.modules if m == 'matplotlib'])"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def _renamed(differences):
    return differences and {name.replace("blind", NOVEL.name): of for name, of in differences.items()}


def as_metadata(result):
    """The result with its blind controls turned into another kind."""
    old = result.scores.kind == "blind"
    kind = np.where(old, NOVEL.name, result.scores.kind)
    name = np.array([str(row).replace("blind", NOVEL.name) for row in result.scores.row], dtype=object)
    rows = [
        replace(row, kind=NOVEL.name, name=f"{row.attack} {NOVEL.name}")
        if row.kind == "blind"
        else with_values(row, differences=_renamed(row["differences"]))
        for row in result.report.rows
    ]
    return replace(changed(result, rows=rows), scores=replace(result.scores, kind=kind, row=name))


def test_a_kind_of_another_package_is_drawn_in_all_figures_and_coloured_on_the_page(audit, monkeypatch):
    monkeypatch.setattr(ROW_KINDS, "_entries", dict(ROW_KINDS._entries))
    ROW_KINDS.add(NOVEL)
    result = as_metadata(audit)
    (axes,) = forest_figure(result.report).axes
    assert "II-S metadata only" in [label.get_text() for label in axes.get_yticklabels()]
    assert (NOVEL.colour, "X") in [(line.get_color(), line.get_marker()) for line in axes.lines]
    (axes,) = roc_figure(result.report, result.curves(), ["II-S"]).axes
    assert "metadata only" in [text.get_text().split("\u2002")[0] for text in axes.get_legend().get_texts()]
    assert NOVEL.colour in [line.get_color() for line in axes.lines]
    page = result.page()
    assert page.count("--kind-metadata-only: #123456") == 2  # light and print
    assert page.count("--kind-metadata-only: #abcdef") == 1  # dark
    assert page.count("--c: var(--kind-metadata-only)") == 6  # in the table, beside its attack, and by seeds
    assert page.count("var(--kind-metadata-only, #123456)") > 2
    assert "<em>metadata only</em> sees the metadata alone" in page


def test_a_kind_that_nothing_here_knows_is_refused_by_name(audit):
    result = as_metadata(audit)
    with pytest.raises(PluginError, match=r"no kind of row 'metadata only', only attack, blind.*lit_mia\.plugins"):
        result.page()
    with pytest.raises(PluginError, match="metadata only"):
        forest_figure(result.report)
    with pytest.raises(PluginError, match="metadata only"):
        roc_figure(result.report, result.curves(), ["II-S"])


def test_one_head_has_a_curve_of_its_own(audit):
    curve = audit.curves()["II-S"]
    (axes,) = single_roc_figure(curve).axes
    assert axes.get_xscale() == axes.get_yscale() == "log"
    assert len(axes.lines[0].get_xdata()) == len(curve.fpr)


def test_all_controls_of_an_attack_are_told_apart_below_the_curves():
    result = simulated({"II-S": 1.0}, head_controls=ALL_CONTROLS)
    figure = roc_figure(result.report, result.curves(), ["II-S"])
    (axes,) = figure.axes
    figure.draw_without_rendering()
    legend = axes.get_legend()
    assert [text.get_text().split("\u2002")[0] for text in legend.get_texts()] == [
        "attack",
        *(kind for kind, _ in ALL_CONTROLS),
    ]
    assert legend.get_window_extent().y1 < axes.get_window_extent().y0
    styles = {(line.get_color(), str(line._dash_pattern)) for line in axes.lines if len(line.get_xdata()) > 2}
    assert len(styles) == 1 + len(ALL_CONTROLS)


def test_an_auc_without_an_interval_is_a_marker_alone(audit):
    rows = [with_values(row, auc_ci=None) for row in audit.report.rows]
    (axes,) = forest_figure(changed(audit, rows=rows).report).axes
    drawn = [set(line.get_xdata()) for line in axes.lines]
    assert drawn == [*({row["auc"]} for row in rows for _ in range(2)), {0.5}]  # at last the line of chance
