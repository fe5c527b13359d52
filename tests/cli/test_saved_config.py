"""Where the relative paths of a saved config begin."""

from pathlib import Path

import pytest
from tiny_audit import KINDS, Count

from lit_mia.audits import saved_config
from lit_mia.audits.base import Run
from lit_mia.audits.saved_config import FILE, save_config, saved_audit

RESULT = Count("own", (), None, {})


@pytest.fixture
def project(tmp_path, monkeypatch):
    """The folder of a run that was made in `project`, seen from elsewhere."""
    monkeypatch.setattr(saved_config, "AUDIT_KINDS", KINDS)
    for name in ("project", "elsewhere"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "project")
    save_config(Run("own", {"attacks": []}, Path("runs/own")))
    monkeypatch.chdir(tmp_path / "elsewhere")
    return tmp_path / "project"


def begins(folder):
    with saved_audit(folder, RESULT):
        return Path.cwd()


def test_paths_begin_where_the_audit_was_made_and_move_with_it(project, tmp_path):
    assert begins(project / "runs/own") == project
    assert begins(Path("../project/runs/own")) == project
    assert Path.cwd() == tmp_path / "elsewhere"
    project.rename(tmp_path / "moved")
    assert begins(tmp_path / "moved/runs/own") == tmp_path / "moved"


def test_paths_begin_here_where_that_is_not_known(project, tmp_path):
    file = project / "runs/own" / FILE
    (project / "runs").rename(tmp_path / "runs")
    file = tmp_path / "runs/own" / FILE
    file.write_text("# Relative paths begin at nowhere\nattacks: []\n")
    assert begins(file.parent) == Path.cwd()
    file.write_text("attacks: []\n")
    assert begins(file.parent) == Path.cwd()
