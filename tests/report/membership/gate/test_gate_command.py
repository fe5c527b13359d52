"""`lit-mia report FOLDER --fail-if ...`: exit statuses, what is printed, and what is refused."""

import json
import operator
import shutil
import time
from functools import reduce
from xml.etree import ElementTree

import pytest
from measured_results import measured

from lit_mia.cost import Cost
from lit_mia.errors import ReportError
from lit_mia.main import main
from lit_mia.report.base import Origin
from lit_mia.report.sweep import SweepResult, SweepRow


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished") / "audit"
    measured().save(folder)
    return folder


@pytest.fixture
def ended(monkeypatch, capsys):
    """Runs a command line; gives its exit status and what it said."""

    def run(*args):
        monkeypatch.setattr("sys.argv", ["lit-mia", *map(str, args)])
        code = 0
        try:
            main()
        except SystemExit as exit_:
            code = exit_.code
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def state(path):
    suite = ElementTree.parse(path).getroot()[0]
    return suite.get("failures"), suite.get("errors"), [case.get("name") for case in suite.iter("testcase")]


def test_the_exit_status_is_the_answer_and_the_page_is_written_before(folder, ended, tmp_path):
    (folder / "report.html").unlink()
    code, said, _ = ended(
        "report", folder, "--fail-if", "TPR@1% > 0.1", "--fail-if=AUC>0.6", "--junit", tmp_path / "a.xml"
    )
    assert code == 1
    assert (folder / "report.html").is_file()
    assert said.startswith(
        f"{folder / 'report.html'}\n\nGate failed (exit 1): a condition holds.\n- TPR@1% > 0.1: It cannot"
    )
    assert state(tmp_path / "a.xml") == ("1", "1", ["TPR@1% > 0.1", "AUC > 0.6"])
    code, said, _ = ended("report", folder, "--fail-if", "AUC > 0.9", "--junit", tmp_path / "a.xml")
    assert (code, "Gate passed" in said, "110 members" in said) == (0, True, True)
    assert state(tmp_path / "a.xml") == ("0", "0", ["AUC > 0.9"])


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--fail-if", "AUC >"], "is no condition. Write one comparison"),
        (["--fail-if", "AUC > 0.6", "--fail-if", "acu > 0.6"], "Did you mean 'AUC'?"),
        (["--junit", "a.xml"], "Add `--fail-if CONDITION`"),
        (["--fail-if", "AUC > 0.6", "--junit", "."], "`--junit` cannot be written"),
        (["--fail-if"], "expected 1 argument"),
    ],
)
def test_a_mistake_ends_with_2_before_anything_is_written(folder, ended, args, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = (folder / "report.html").stat().st_mtime_ns
    code, out, err = ended("report", folder, *args)
    assert (code, out) == (2, "")
    assert said in err
    assert "Traceback" not in err
    assert (folder / "report.html").stat().st_mtime_ns == before
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize("schema", ["lit-mia/audit/2", "none"])
def test_a_file_of_an_earlier_pass_does_not_stay_where_nothing_is_evaluated(folder, ended, tmp_path, schema):
    (tmp_path / "audit").mkdir()
    numbers = json.loads((folder / "audit.json").read_text(encoding="utf-8"))
    (tmp_path / "audit/audit.json").write_text(json.dumps({**numbers, "schema": schema}), encoding="utf-8")
    (tmp_path / "a.xml").write_text("<testsuites/>", encoding="utf-8")
    code, _, err = ended("report", tmp_path / "audit", "--fail-if", "AUC > 0.6", "--junit", tmp_path / "a.xml")
    assert (code, "schema" in err) == (2, True)
    assert state(tmp_path / "a.xml") == ("0", "1", ["AUC > 0.6"])


def test_answers_take_the_place_of_no_other_file(folder, ended):
    code, _, err = ended("report", folder, "--fail-if", "AUC > 0.6", "--junit", folder / "audit.json")
    assert (code, "would take the place" in err) == (2, True)
    assert ended("report", folder, "--fail-if", "AUC > 0.6")[0] == 1


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        (("verdict", "kind"), "no leak", "verdict.kind: 'no leak' is none of"),
        (("verdict", "kind"), "confounded", "verdict.kind: 'confounded' is not the first outcome"),
        (("rows", 3, "smallest_difference", "ci"), [0.04, -0.4], "rows[3].smallest_difference.delta: has an interval"),
        (("rows", 3, "auc"), 0.5, "rows[3].auc: 0.5 is outside its interval"),
    ],
)
def test_numbers_that_cannot_be_right_never_pass(folder, ended, tmp_path, place, value, said):
    shutil.copytree(folder, tmp_path / "audit")
    numbers = json.loads((folder / "audit.json").read_text(encoding="utf-8"))
    *steps, last = place
    reduce(operator.getitem, steps, numbers)[last] = value
    (tmp_path / "audit/audit.json").write_text(json.dumps(numbers), encoding="utf-8")
    args = ("--fail-if", "dAUC.hi > 0.05", "--fail-if", "verdict == leakage", "--junit", tmp_path / "a.xml")
    code, out, err = ended("report", tmp_path / "audit", *args)
    assert (code, out) == (2, "")
    assert said in err
    assert state(tmp_path / "a.xml")[:2] == ("0", "2")


def test_what_has_no_such_verdict_is_refused_in_a_sentence(ended, tmp_path):
    origin = Origin.here("t_sweep", {}, time.perf_counter())
    row = SweepRow("SimA", {"t": 100}, 0.6, 0.55, 0.65, 40, 38, 2)
    swept = SweepResult(
        origin=origin,
        cost=Cost(12, 34, 5.0),
        splits=("val",),
        n_members=40,
        n_nonmembers=38,
        rows=[row],
        target={"class": "DenoiserTarget"},
        hashes={"split_digest": "ab", "store_digest": "cd"},
    )
    (tmp_path / "audit.json").write_text(json.dumps(swept.numbers()), encoding="utf-8")
    code, out, err = ended("report", tmp_path, "--fail-if", "AUC > 0.6")
    assert (code, out) == (2, "")
    assert err.startswith("lit-mia: `--fail-if` is for audits of records, such as audit/quickstart, not for audits of")
    assert not (tmp_path / "report.html").exists()


@pytest.mark.parametrize("error", [ValueError("odd"), MemoryError(), ReportError("mend it")])
def test_a_crash_is_not_taken_for_a_leak(folder, ended, monkeypatch, error):
    def crash(*_):
        raise error

    monkeypatch.setattr("lit_mia.cli.reporting.load_result", crash)
    code, _, err = ended("report", folder, "--fail-if", "AUC > 0.6")
    assert code == 2
    assert ("Traceback" in err) == (not isinstance(error, ReportError))
