"""The attack of CONTRIBUTING.md works as it stands there, and passes the tests that stand beside it."""

import importlib
import re
import shlex
from pathlib import Path

import pytest

from lit_mia.main import run

TEXT = (Path(__file__).parents[3] / "CONTRIBUTING.md").read_text(encoding="utf-8")
ATTACK, TESTS = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
(COMMAND,) = re.findall(r"^PYTHONPATH=\. (.*)$", TEXT, re.MULTILINE)


@pytest.fixture
def attack(tmp_path, monkeypatch):
    """The class, from a file of its own in the working directory."""
    (tmp_path / "absolute_loss.py").write_text(ATTACK, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return importlib.import_module("absolute_loss").AbsoluteLoss


def test_it_passes_the_tests_beside_it(attack, planted, unrelated, chance):
    given = {"AbsoluteLoss": attack}
    exec(TESTS, given)
    given["test_it_finds_memorised_images"](planted)
    given["test_it_finds_nothing_where_nothing_is"](unrelated, chance)


def test_it_asks_once_for_each_timestep(attack, cost):
    assert cost(attack(t=100)) == 1
    assert len(attack(t=[100, 350]).settings()) == 2


def test_the_command_takes_it(attack, monkeypatch, capsys):
    program, *words = shlex.split(COMMAND)
    monkeypatch.setattr("sys.argv", [program])
    with pytest.raises(SystemExit) as ended:
        run([*(word for word in words if word != "--dry-run"), "--print_config"])
    assert ended.value.code == 0
    assert "class_path: absolute_loss.AbsoluteLoss" in capsys.readouterr().out
