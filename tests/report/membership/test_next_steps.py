"""The closing line of an audit of records: one thing to do next."""

from pathlib import Path
from typing import get_args

import pytest
from simulated_results import changed, simulated
from simulated_self_tests import self_test

from lit_mia.metrics.evidence import Kind
from lit_mia.report.membership.configuration import key_of
from lit_mia.report.membership.next_steps import next_steps, records_for
from lit_mia.report.words import count

FOLDER = Path("runs/own")
SIZES = {name: {"member": 100, "non_member": 100} for name in ("train", "val", "calibration", "test")}


@pytest.fixture(scope="module")
def simulation():
    return simulated({"II-S": 1.0})


def report_with(simulation, kind, needed=0.54):
    return changed(
        simulation,
        verdict={"kind": kind, "sentence": "…"},
        power={"auc_needed": needed, "violation": None},
        splits=simulation.report.splits | {"sizes": SIZES},
    ).report


def of_this(report):
    return self_test(configuration=key_of(report))


@pytest.mark.parametrize("kind", get_args(Kind))
def test_every_verdict_has_one_step_of_its_own(simulation, kind):
    report = report_with(simulation, kind)
    (step,) = next_steps(report, of_this(report), FOLDER)
    others = {
        next_steps(report_with(simulation, of), of_this(report), FOLDER)[0] for of in get_args(Kind) if of != kind
    }
    assert step not in others
    assert "{" not in step


@pytest.mark.parametrize("kind", ["leakage beyond controls", "not detected at this power"])
def test_what_was_not_tested_is_tested_next(simulation, kind):
    (step,) = next_steps(report_with(simulation, kind), None, Path("my runs/own"))
    assert step.endswith("`lit-mia selftest --config 'my runs/own'/audit.yaml --output 'my runs/own'`.")


def test_too_little_power_asks_for_as_many_records_as_a_small_leak_needs(simulation):
    (step,) = next_steps(report_with(simulation, "not detected at this power", 0.6), None, FOLDER)
    assert step == (
        "A leak with an AUC below 0.600 would be missed here. One of 0.550 would be found four times in five among "
        f"about {count(3200)} records; these are 800."
    )
    (step,) = next_steps(report_with(simulation, "not detected at this power", None), None, FOLDER)
    assert "lit-mia selftest" in step


@pytest.mark.parametrize(("auc", "needed", "factor"), [(0.55, 0.6, 4), (0.6, 0.6, 1), (0.7, 0.6, 0.25)])
def test_records_grow_with_the_square_of_what_is_wished(auc, needed, factor):
    assert records_for(auc, needed, 1000) == 1000 * factor
