"""Where results are kept: whole, and never mixed with those of another audit."""

import json
import shutil

import pytest

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


def test_what_is_no_logger_is_told(kept):
    with pytest.raises(TrackingError, match="`logger` must be a `WandbLogger`"):
        kept.log(5)


def test_the_table_has_the_ends_of_intervals(kept):
    table = kept.table()
    assert (table["auc_lo"] <= table["auc"]).all()
    assert (table["auc"] <= table["auc_hi"]).all()
    assert {"accuracy_lo", "accuracy_hi", "tpr@0.1_lo", "tpr@0.1_hi", "smallest_lo", "smallest_hi"} <= {*table.columns}
