"""What a good `selftest.json` is."""

from collections.abc import Iterator, Mapping
from typing import Any

from lit_mia.metrics.evidence import KINDS
from lit_mia.report.forms import Fault, Fields
from lit_mia.report.forms.faults import below
from lit_mia.report.membership.self_test_numbers import SCHEMA, SelfTest

FORM = Fields("SelfTest", (SelfTest,), schema=SCHEMA)


def contradictions(numbers: Mapping[str, Any]) -> Iterator[Fault]:
    """Verdicts that there are not, and audits without one.

    Args:
        numbers: What the file holds, of its form.
    """
    for i, trials in enumerate(numbers["trials"]):
        path = f"trials[{i}]"
        for kind in trials["verdicts"].keys() - {*KINDS}:
            yield Fault(below(f"{path}.verdicts", kind), "is no verdict")
        verdicts = sum(trials["verdicts"].values())
        if not verdicts == trials["repetitions"] > 0:
            yield Fault(f"{path}.repetitions", f"{trials['repetitions']} audits with {verdicts} verdicts")
