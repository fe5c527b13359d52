import copy

from datamodules.sources import CsvSource
from lit_mia.attacks.statistics import SimA
from lit_mia.configured import given_to
from lit_mia.features import FixedCaption
from lit_mia.targets import DiffusersTarget


def test_an_object_knows_the_arguments_it_was_made_with(tiny_pipeline_folder):
    target = DiffusersTarget(str(tiny_pipeline_folder), steps=3)
    assert given_to(target) == {"path": str(tiny_pipeline_folder), "steps": 3}
    assert given_to(copy.copy(target)) == given_to(target)
    assert given_to(CsvSource("records.csv")) == {"path": "records.csv"}


def test_what_a_caller_does_to_the_arguments_changes_nothing(tiny_pipeline_folder):
    target = DiffusersTarget(str(tiny_pipeline_folder))
    given_to(target)["steps"] = 99
    assert "steps" not in given_to(target)


def test_arguments_by_position_have_their_names():
    assert given_to(SimA(7)) == {"t": 7}
    assert given_to(FixedCaption("emoji")) == {"text": "emoji"}
