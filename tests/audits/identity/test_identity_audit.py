"""Audits of identities: a planted link, none at all, and controls that fail."""

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from lightning.pytorch.loggers import WandbLogger
from planted_clip import PlantedTarget, people_of, person_names
from rich.console import Console

from datamodules import IdentityDataModule, PeopleSource
from lit_mia.attacks import IdentityInference
from lit_mia.audits.base import Run
from lit_mia.audits.identity import IdentityAudit
from lit_mia.audits.identity.sides import occurrence_groups
from lit_mia.errors import HeadError, ReportError
from lit_mia.records import People
from lit_mia.report.base import read_numbers
from lit_mia.report.identity import IdentityResult
from lit_mia.report.identity.people import people_curves

pytestmark = pytest.mark.slow

MEMBERS = OTHERS = 20
NAMES = person_names(MEMBERS + OTHERS)
LABELS = [1] * MEMBERS + [0] * OTHERS
KNOWN = dict(enumerate(NAMES[:MEMBERS]))
SWAPPED = dict(list(enumerate(NAMES))[MEMBERS:])
PERMUTED = {row: NAMES[(row + 1) % MEMBERS] for row in range(MEMBERS)}
POOL = 400
ATTACK = IdentityInference(images=(1, 3, 5), draws=5)


@dataclass
class Given(PeopleSource):
    people: People

    def load(self):
        return self.people


def audit(tmp_path, known=KNOWN, labels=LABELS, counts=None, attack=ATTACK, **options):
    source = Given(people_of(labels, counts, images=5))
    data = IdentityDataModule(source, PlantedTarget(known), str(tmp_path), min_images=5, pool_size=POOL)
    return IdentityAudit(data, attack, **{"design": "randomized_split"} | options)


def run(made, name, config=None):
    return made.run(Run(name, config or {}, Path("nowhere")))


def printed(result):
    console = Console(width=80)
    with console.capture() as capture:
        console.print(result.terminal())
    return capture.get()


def controls():
    return {"permuted": PlantedTarget(PERMUTED), "swapped": PlantedTarget(SWAPPED)}


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    counts = [5] * MEMBERS + [0] * OTHERS
    return run(audit(tmp_path_factory.mktemp("planted"), counts=counts, **controls()), "planted", {"a": 1})


def test_a_planted_link_is_found_and_every_control_passes(planted):
    report = planted
    target, *others = report.rows
    assert (target.points[0].tpr.value, target.points[1].tpr.value) == (1, 1)
    assert target.points[0].tpr.lo == pytest.approx(0.8316, abs=1e-3)
    assert target.points[0].fpr.lo <= target.points[0].bound == 21 / POOL
    assert target.points[1].bound == 1 / POOL
    assert 0 < target.points[0].expected <= target.points[0].bound
    assert target.auc == 1
    assert {row.name: row.passes for row in others} == dict.fromkeys(
        ["untrained", "permuted names", "swapped membership"], True
    )
    assert [half.passes for half in report.halves] == [True, True]
    assert report.halves[0].difference.value == pytest.approx(1, abs=0.1)
    assert report.verdict["kind"] == "identities recognised beyond controls"
    assert len(report.lines) == 4 * len(NAMES)
    swapped = [line for line in report.lines if line.row == "swapped membership"]
    assert [line.member for line in swapped] == [0] * MEMBERS + [1] * OTHERS


def test_nothing_is_found_where_nothing_is(tmp_path):
    report = run(audit(tmp_path, known={}), "null")
    point = report.rows[0].points[0]
    assert point.tpr.lo <= point.bound
    assert point.fpr.lo <= point.bound
    assert report.rows[0].auc_ci[0] <= 0.5 <= report.rows[0].auc_ci[1]
    assert report.verdict["kind"] == "not detected at this power"
    assert "Controls not run: permuted names, swapped membership." in report.verdict["sentence"]


@pytest.mark.parametrize(
    ("failing", "name"),
    [
        ({"permuted": PlantedTarget(KNOWN)}, "permuted names"),
        ({"swapped": PlantedTarget(KNOWN)}, "swapped membership"),
    ],
)
def test_a_control_that_fails_confounds(tmp_path, failing, name):
    report = run(audit(tmp_path, **(controls() | failing)), "confounded")
    assert report.verdict["kind"] == "confounded"
    assert f"Controls failed: {name}." in report.verdict["sentence"]


def test_people_never_trained_on_who_are_recognised_are_no_chance(tmp_path):
    report = run(audit(tmp_path, known=KNOWN | dict(list(SWAPPED.items())[:8]), untrained=False), "leaky")
    assert report.rows[0].points[0].fpr.value == pytest.approx(0.4, abs=0.05)
    assert report.verdict["kind"] == "confounded"
    assert "people never trained on" in report.verdict["sentence"]
    assert [row.name for row in report.rows] == ["target"]


def test_half_of_a_swap_is_no_control(tmp_path):
    """Without non-members of the target, one half is all there is: neither passed nor failed."""
    report = run(audit(tmp_path, labels=[1] * MEMBERS + [-1] * OTHERS, **controls()), "half")
    assert [half.name for half in report.halves] == ["members of the target"]
    assert {row.name: row.passes for row in report.rows}["swapped membership"] is None
    assert "Controls not run: swapped membership." in report.verdict["sentence"]


def test_the_top_verdict_needs_a_control_model_and_a_stated_design(tmp_path):
    alone = run(audit(tmp_path, untrained=False), "alone")
    assert alone.verdict["kind"] == "not evidence (no control model)"
    made = audit(tmp_path)
    unstated = run(IdentityAudit(made.data, ATTACK), "unstated")
    assert unstated.verdict["kind"] == "not evidence (post hoc design)"


def test_recognition_rises_with_occurrences(tmp_path):
    counts = [1] * 10 + [10] * 10 + [0] * OTHERS
    known = dict(list(KNOWN.items())[8:])
    report = run(audit(tmp_path, known, counts=counts), "graded")
    largest = {cell.occurrences: cell.tpr.value for cell in report.grid if cell.images == 5}
    assert largest["10"] == 1
    assert largest["1"] == pytest.approx(0.2, abs=0.05)
    assert report.trends["occurrences"] < 0.01
    assert {cell.images for cell in report.grid} == {1, 3, 5}


def test_people_of_unknown_membership_are_asked_but_measure_nothing(tmp_path):
    labels = [1, 1, 1, 0, 0, 0, -1, -1]
    known = {0: NAMES[0], 1: NAMES[1], 2: NAMES[2], 6: NAMES[6]}
    report = run(audit(tmp_path, known, labels, untrained=False), "unknown")
    assert report.people == {"member": 3, "non_member": 3, "unknown": 2}
    assert report.rows[0].points[0].tpr.people == report.rows[0].points[0].fpr.people == 3
    assert [line.templates for line in report.lines][6] == 21
    nobody = run(audit(tmp_path, known, [-1] * 8, untrained=False), "nobody")
    assert nobody.verdict["kind"] == "not measured (no known members)"
    assert nobody.grid == []
    assert nobody.page()


def test_the_result_survives_its_files(tmp_path, planted):
    page = planted.save(tmp_path / "out")
    first = page.read_text()
    again = IdentityResult.load(tmp_path / "out", read_numbers(tmp_path / "out"))
    assert again == planted
    assert again.save_page(tmp_path / "out").read_text() == first
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "audit.json",
        "people.csv",
        "roc.csv",
        "report.html",
    }
    sentence = planted.verdict["sentence"]
    assert sentence in first
    qualified = ("names are exchangeable within the pool", "larger if the model matches sex or origin to names")
    said = " ".join(first.split())
    for text in (sentence, planted.limits[0], said[said.index("may be quoted") :][:700]):
        assert all(part in text for part in qualified)
    assert "data:image" not in first
    assert 'http-equiv="Content-Security-Policy"' in first
    for row in planted.rows:
        assert row.name in first
    assert set(people_curves(planted.lines)) == {row.name for row in planted.rows}


def test_the_form_of_an_audit_is_as_it_was(planted):
    numbers = planted.numbers()
    assert numbers["schema"] == "lit-mia/identity/1"
    assert list(numbers) == [
        *("schema", "name", "created", "verdict", "rows", "grid", "halves", "trends", "setting", "people", "skipped"),
        *("unreadable", "cut_off", "cost", "design", "pool_digest", "people_digest", "config", "limits", "versions"),
        "git",
    ]
    assert list(numbers["rows"][0]["points"][0]) == ["threshold", "tpr", "fpr", "bound", "expected"]
    assert numbers["setting"].keys() == {"images", "names", "templates", "draws", "thresholds", "min_images"}
    by_row = numbers["cost"]["by_row"]
    assert numbers["cost"]["queries"] == sum(spent["queries"] for spent in by_row.values()) > 0


def test_an_audit_of_before_that_did_not_add_its_queries_is_read(tmp_path, planted):
    planted.save(tmp_path)
    numbers = read_numbers(tmp_path)
    del numbers["cost"]["queries"]
    old = IdentityResult.load(tmp_path, numbers)
    assert old.page() == planted.page()


def test_the_table_is_told_alike_in_the_terminal_and_in_markdown(planted):
    text, markdown = " ".join(printed(planted).split()), planted.markdown()
    assert "…" not in text
    assert "n = 5 images, 20 members, 20 non-members" in text
    assert " ".join(planted.verdict["sentence"].split()) in text
    lines = markdown.splitlines()
    assert len(lines) == 2 + sum(len(row.points) for row in planted.rows)
    assert lines[2].startswith("| **target** | 1 | 100.0 [83.2, 100.0] | ")
    assert lines[3].startswith("|  | 11 | 100.0 [83.2, 100.0] | ")
    assert "100.0 [83.2, 100.0]" in text


def test_w_and_b_gets_rates_and_people_but_no_names(planted, tmp_path, read_wandb):
    planted.log(lambda: WandbLogger(save_dir=str(tmp_path), offline=True, project="lit-mia"))
    (logged,) = read_wandb(tmp_path)
    assert logged.summary["test/tpr@1/target"] == 1
    assert logged.summary["verdict"] == planted.verdict["kind"]
    (table,) = tmp_path.rglob("people*.table.json")
    stored = json.loads(table.read_text())
    assert stored["columns"] == ["person", "label", "row", "templates", "margin"]
    assert [row[0] for row in stored["data"]] == [*range(len(NAMES))] * 4
    assert not any(NAMES[0].encode() in file.read_bytes() for file in tmp_path.rglob("*.json"))


def test_pictures_are_shown_only_when_they_are_asked_for(tmp_path):
    made = audit(tmp_path, labels=[1, 0, 0, 1], untrained=False)
    report = run(made, "pictures")
    pictures = made.pictures(report)
    assert [picture.caption for picture in pictures] == [*NAMES[:4]]
    templates = {line.name: line.templates for line in report.lines}
    assert [picture.note for picture in pictures] == [f"{templates[name]:.1f} templates" for name in NAMES[:4]]
    assert "data:image" not in report.page()
    assert report.page(pictures[:1]).count("data:image") == 1


def test_a_broken_report_is_refused(tmp_path):
    report = run(audit(tmp_path, labels=[1, 0, 0, 1], untrained=False), "broken")
    report.save(tmp_path / "out")
    data = report.numbers()
    with pytest.raises(ReportError, match=r"missing: \['grid'\]"):
        IdentityResult.load(tmp_path / "out", {key: value for key, value in data.items() if key != "grid"})
    with pytest.raises(ReportError, match="is no table of people"):
        IdentityResult.load(tmp_path / "elsewhere", data)
    with pytest.raises(ReportError, match="neither"):
        replace(report, trends={"images": np.inf}).numbers()


def test_more_images_than_people_have_are_refused_before_anything_is_asked(tmp_path):
    with pytest.raises(HeadError, match=r"draws 30 images.*may have only 5"):
        audit(tmp_path, attack=IdentityInference())


def test_many_occurrence_counts_are_put_together():
    groups = occurrence_groups([*range(1, 101), None, None])
    assert len(groups) == 9
    assert groups.pop("unknown") == [100, 101]
    assert sum(len(places) for places in groups.values()) == 100
    assert next(iter(groups)).startswith("1–")
    assert occurrence_groups([5, 1, 5]) == {"1": [1], "5": [0, 2]}
    assert occurrence_groups([]) == {}
