"""The tutorials run, each from its first cell to its last."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))
from run_notebooks import executed, notebooks

DOCS = Path(__file__).parents[1] / "docs"
SMALL = {
    "design_to_verdict": {"EVERY": 8, "STEPS": 2, "EPOCHS": 1, "REPETITIONS": 2},
    "first_audit": {"EVERY": 12, "SEEDS": 1, "EPOCHS": 1},
    "write_attack": {"EVERY": 12, "EPOCHS": 1},
}
"""What they are asked to do here: less than what they show."""
LARGEST = 300_000
"""Bytes of a notebook, with what it prints."""


def test_each_notebook_is_run_here():
    assert [path.stem for path in notebooks()] == sorted(SMALL)


@pytest.mark.parametrize("path", notebooks(), ids=lambda path: path.stem)
def test_a_notebook_is_small(path):
    assert path.stat().st_size <= LARGEST


@pytest.mark.slow
@pytest.mark.parametrize("path", notebooks(), ids=lambda path: path.stem)
def test_a_notebook_runs(path, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(DOCS.parent))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    book = executed(path, tmp_path, SMALL[path.stem])
    code = [cell for cell in book.cells if cell.cell_type == "code"]
    assert all(cell.execution_count for cell in code)
    assert (tmp_path / "runs").is_dir()
