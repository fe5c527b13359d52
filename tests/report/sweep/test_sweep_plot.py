"""The figure, the table and the files of a sweep: what is drawn where, in which words, and how it is saved."""

import csv
import json
import time

import numpy as np
import pytest
from lightning.pytorch.loggers import WandbLogger
from matplotlib.container import ErrorbarContainer
from PIL import Image
from rich.console import Console

from lit_mia.cost import Cost
from lit_mia.errors import ReportError
from lit_mia.report.base import Origin, read_numbers
from lit_mia.report.sweep import SweepResult, SweepRow, swept_names


def row(attack, auc, **setting):
    return SweepRow(attack, setting, auc, auc - 0.03, auc + 0.05, 40, 38, 2)


def report(*rows, splits=("calibration",)):
    origin = Origin.here("t_sweep", {"splits": splits, "p": float("inf")}, time.perf_counter())
    hashes = {"split_digest": "ab", "store_digest": "cd"}
    return SweepResult(
        origin=origin,
        cost=Cost(12, 34, 5.0),
        splits=splits,
        n_members=40,
        n_nonmembers=38,
        rows=rows,
        target={"class": "Tiny<Target>"},
        hashes=hashes,
    )


def printed(result):
    console = Console(width=80)
    with console.capture() as capture:
        console.print(result.terminal())
    return capture.get()


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
    figure = mixed.figure()
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
    t, k, n = mixed.figure().axes
    assert list(drawn(t)) == ["PIA", "SimA", *(f"ReDiffuse, k = {k}, n = {n}" for k in (50, 100) for n in (1, 5))]
    assert list(drawn(k)) == ["ReDiffuse, t = 200, n = 1", "ReDiffuse, t = 200, n = 5"]
    assert list(drawn(n)) == ["ReDiffuse, t = 200, k = 50", "ReDiffuse, t = 200, k = 100"]
    legend = [text.get_text() for text in t.get_legend().get_texts()]
    assert sorted(legend) == sorted([*drawn(t), "chance"])


def test_points_stand_at_their_values_with_their_intervals(mixed):
    axes = mixed.figure().axes[0]
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
    figure = mixed.figure()
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
    lines = [bars.lines[0] for bars in many.figure().axes[0].containers]
    assert len({(line.get_color(), line.get_marker()) for line in lines}) == 35


def test_the_title_says_what_was_measured(mixed):
    assert mixed.figure().get_suptitle() == "Measured on calibration: 40 members, 38 non-members"
    three = report(*mixed.rows, splits=("train", "val", "calibration"))
    assert three.figure().get_suptitle().startswith("Measured on train, val and calibration: ")


def test_the_figure_is_a_png_of_150_dots_per_inch(mixed, tmp_path):
    mixed.write_figure(tmp_path / "a")
    mixed.write_figure(tmp_path / "b")
    with Image.open(tmp_path / "a") as image:
        assert image.format == "PNG"
        assert image.info["dpi"] == pytest.approx((150, 150), abs=0.1)
        assert image.getcolors(50) is None  # more than 50 colours: something is drawn
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_folder_holds_everything_and_its_page_is_made_again_from_the_numbers_alone(mixed, tmp_path):
    page = mixed.save(tmp_path)
    first = page.read_text()
    assert {path.name for path in tmp_path.iterdir()} == {"audit.json", "sweep.csv", "sweep.png", "report.html"}
    for name in ("sweep.csv", "sweep.png", "report.html"):
        (tmp_path / name).unlink()
    again = SweepResult.load(tmp_path, read_numbers(tmp_path))
    assert again.rows == mixed.rows
    assert again.save_page(tmp_path).read_text() == first
    assert again.numbers() == mixed.numbers()


def test_the_numbers_test_nothing_and_claim_nothing(mixed):
    numbers = mixed.numbers()
    assert numbers["schema"] == "lit-mia/sweep/1"
    assert numbers["verdict"]["kind"] == "exploration"
    said = numbers["verdict"]["sentence"]
    assert said.startswith("Training-free attacks were measured at many settings on calibration (40 members, 38 ")
    assert "The test split was not opened" in said
    assert {"queries": 12, "nfe": 34, "seconds": 5.0}.items() <= numbers["cost"].items()
    assert numbers["cost"]["seconds_total"] >= 0
    assert numbers["splits"] == ["calibration"]
    assert numbers["config"]["p"] == ".inf"
    first = numbers["rows"][0]
    assert (first["name"], first["kind"], first["setting"]) == ("PIA", "attack", {"t": 300})
    assert first["auc_ci"] == [first["auc_lo"], first["auc_hi"]]


def test_a_broken_folder_is_refused(mixed, tmp_path):
    numbers = mixed.numbers()
    del numbers["rows"][0]["auc"]
    with pytest.raises(ReportError, match="lacks a number"):
        SweepResult.load(tmp_path, numbers)


def test_the_page_has_table_figure_cost_and_provenance(mixed):
    page = mixed.page()
    assert mixed.sentence in page
    assert page.count("<tr class=") == len(mixed.rows)
    assert 'role="img"' in page
    assert '<th scope="col" class="words">Setting</th>' in page
    assert "t = 200, k = 50, n = 1" in page.replace("\u00a0", " ")
    assert "Tiny&lt;Target&gt;" in page
    assert "split_digest" in page
    assert page.count("<script") == 1  # which sorts tables
    assert "http" not in page.replace("http-equiv", "").replace("http://www.w3.org", "")


def test_the_table_is_told_alike_in_the_terminal_and_in_markdown(mixed):
    text, lines = printed(mixed), mixed.markdown().splitlines()
    assert len(lines) == 2 + len(mixed.rows)
    assert lines[0] == "| Attack | Setting | AUC [95 % CI] | NFE alone |"
    assert lines[2] == "| **PIA** | t = 300 | 0.700 [0.670, 0.750] | 2 |"
    for one in mixed.rows:
        assert f"{one.auc:.3f} [{one.auc_lo:.3f}, {one.auc_hi:.3f}]" in text
    assert "…" not in text
    assert "This run: 12 queries, 34 denoiser evaluations" in text


def test_the_csv_has_a_column_per_argument_that_is_empty_where_an_attack_has_none(mixed, tmp_path):
    mixed.save(tmp_path)
    with (tmp_path / "sweep.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert list(lines[0]) == (
        ["attack", "t", "k", "n", "auc", "auc_lo", "auc_hi", "n_members", "n_nonmembers", "nfe_alone"]
    )
    assert [float(line["auc"]) for line in lines] == [one.auc for one in mixed.rows]
    assert (lines[0]["k"], lines[-1]["k"]) == ("", "100")


def test_a_sweep_is_one_offline_run(mixed, tmp_path, read_wandb):
    mixed.log(lambda: WandbLogger(save_dir=str(tmp_path), offline=True, project="lit-mia"))
    (run,) = read_wandb(tmp_path)
    assert run.config["split_digest"] == "ab"
    (table,) = tmp_path.rglob("sweep*.table.json")
    stored = json.loads(table.read_text())
    assert stored["columns"][:4] == ["attack", "t", "k", "n"]
    assert len(stored["data"]) == len(mixed.rows)
