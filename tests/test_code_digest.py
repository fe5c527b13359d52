"""What a computation is made by: a change of its code is seen, a change of other code is not."""

import importlib.util
import sys

import pytest

from lit_mia import cost, files
from lit_mia.attacks import AttackIIP, AttackIIS, AttackIP
from lit_mia.files import code_digest

BASE = "class Base:\n    def score(self):\n        return {}\n"


@pytest.fixture
def planted(tmp_path, monkeypatch):
    """Writes and loads a module."""

    def load(name, text):
        (tmp_path / f"{name}.py").write_text(text)
        spec = importlib.util.spec_from_file_location(name, tmp_path / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
        return module

    return load


def test_a_changed_method_gives_another_digest(planted):
    planted("planted_base", BASE.format(1))
    first, again, other = (code_digest(planted("planted_base", BASE.format(value)).Base) for value in (1, 1, 2))
    assert first == again != other


def test_heads_share_the_files_of_their_bases():
    assert code_digest(AttackIP) == code_digest(AttackIIP)  # one file
    assert code_digest(AttackIP) != code_digest(AttackIIS)
    assert code_digest(AttackIP, cost) != code_digest(AttackIP) != code_digest(AttackIP, files)
    assert code_digest(AttackIP, cost) == code_digest(cost, AttackIP, cost)


def test_code_that_is_in_no_file_is_never_the_same():
    lost = type("Lost", (), {"__module__": "lost"})
    sys.modules["lost"] = type(sys)("lost")
    assert code_digest(lost) != code_digest(lost)
    del sys.modules["lost"]
