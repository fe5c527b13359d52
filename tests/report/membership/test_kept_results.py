"""Where results are kept: whole, and never mixed with those of another audit."""

import json
import shutil
from pathlib import Path

import pytest
from lightning.pytorch.loggers import CSVLogger, WandbLogger

import lit_mia
from lit_mia.errors import FolderError, ReportError, TrackingError
from lit_mia.report.base import NUMBERS


@pytest.fixture
def kept(small, tmp_path):
    """A finished audit in a folder of its own."""
    small.save(tmp_path / "runs" / "one")
    return lit_mia.load(tmp_path / "runs" / "one")


def test_it_is_saved_elsewhere_and_into_its_own_folder(kept, tmp_path):
    kept.save(tmp_path / "copy")
    assert lit_mia.load(tmp_path / "copy").numbers == kept.numbers
    assert kept.save(kept.folder) == kept.folder / "report.html"


def test_it_is_not_saved_inside_itself(kept):
    with pytest.raises(FolderError, match=r"is inside .*one, the folder of the audit"):
        kept.save(kept.folder / "copy")
    assert not (kept.folder / "copy").exists()


def test_another_audit_in_its_folder_is_not_saved_as_this_one(kept, tmp_path):
    file = kept.folder / NUMBERS
    file.write_text(json.dumps(json.loads(file.read_text()) | {"name": "another"}), encoding="utf-8")
    with pytest.raises(ReportError, match="no longer holds this audit"):
        kept.save(tmp_path / "copy")
    shutil.rmtree(kept.folder)
    with pytest.raises(ReportError, match="no longer holds this audit"):
        kept.save(tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


@pytest.mark.parametrize("path", [5, "", None, "a\0b"])
def test_what_is_no_path_is_told(kept, path):
    with pytest.raises(FolderError, match="must be a path"):
        kept.save(path)
    with pytest.raises(FolderError, match="must be a path"):
        lit_mia.load(path)


@pytest.mark.parametrize("logger", [5, None, CSVLogger("logs"), CSVLogger, lambda **_: CSVLogger("logs"), []])
def test_what_is_no_logger_is_told(kept, logger):
    with pytest.raises(TrackingError, match="`logger` must be a `WandbLogger`"):
        kept.log(logger)


def test_a_logger_whose_run_has_ended_is_told(kept, tmp_path):
    logger = WandbLogger(project="lit-mia", save_dir=str(tmp_path), offline=True)
    kept.log(logger)
    with pytest.raises(TrackingError, match=r"kept in .*one\. A logger is one run, so each audit needs its own\."):
        kept.log(logger)


def test_it_is_known_wherever_the_process_goes(small, tmp_path, monkeypatch):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "a")
    small.save(Path("run"))
    first = lit_mia.load("run")
    monkeypatch.chdir(tmp_path / "b")
    small.save(Path("run"))
    assert first.save("copy") == Path("copy/report.html")
    assert lit_mia.load("copy").numbers == first.numbers
    assert lit_mia.compare(first, lit_mia.load("run")).table()["change"].abs().max() < 1e-6


def test_the_table_has_the_ends_of_intervals(kept):
    table = kept.table()
    assert (table["auc_lo"] <= table["auc"]).all()
    assert (table["auc"] <= table["auc_hi"]).all()
    assert {"accuracy_lo", "accuracy_hi", "tpr@0.1_lo", "tpr@0.1_hi", "smallest_lo", "smallest_hi"} <= {*table.columns}
