"""The shipped demo of identity inference from its config to its files, and its decisions against plain loops."""

from collections import Counter

import numpy as np
import pytest

from lit_mia.cli.commands import parse
from lit_mia.main import run
from lit_mia.metrics.identity import within_null
from lit_mia.report.identity.people import read_people

pytestmark = pytest.mark.slow


def templates_by_loops(images, texts, true):
    """Templates whose most frequent nearest name, over all images, is the true one and the only one of its count."""
    correct = 0
    for names in texts:
        votes = Counter(int(np.argmax(names @ image)) for image in images)
        (first, most), *others = votes.most_common(2)
        correct += first == true and all(count < most for _, count in others)
    return correct


def test_the_demo_shows_what_was_planted(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.argv", ["lit-mia"])
    args = ["--config", "configs/audit/idia_demo.yaml", "--people.store", str(tmp_path / "store")]
    report = run(["audit", *args, "--output", str(tmp_path / "out")])
    often = [cell.tpr for cell in report.grid if cell.images == 30 and cell.occurrences in ("10", "25")]
    assert len(often) == 2
    assert min(tpr.value for tpr in often) >= 0.9
    assert max(report.trends["images"], report.trends["occurrences"]) < 0.01
    assert within_null(report.rows[0].points[0].fpr, 0.021)
    assert {row.name: row.passes for row in report.rows[1:]} == dict.fromkeys(
        ["untrained", "permuted names", "swapped membership"], True
    )
    assert report.verdict["kind"] == "identities recognised beyond controls"

    made = parse("audit", args).audit
    data, attack = made.data, made.attack
    found = {line.name: line.templates for line in read_people(tmp_path / "out/people.csv") if line.row == "target"}
    texts = data._texts(attack)
    rows = range(8)  # members and others, in an order that tells nothing
    expected = {data.people.names[i]: templates_by_loops(data._images(i, attack), texts, data.true[i]) for i in rows}
    assert {name: found[name] for name in expected} == expected  # all 30 images are used, so that draws do not matter
    assert len(set(expected.values())) > 1
