"""The figure of a sweep: what is drawn where, in which words, and how it is saved."""

import numpy as np
import pytest
from matplotlib.container import ErrorbarContainer
from PIL import Image

from lit_mia.cost import Cost
from lit_mia.report.sweep import SweepReport, SweepRow
from lit_mia.report.sweep_plot import sweep_figure, swept_names, write_sweep_plot


def row(attack, auc, **setting):
    return SweepRow(attack, setting, auc, auc - 0.03, auc + 0.05, 40, 38, 2)


def report(*rows, splits=("calibration",)):
    return SweepReport(rows, splits, Cost(), {}, {})


@pytest.fixture
def mixed():
    """Two attacks over t, one of them inverted, and one with two values of k and n each at one t."""
    over_t = [row(name, base + t / 2000, t=t) for name, base in (("PIA", 0.55), ("SimA", 0.3)) for t in (300, 100, 200)]
    over_k_n = [row("ReDiffuse", 0.6 + k / 1000 + n / 100, t=200, k=k, n=n) for k in (50, 100) for n in (1, 5)]
    return report(*over_t, *over_k_n)


def drawn(axes):
    """Label to x, y and the ends of the bars, in the order of x."""
    found = {}
    for bars in axes.containers:
        assert isinstance(bars, ErrorbarContainer)
        ends = np.array([segment[:, 1] for segment in bars.lines[2][0].get_segments()], dtype=float)
        found[bars.get_label()] = (*(np.asarray(values, dtype=float) for values in bars.lines[0].get_data()), ends)
    return found


def test_one_axes_per_argument_with_several_values(mixed):
    assert swept_names(mixed.rows) == ["t", "k", "n"]
    figure = sweep_figure(mixed)
    assert [axes.get_title(loc="left") for axes in figure.axes] == [
        "AUC by timestep t",
        "AUC by timesteps per step, k",
        "AUC by number of averaged variations, n",
    ]
    assert [axes.get_xlabel()[:9] for axes in figure.axes] == ["Timestep ", "Timesteps", "Number of"]
    assert {axes.get_ylabel() for axes in figure.axes} == {"AUC with 95 % interval"}
    one_value_each = report(row("PIA", 0.6, t=100), row("PIA", 0.7, t=200), row("CLiD", 0.6, alpha=0.9))
    assert swept_names(one_value_each.rows) == ["t"]


def test_one_line_per_attack_and_other_values(mixed):
    t, k, n = sweep_figure(mixed).axes
    assert list(drawn(t)) == ["PIA", "SimA", *(f"ReDiffuse, k = {k}, n = {n}" for k in (50, 100) for n in (1, 5))]
    assert list(drawn(k)) == ["ReDiffuse, t = 200, n = 1", "ReDiffuse, t = 200, n = 5"]
    assert list(drawn(n)) == ["ReDiffuse, t = 200, k = 50", "ReDiffuse, t = 200, k = 100"]
    legend = [text.get_text() for text in t.get_legend().get_texts()]
    assert sorted(legend) == sorted([*drawn(t), "chance"])


def test_points_stand_at_their_values_with_their_intervals(mixed):
    axes = sweep_figure(mixed).axes[0]
    x, y, bars = drawn(axes)["SimA"]
    assert x.tolist() == [100, 200, 300]
    np.testing.assert_allclose(y, [0.35, 0.4, 0.45])  # below chance, as it is
    np.testing.assert_allclose(bars, np.stack([y - 0.03, y + 0.05], axis=1))
    assert axes.get_xticks().tolist() == [100, 200, 300]
    low, high = axes.get_ylim()
    assert low < 0.32
    assert high > 0.8
    (chance,) = [line for line in axes.lines if line.get_label() == "chance"]
    assert set(chance.get_ydata()) == {0.5}


def test_lines_stand_beside_each_other_and_inside_the_axes(mixed):
    figure = sweep_figure(mixed)
    figure.canvas.draw()
    for axes in figure.axes:
        value = axes.get_xticks()[-1]
        places = [bars.lines[0].get_transform().transform((value, 0.5))[0] for bars in axes.containers]
        assert np.all(np.diff(places) > 2)
        assert abs(np.mean(places) - axes.transData.transform((value, 0.5))[0]) < 1
        box = axes.get_window_extent()
        for bars in axes.containers:
            points = bars.lines[0].get_transform().transform(np.column_stack(bars.lines[0].get_data()).astype(float))
            assert np.all((points > box.min + 2) & (points < box.max - 2))


def test_lines_of_one_axes_look_different():
    many = report(*(row(f"attack {i}", 0.6, t=t) for i in range(35) for t in (1, 2)))
    lines = [bars.lines[0] for bars in sweep_figure(many).axes[0].containers]
    assert len({(line.get_color(), line.get_marker()) for line in lines}) == 35


def test_the_title_says_what_was_measured(mixed):
    assert sweep_figure(mixed).get_suptitle() == "Measured on calibration: 40 members, 38 non-members"
    three = report(*mixed.rows, splits=("train", "val", "calibration"))
    assert sweep_figure(three).get_suptitle().startswith("Measured on train, val and calibration: ")


def test_the_figure_is_a_png_of_150_dots_per_inch(mixed, tmp_path):
    write_sweep_plot(mixed, tmp_path / "a")
    write_sweep_plot(mixed, tmp_path / "b")
    with Image.open(tmp_path / "a") as image:
        assert image.format == "PNG"
        assert image.info["dpi"] == pytest.approx((150, 150), abs=0.1)
        assert image.getcolors(50) is None  # more than 50 colours: something is drawn
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
