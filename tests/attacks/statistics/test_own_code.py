"""Attacks of one's own: an edited cell of a notebook is another formula, and the same cell again is not."""

import subprocess
import sys
from types import ModuleType

import pytest

from lit_mia.attacks.statistics import FreMIA, Loss, SimA
from lit_mia.attacks.statistics.own_code import own_code

CELL = '''
import math
from functools import cached_property
from lit_mia.attacks.statistics import Loss, StatisticAttack
from lit_mia.queries.requests import Finding, NoisePrediction

SCALE = 1.0

def size(residual):
    """A helper."""
    return SCALE * residual.abs().flatten(1).sum(1)

class Own(StatisticAttack):
    """An attack."""

    name = "own"
    swept = ()
    reconstructs = True
    power = 2

    def __init__(self, t: int = 100) -> None:
        super().__init__()
        self.t = t

    @cached_property
    def half(self):
        return self.t // 2

    def measure(self, subject, setting):
        (eps,) = yield [NoisePrediction(subject.x0, self.t, subject.condition)]
        return Finding(-size(eps ** self.power), eps.abs())
'''


def key(cell, name="Own"):
    """The key of the attack of a notebook in which a cell was run."""
    notebook = ModuleType("__main__")
    exec(cell, vars(notebook))
    (plan,) = [attack.plan({}) for attack in [vars(notebook)[name]()]]
    return plan.key


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("-size", "size"),
        ("eps ** self.power", "self.power * eps"),
        ("power = 2", "power = 3"),
        ("SCALE = 1.0", "SCALE = 2.0"),
        (".abs().flatten", ".square().flatten"),
        ("self.t // 2", "self.t // 3"),
        ("subject.x0, self.t", "subject.noise(0), self.t"),
    ],
)
def test_an_edited_cell_is_another_formula(old, new):
    assert old in CELL
    assert key(CELL) != key(CELL.replace(old, new))


def test_the_same_cell_again_is_the_same_formula_wherever_it_stands():
    assert key(CELL) == key("\n\n# moved\n" + CELL) == key(CELL.replace("self.t = t\n", "self.t = t  # as given\n"))


def test_another_process_finds_the_same():
    script = f"from lit_mia.attacks.statistics.own_code import own_code\n{CELL}\nprint(own_code(Own))"
    found = {subprocess.check_output([sys.executable, "-c", script], text=True) for _ in range(2)}
    assert len(found) == 1


def test_a_copy_of_an_attack_that_ships_has_answers_of_its_own():
    copied = CELL.replace("class Own(StatisticAttack)", "class Own(Loss)").replace('name = "own"', 'name = "Loss"')
    assert key(copied) not in {Loss(100).plan(setting).key for setting in Loss(100).settings()}
    assert own_code(Loss) is own_code(SimA) is FreMIA(Loss()).code_digest is None


def test_a_wrapper_is_kept_under_the_code_of_what_it_wraps():
    wrapped = "\nfrom lit_mia.attacks.statistics import FreMIA\nmake = lambda: FreMIA(Own())\n"
    assert key(CELL + wrapped, "make") != key(CELL.replace("-size", "size") + wrapped, "make")
