"""Which parameters expect an object: those whose annotation names a class that no text can become."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Literal

import pytest

from lit_mia.blocks import ObjectKeys, object_parameters


class Colour(Enum):
    RED = "red"


@dataclass(frozen=True)
class Pace:
    seconds: float = 1.0


class Part:
    def __init__(self, inner: "Part | None" = None, pace: Pace = Pace()) -> None:
        pass


class Signature:
    def __init__(
        self,
        one: Part,
        many: list[Part],
        some: "Part | str | None",
        factory: Callable[[str], Part],
        pace: Pace,
        values: Mapping[str, Any],
        listed: list[dict[str, list[Any]]],
        text: str,
        path: Path | str,
        choice: Literal["Part"],
        colour: Colour,
        number: float | tuple[int, ...],
        anything: Any,
        by_name: type[Part],
    ) -> None:
        pass


class Derived(Part):
    def __init__(self, source: Signature, **settings: Any) -> None:
        super().__init__(**settings)


class Broken:
    def __init__(self, part: "Missing") -> None:  # noqa: F821
        pass


def test_a_parameter_expects_an_object_if_its_annotation_names_a_class_or_a_mapping():
    found = object_parameters(Signature)
    assert set(found) == {"one", "many", "some", "factory", "pace", "values", "listed"}
    assert found["factory"] == [Part]
    assert found["values"] == []


def test_parameters_that_a_parent_takes_count_too():
    assert object_parameters(Derived) == {"source": [Signature], "inner": [Part], "pace": [Pace]}


def test_annotations_of_other_packages_that_cannot_be_read_are_left_out():
    assert object_parameters(Broken) == {}


def test_classes_are_found_from_the_roots_through_subclasses_and_parameters():
    class Root:
        def __init__(self, part: Part) -> None:
            pass

    keys = ObjectKeys([Root], {"model"})
    assert keys.everywhere >= {"model", "part", "inner", "source", "factory"}
    assert keys.of("tests.Root") == {"part"}
    assert keys.of("Derived") == {"source", "inner", "pace"}
    assert keys.of("not.imported.Yet") == keys.of(None) == keys.everywhere


@pytest.mark.parametrize("made", [Pace, Colour, int, object])
def test_what_takes_no_object_has_no_keys(made):
    assert object_parameters(made) == {}
