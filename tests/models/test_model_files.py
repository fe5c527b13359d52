import pytest

from lit_mia.errors import TargetError
from lit_mia.models import files as module
from lit_mia.models.files import shipped


def test_other_paths_stay_as_they_are():
    assert shipped("some/folder") == "some/folder"


def test_a_name_becomes_its_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "ASSETS", tmp_path)
    (tmp_path / "encoders" / "small").mkdir(parents=True)
    assert shipped("shipped:small") == str(tmp_path / "encoders" / "small")


def test_an_unknown_name_lists_the_known(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "ASSETS", tmp_path)
    (tmp_path / "targets" / "demo").mkdir(parents=True)
    with pytest.raises(TargetError, match=r"'shipped:dmeo'\. Available: shipped:demo\."):
        shipped("shipped:dmeo")
