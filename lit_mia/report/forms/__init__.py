"""What the JSON files of results hold: their form as a JSON Schema, and what of a file is not of it."""

from lit_mia.report.forms.faults import Fault, faults_of, first_fault
from lit_mia.report.forms.fields import Fields
from lit_mia.report.forms.intervals import outside_intervals
from lit_mia.report.forms.json_schema import json_schema

__all__ = ["Fault", "Fields", "faults_of", "first_fault", "json_schema", "outside_intervals"]
