"""How often the verdict rule is wrong, and how often it finds: the short form of scripts/simulate_verdicts.py."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[3] / "scripts"))
from simulate_verdicts import LEAKAGE, SITUATIONS, Situation, needed_of, verdicts

pytestmark = pytest.mark.slow

MOST = {  # name of a situation → most false leakage verdicts of 1,000, or of 100 with several attacks or a base
    "noise, 6 attacks, 3 controls, placebo": 4,
    "attack at chance, only control at .42": 80,
    "attack at .56, control and placebo at .42": 80,
    "shift: attack .75, control .72, no placebo": 10,
    "shift: attack .75, control .72, placebo .72": 10,
    "domain learned, the placebo has learned nothing": 2,
    "domain learned, the placebo nearly as well": 2,
    "coin falsely stated, the placebo nearly as well": 2,
}
LEAST = {  # of 100
    "leak of .65 beside 3 controls, placebo": 85,
    "calibrated leak of .65, placebo": 80,
    "calibrated leak of .65, placebo, stated coin": 80,
}


def situation(name):
    (found,) = [one for one in SITUATIONS if one.name == name]
    return found


@pytest.mark.parametrize("name", MOST)
def test_without_a_leak_the_rule_hardly_ever_sees_one(name):
    simulated = situation(name)
    many = len(simulated.attacks) == 1 and not simulated.gained
    given = verdicts(simulated, 181, 356, 1000 if many else 100)
    assert given[LEAKAGE] <= MOST[name], given


@pytest.mark.parametrize("name", LEAST)
def test_a_leak_is_found(name):
    assert verdicts(situation(name), 181, 356, 100)[LEAKAGE] >= LEAST[name]


def test_the_power_that_is_printed_is_true():
    """One attack at the AUC that a report says is needed is found four times in five."""
    null = Situation("one attack, one control, placebo", (0.5,), {"blind": 0.5}, 0.5)
    given = verdicts(replace(null, attacks=(needed_of(null, 181, 356),)), 181, 356, 400)
    assert given[LEAKAGE] / 400 == pytest.approx(0.8, abs=0.05)
