"""The gate: conditions on a finished audit, and whether one of them holds."""

from lit_mia.report.membership.gate.checking import Check, check
from lit_mia.report.membership.gate.conditions import Condition, read_condition
from lit_mia.report.membership.gate.junit import write_junit
from lit_mia.report.membership.gate.quantities import QUANTITIES, Quantity
from lit_mia.report.membership.gate.readings import Case
from lit_mia.report.membership.gate.words import exit_code, properties, spoken

__all__ = [
    "QUANTITIES",
    "Case",
    "Check",
    "Condition",
    "Quantity",
    "check",
    "exit_code",
    "properties",
    "read_condition",
    "spoken",
    "write_junit",
]
