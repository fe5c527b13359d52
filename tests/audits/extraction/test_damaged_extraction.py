"""A folder of an extraction audit that is damaged: told in a sentence, never by a traceback, and never shown."""

import json

import pytest
from test_extraction_audit import BASE, SIDE, Copier, Untargeted, audit, learned, run

from lit_mia.audits.base import load_result
from lit_mia.errors import ReportError
from lit_mia.report.extraction import ExtractionResult


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished")
    made = audit(folder, Copier(learned(range(0, 24, 2)), SIDE), base=BASE, untargeted=Untargeted(20))
    run(made).save(folder / "run")
    return {path.name: path.read_text(encoding="utf-8") for path in (folder / "run").iterdir()}


@pytest.fixture
def folder(finished, tmp_path):
    for name, text in finished.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: "",
        lambda text: text.splitlines()[0],
        lambda text: text[: len(text) // 2],
        lambda text: text.replace("target,", "somebody,", 1),
        lambda text: text.replace(",1,", ",7,", 1),
        lambda text: text.replace(",1,", ",1,nan,", 1),
        lambda text: text.replace("True", "yes", 1),
    ],
)
def test_records_that_are_none(folder, damage):
    path = folder / "records.csv"
    path.write_text(damage(path.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(ReportError, match="no table of the records"):
        load_result(folder)


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda numbers: numbers.update(rows=[]), "rows: there are none"),
        (lambda numbers: numbers.update(rows=None), "rows: null"),
        (lambda numbers: numbers["rows"][0]["members"].pop("k"), "members.k: is missing"),
        (lambda numbers: numbers["rows"][0].update(name="other"), "none of 'target'"),
        (lambda numbers: numbers["verdict"].update(kind="fine"), "verdict.kind: 'fine' is none of"),
        (lambda numbers: numbers["untargeted"][0].pop("how"), "how: is missing"),
        (lambda numbers: numbers.update(cost={}), "cost.queries: is missing"),
        (lambda numbers: numbers.update(groups={}), "groups.member: is missing"),
    ],
)
def test_numbers_that_are_none(folder, damage, told):
    path = folder / "audit.json"
    numbers = json.loads(path.read_text(encoding="utf-8"))
    damage(numbers)
    path.write_text(json.dumps(numbers), encoding="utf-8")
    with pytest.raises(ReportError, match=told):
        load_result(folder)


def test_records_that_were_changed_contradict_the_counts(folder):
    path = folder / "records.csv"
    path.write_text(path.read_text(encoding="utf-8").replace("True,True", "True,False", 1), encoding="utf-8")
    (fault,) = ExtractionResult.faults(folder, json.loads((folder / "audit.json").read_text(encoding="utf-8")))
    assert str(fault) == "rows[0].members.k: 12 is not the number in records.csv, 11"
