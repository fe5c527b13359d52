from dataclasses import replace

import pytest

from lit_mia.errors import ReportError
from lit_mia.report.schema import load_json
from lit_mia.report.write import rebuild, write_report

FILES = ["audit.json", "report.html", "roc.csv", "scores.parquet"]


@pytest.fixture(scope="module")
def folder(audit, tmp_path_factory):
    folder = tmp_path_factory.mktemp("audit") / "new"
    assert write_report(*audit, folder) == folder / "report.html"
    return folder


def test_four_files_and_no_leftovers(audit, folder):
    assert sorted(path.name for path in folder.iterdir()) == FILES
    assert load_json(folder / "audit.json") == audit[0]


def test_rebuild_gives_the_same_page(folder):
    before = (folder / "report.html").read_bytes()
    (folder / "report.html").unlink()
    assert rebuild(folder) == folder / "report.html"
    assert (folder / "report.html").read_bytes() == before


def test_a_failed_write_keeps_the_old_file(audit, folder):
    report, scores = audit
    before = (folder / "audit.json").read_bytes()
    with pytest.raises(ReportError, match="mde_auc"):
        write_report(replace(report, mde_auc=float("nan")), scores, folder)
    assert (folder / "audit.json").read_bytes() == before
    assert sorted(path.name for path in folder.iterdir()) == FILES


def test_rebuild_of_an_empty_folder(tmp_path):
    with pytest.raises(ReportError, match="no report"):
        rebuild(tmp_path)
