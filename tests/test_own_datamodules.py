"""A project with a folder `datamodules` of its own: commands find theirs, and what else cannot says so."""

import os
import subprocess
import sys
from importlib.util import find_spec

import pytest

from lit_mia.errors import PackageError
from lit_mia.own_datamodules import NAME, OWN, check, prefer


@pytest.fixture(params=["datamodules/__init__.py", "datamodules.py"])
def project(request, tmp_path, monkeypatch):
    """A folder with one, before all others."""
    file = tmp_path / request.param
    file.parent.mkdir(exist_ok=True)
    file.write_text("raise RuntimeError('not ours')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, NAME, raising=False)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    return tmp_path


def test_the_foreign_folder_is_named_with_the_way_out(project):
    with pytest.raises(PackageError, match=rf"Python finds {project}/datamodules.*its own.*PYTHONPATH, or rename"):
        check()


def test_a_command_finds_its_own_and_the_rest_of_the_folder(project, monkeypatch):
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    rest = [entry for entry in sys.path if entry not in ("", str(project))]
    prefer()
    assert sys.path == [*rest, "", str(project)]
    check()
    assert find_spec(NAME).origin == str(OWN / "__init__.py")


def test_a_package_that_was_imported_before_cannot_be_put_last(project, monkeypatch):
    foreign = find_spec(NAME)
    module = type(sys)(NAME)
    module.__spec__ = foreign
    monkeypatch.setitem(sys.modules, NAME, module)
    prefer()
    with pytest.raises(PackageError, match="its own"):
        check()


def test_nothing_changes_where_there_is_no_other(monkeypatch, tmp_path):
    (tmp_path / "datamodules").mkdir()  # without an __init__.py, Python looks on
    monkeypatch.delitem(sys.modules, NAME, raising=False)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    before = [*sys.path]
    prefer()
    check()
    assert sys.path == before


@pytest.mark.slow
@pytest.mark.parametrize("project", ["datamodules/__init__.py"], indirect=True)
def test_a_training_of_that_project_can_be_watched_and_a_command_runs_in_it(project):
    script = """
import sys
import lit_mia.callbacks, lit_mia.shadow, lit_mia.targets
assert "datamodules" not in sys.modules
from lit_mia.main import main
sys.argv = ["lit-mia", "plugins"]
main()
"""
    variables = os.environ | {"PYTHONPATH": os.pathsep.join([".", os.environ.get("PYTHONPATH", "")])}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=variables, timeout=120)
    assert done.returncode == 0, done.stderr
