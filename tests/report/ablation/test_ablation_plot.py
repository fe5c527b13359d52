"""The figure, the tables, the files and the runs of an ablation: what is drawn where, and in which words."""

import time

import numpy as np
import pytest
from lightning.pytorch.loggers import WandbLogger
from PIL import Image
from pyarrow import csv, parquet
from rich.console import Console

from lit_mia.cost import Cost
from lit_mia.errors import ReportError
from lit_mia.report.ablation import AblationResult
from lit_mia.report.ablation.rows import (
    AblationRow,
    AblationSummary,
    PointFacts,
    arrow_table,
    summary_columns,
)
from lit_mia.report.base import Origin, read_numbers

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
    return AblationResult(
        origin=Origin.here("steps", {"axis": AXIS}, time.perf_counter()),
        cost=Cost(12, 34, 5.0),
        splits=("val", "calibration"),
        n_members=40,
        n_nonmembers=38,
        axis=AXIS,
        rows=tuple(rows),
        summary=tuple(summary),
        baseline=baseline,
        split_digest="cd",
        stores=stores,
        audit={"placebo": None},
    )


def printed(result):
    console = Console(width=80)
    with console.capture() as capture:
        console.print(result.terminal())
    return [line.rstrip() for line in capture.get().splitlines()]


def written(result, folder, name):
    """The lines of a file of a result."""
    path = folder / name
    result.files()[name](path)
    return (parquet.read_table(path) if name.endswith("parquet") else csv.read_csv(path)).to_pylist()


def drawn(axes):
    """Attack to x, y and the ends of the bars."""
    found = {}
    for bars in axes.containers:
        ends = np.array([segment[:, 1] for segment in bars.lines[2][0].get_segments()], dtype=float)
        found[bars.get_label()] = (*(np.asarray(v, dtype=float) for v in bars.lines[0].get_data()), ends)
    return found


def test_attacks_stand_at_their_values_with_their_intervals():
    (axes,) = report().figure().axes
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
    figure = report(values).figure()
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
    (axes,) = report(values).figure().axes
    assert axes.get_xscale() == scale
    assert [label.get_text() for label in axes.get_xticklabels()] == [f"{value:g}" for value in values]


def test_names_stand_beside_each_other_without_lines():
    (axes,) = report(("squared", "abs", "dot")).figure().axes
    x, *_ = drawn(axes)["IV"]
    assert x.tolist() == axes.get_xticks().tolist() == [0, 1, 2]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["squared", "abs", "dot"]
    assert {bars.lines[0].get_linestyle() for bars in axes.containers} == {"None"}


def test_the_figure_is_a_png(tmp_path):
    report().write_figure(tmp_path / "plot")
    with Image.open(tmp_path / "plot") as image:
        assert image.format == "PNG"
        assert image.getcolors(50) is None


def test_the_tidy_table_has_a_line_per_attack_and_point(tmp_path):
    lines = written(report(), tmp_path, "ablation.parquet")
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
    assert [line["auc"] for line in written(report(), tmp_path, "ablation.csv")] == [line["auc"] for line in lines]
    mixed = written(report((1, "auto")), tmp_path, "ablation.parquet")
    assert [line[AXIS] for line in mixed[:3]] == ["1", "1", "auto"]
    assert parquet.read_schema(tmp_path / "ablation.parquet").field("fid_nonmembers").type == "double"


def test_the_summary_has_a_line_per_attack_and_value(tmp_path):
    lines = written(report(), tmp_path, "summary.csv")
    assert [(line["kind"], line[AXIS], line["n"]) for line in lines[:4]] == [
        ("attack", 0.05, 2),
        ("attack", 0.4, 1),
        ("attack", 1.0, 1),
        ("blind", 0.05, 2),
    ]
    assert [line["delta"] for line in lines[:4]] == [-0.01, -0.01, None, None]
    assert list(lines[0]) == (
        ["attack", "kind", AXIS, "n", "auc", "auc_lo", "auc_hi", "auc_min", "auc_max", "delta", "delta_lo", "delta_hi"]
    )
    blind = [line for line in report().summary if line.kind == "blind"]
    assert arrow_table(summary_columns(AXIS, None), blind).schema.field("delta").type == "double"


def test_readers_see_an_unchanged_control_once_and_no_empty_columns():
    table = report(draws=1).table("terminal")
    lines = [line for block in table.blocks for line in block]
    assert (table.first, *table.headings) == ("Attack", "fraction", "AUC [95 % CI]", "Δ to 1.0 [95 % CI]")
    assert [line.name for line in lines] == ["II-S"] * 3 + ["II-S blind"] + ["IV"] * 3 + ["IV blind"]
    assert [line.cells[0].text for line in lines[:4]] == ["0.05", "0.4", "1.0", "any"]
    assert [line.cells[2].line for line in lines[:4]] == ["−0.010 [−0.030, 0.010]"] * 2 + ["", ""]
    varied = report(blind_varies=True, baseline=None).table("terminal")
    assert varied.headings == ("fraction", "AUC [95 % CI]", "Range (n)")
    shown = [line for block in varied.blocks for line in block]
    assert [line.cells[0].text for line in shown] == ["0.05", "0.4", "1.0"] * 4
    assert [line.cells[2].text for line in shown[:2]] == ["0.69–0.71 (2)", "0.74–0.74 (1)"]


@pytest.mark.parametrize("values", [(0.05, 0.4, 1.0), ("squared", "OpenClipEncoder(normalize=false)")])
def test_the_terminal_cuts_nothing(values):
    made = report(values, baseline=values[-1])
    lines = printed(made)
    text = " ".join(" ".join(lines).split())
    assert "…" not in text
    for line in made.summary:
        assert f"{line.auc:.3f} [{line.auc_lo:.3f}, {line.auc_hi:.3f}]" in text
    assert "Measured on val and calibration: 40 members, 38 non-members" in text
    assert text.endswith("This run: 12 queries, 34 denoiser evaluations")


def test_markdown_has_a_line_per_line_of_the_table():
    lines = report(draws=1).markdown().splitlines()
    assert len(lines) == 2 + 8
    assert lines[2] == "| **II-S** | 0.05 | 0.700 [0.670, 0.720] | −0.010 [−0.030, 0.010] |"
    assert lines[5].startswith("| \u2003II-S blind | any | ")


def test_a_folder_holds_everything_and_its_page_is_made_again_from_the_numbers_alone(tmp_path):
    made = report(("a", "b"))
    first = made.save(tmp_path).read_text()
    files = {path.name for path in tmp_path.iterdir()}
    assert files == {"audit.json", "ablation.parquet", "ablation.csv", "summary.csv", "ablation.png", "report.html"}
    for name in files - {"audit.json"}:
        (tmp_path / name).unlink()
    again = AblationResult.load(tmp_path, read_numbers(tmp_path))
    assert (again.rows, again.summary) == (made.rows, made.summary)
    assert again.save_page(tmp_path).read_text() == first
    assert again.numbers() == made.numbers()
    for part in (made.sentence, 'role="img"', "II-S blind", "Answers of each target", "target1"):
        assert part in first
    assert first.count("<script") == 1  # which sorts tables


def test_the_numbers_test_nothing_and_claim_nothing(tmp_path):
    numbers = report().numbers()
    assert numbers["schema"] == "lit-mia/ablation/1"
    assert numbers["verdict"]["kind"] == "exploration"
    assert "(40 members, 38 non-members). The test split was not opened" in numbers["verdict"]["sentence"]
    assert numbers["cost"].keys() == {"queries", "nfe", "seconds", "money", "seconds_total"}
    row = numbers["rows"][2]
    assert (row["name"], row["kind"], row["auc_ci"]) == ("II-S", "attack", [row["auc_lo"], row["auc_hi"]])
    assert (row["point"]["settings"], numbers["split_digest"]) == ({AXIS: 0.4, DRAW: 0}, "cd")
    del numbers["summary"]
    with pytest.raises(ReportError, match="lacks a number"):
        AblationResult.load(tmp_path, numbers)


def test_each_point_is_an_offline_run_of_one_group(tmp_path, read_wandb):
    made = report((1, 2), draws=1)

    def logger(name, **settings):
        return WandbLogger(name, save_dir=str(tmp_path), offline=True, project="lit-mia", **settings)

    made.log(logger)
    runs = read_wandb(tmp_path)
    assert [run.group for run in runs] == [{"steps"}] * 2
    assert sorted(run.config["point"][AXIS] for run in runs) == [1, 2]
    for run in runs:
        assert run.config["split_digest"] == "cd"
        rows = [row for row in made.rows if row.point.settings == run.config["point"]]
        names = {f"{row.attack} blind" if row.kind == "blind" else row.attack: row.auc for row in rows}
        assert {name: run.summary[f"val+calibration/auc/{name}"] for name in names} == names
