"""The figure, the tables and the runs of an ablation: what is drawn where, and in which words."""

import numpy as np
import pytest
from lightning.pytorch.loggers import WandbLogger
from PIL import Image

from lit_mia.report.ablation import AblationReport, AblationRow, AblationSummary, PointFacts
from lit_mia.report.ablation_plot import ablation_figure, write_ablation_plot
from lit_mia.report.ablation_table import rows_table, summary_table, terminal_table
from lit_mia.report.ablation_tracking import log_ablation

AXIS, DRAW = "data.init_args.fraction", "data.init_args.draw"


def report(values=(0.05, 0.4, 1.0), baseline=1.0, blind_varies=False, draws=2):
    """II-S rises with the axis and IV falls; the first value has several draws."""
    rows, summary = [], []
    for attack, slope in (("II-S", 0.04), ("IV", -0.02)):
        for kind in ("attack", "blind"):
            for place, value in enumerate(values):
                n = draws if place == 0 else 1
                base = 0.7 + slope * place if kind == "attack" else 0.5 + 0.01 * place * blind_varies
                for draw in range(n):
                    facts = PointFacts(
                        {AXIS: value, DRAW: draw}, 20 + place, 1, 10, f"target{place}", "clip", 90.0, None
                    )
                    auc = base + 0.02 * (draw - (n - 1) / 2)
                    rows.append(AblationRow(attack, kind, auc, auc - 0.05, auc + 0.04, facts))
                delta = (None,) * 3 if kind == "blind" or value == baseline else (-0.01, -0.03, 0.01)
                reach = (base - 0.03, base + 0.02, base - 0.01 * (n - 1), base + 0.01 * (n - 1))
                summary.append(AblationSummary(attack, kind, value, n, base, *reach, *delta))
    stores = {f"target{place}": "ab" for place in range(len(values))}
    return AblationReport(AXIS, tuple(rows), tuple(summary), 40, 38, baseline, split_digest="cd", stores=stores)


def drawn(axes):
    """Attack to x, y and the ends of the bars."""
    found = {}
    for bars in axes.containers:
        ends = np.array([segment[:, 1] for segment in bars.lines[2][0].get_segments()], dtype=float)
        found[bars.get_label()] = (*(np.asarray(v, dtype=float) for v in bars.lines[0].get_data()), ends)
    return found


def test_attacks_stand_at_their_values_with_their_intervals():
    (axes,) = ablation_figure(report()).axes
    x, y, bars = drawn(axes)["II-S"]
    assert list(drawn(axes)) == ["II-S", "IV"]
    assert x.tolist() == axes.get_xticks().tolist() == [0.05, 0.4, 1.0]
    np.testing.assert_allclose(y, [0.7, 0.74, 0.78])
    np.testing.assert_allclose(bars, np.stack([y - 0.03, y + 0.02], axis=1))
    blind, repetitions = (
        [line for line in axes.lines if line.get_label() == label] for label in ("II-S blind", "_repetitions")
    )
    assert blind[0].get_ydata().tolist() == [0.5] * 3
    np.testing.assert_allclose(repetitions[0].get_ydata(), [0.69, 0.71])
    assert repetitions[0].get_xdata().tolist() == [0.05, 0.05]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("fraction", "AUC with 95 % interval")
    legend = [text.get_text() for text in axes.get_legend().get_texts()]
    assert legend == ["II-S", "II-S blind", "IV", "IV blind", "chance"]


@pytest.mark.parametrize("values", [(0.05, 0.4, 1.0), (1, 4, 7.5), ("squared", "abs", "dot"), (3,)])
def test_everything_stands_inside_the_axes_and_attacks_beside_each_other(values):
    figure = ablation_figure(report(values))
    figure.canvas.draw()
    (axes,) = figure.axes
    box = axes.get_window_extent()
    drawings = [bars.lines[0] for bars in axes.containers]
    for line in (*drawings, *(line for line in axes.lines if line.get_label() in ("IV blind", "_repetitions"))):
        points = line.get_transform().transform(np.column_stack(line.get_data()).astype(float))
        assert np.all((points > box.min + 2) & (points < box.max - 2))
    low, high = axes.get_ylim()
    assert low < min(bars[:, 0].min() for *_, bars in drawn(axes).values())
    assert high > max(bars[:, 1].max() for *_, bars in drawn(axes).values())
    assert drawings[0].get_transform().transform((1, 0.5))[0] < drawings[1].get_transform().transform((1, 0.5))[0] - 2


@pytest.mark.parametrize(
    ("values", "scale"), [((1, 2, 50), "log"), ((1, 2, 7.5), "linear"), ((0, 1, 50), "linear"), ((-50, -1), "linear")]
)
def test_the_axis_is_logarithmic_where_values_span_much(values, scale):
    (axes,) = ablation_figure(report(values)).axes
    assert axes.get_xscale() == scale
    assert [label.get_text() for label in axes.get_xticklabels()] == [f"{value:g}" for value in values]


def test_names_stand_beside_each_other_without_lines():
    (axes,) = ablation_figure(report(("squared", "abs", "dot"))).axes
    x, *_ = drawn(axes)["IV"]
    assert x.tolist() == axes.get_xticks().tolist() == [0, 1, 2]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["squared", "abs", "dot"]
    assert {bars.lines[0].get_linestyle() for bars in axes.containers} == {"None"}


def test_the_figure_is_a_png(tmp_path):
    write_ablation_plot(report(), tmp_path / "plot")
    with Image.open(tmp_path / "plot") as image:
        assert image.format == "PNG"
        assert image.getcolors(50) is None


def test_the_tidy_table_has_a_line_per_attack_and_point():
    lines = rows_table(report()).to_pylist()
    assert len(lines) == 2 * 2 * 4
    assert lines[0] == {
        "attack": "II-S",
        "kind": "attack",
        AXIS: 0.05,
        DRAW: 0,
        "auc": 0.69,
        "auc_lo": pytest.approx(0.64),
        "auc_hi": pytest.approx(0.73),
        "n_members": 40,
        "n_nonmembers": 38,
        "n_train": 20,
        "images_per_record": 1,
        "nfe_per_record": 10,
        "target": "target0",
        "fid_encoder": "clip",
        "fid_members": 90.0,
        "fid_nonmembers": None,
    }
    assert rows_table(report((1, "auto"))).column(AXIS).to_pylist()[:3] == ["1", "1", "auto"]


def test_the_summary_has_a_line_per_attack_and_value():
    lines = summary_table(report()).to_pylist()
    assert [(line["kind"], line[AXIS], line["n"]) for line in lines[:4]] == [
        ("attack", 0.05, 2),
        ("attack", 0.4, 1),
        ("attack", 1.0, 1),
        ("blind", 0.05, 2),
    ]
    assert [line["delta"] for line in lines[:4]] == [-0.01, -0.01, None, None]
    assert summary_table(report(baseline=None, values=("a", "b"))).schema.field("delta").type == "double"


def test_the_terminal_shows_an_unchanged_control_once_and_no_empty_columns():
    def cells(table):
        return {str(column.header): list(column.cells) for column in table.columns}

    shown = cells(terminal_table(report(draws=1)))
    assert list(shown) == ["Attack", "fraction", "AUC [95 % CI]", "Δ to 1.0 [95 % CI]"]
    assert shown["Attack"] == ["II-S"] * 3 + ["II-S blind"] + ["IV"] * 3 + ["IV blind"]
    assert shown["fraction"][:4] == ["0.05", "0.4", "1.0", "any"]
    assert shown["Δ to 1.0 [95 % CI]"][:4] == ["−0.010 [−0.030, 0.010]"] * 2 + ["", ""]
    varied = cells(terminal_table(report(blind_varies=True, baseline=None)))
    assert list(varied) == ["Attack", "fraction", "AUC [95 % CI]", "Range (n)"]
    assert varied["fraction"] == ["0.05", "0.4", "1.0"] * 4
    assert varied["Range (n)"][:2] == ["0.69–0.71 (2)", "0.74–0.74 (1)"]


def test_each_point_is_an_offline_run_of_one_group(tmp_path, read_wandb):
    made = report((1, 2), draws=1)

    def logger(name, **settings):
        return WandbLogger(name, save_dir=str(tmp_path), offline=True, project="lit-mia", **settings)

    log_ablation(logger, "steps", made)
    runs = read_wandb(tmp_path)
    assert [run.group for run in runs] == [{"steps"}] * 2
    assert sorted(run.config["point"][AXIS] for run in runs) == [1, 2]
    for run in runs:
        assert run.config["split_digest"] == "cd"
        rows = [row for row in made.rows if row.point.settings == run.config["point"]]
        names = {f"{row.attack} blind" if row.kind == "blind" else row.attack: row.auc for row in rows}
        assert {name: run.summary[f"val+calibration/auc/{name}"] for name in names} == names
