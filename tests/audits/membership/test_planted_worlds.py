"""Whole audits of planted worlds: what no control alone sees is found, and a shift is never called a leak."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[3] / "scripts"))
from simulate_head_audits import BUDGET, LEAKAGE, SITUATIONS, tallied

pytestmark = pytest.mark.slow
OF = {situation.world.name: situation for situation in SITUATIONS}


def said(name):
    """The verdict of one audit by design and placebo, and what was read."""
    tallies = tallied(OF[name], 1, BUDGET)
    return {of: next(iter(tally.verdicts)) for of, tally in zip(OF[name].judged, tallies, strict=True)}, tallies


@pytest.mark.parametrize(
    ("name", "attack", "control"),
    [("captions fit members' images better", 0.8, 0.85), ("a domain learned, nothing memorised", 0.6, 0.85)],
)
def test_a_shift_is_read_by_its_control_and_is_never_a_leak(name, attack, control):
    verdicts, tallies = said(name)
    assert set(verdicts.values()) == {"confounded"}
    for tally in tallies:
        assert tally.attack[0] > attack
        assert tally.control[0] > control
        assert tally.read == 1


def test_a_leak_is_found_where_the_design_and_a_placebo_allow_it():
    verdicts, tallies = said("a leak")
    assert tallies[0].attack[0] > 0.8
    assert tallies[1].placebo[0] == pytest.approx(0.5, abs=0.1)
    assert verdicts[("same_source_holdout", True)] == LEAKAGE
    assert verdicts[("canary", True)] == LEAKAGE
    assert verdicts[("same_source_holdout", False)] == "suggestive (no placebo)"
    assert verdicts[("post_hoc", True)] == "not evidence (post hoc design)"
