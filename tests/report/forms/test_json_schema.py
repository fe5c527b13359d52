"""From Python types to a JSON Schema."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, NotRequired, TypedDict

import pytest

from lit_mia.report.forms import Fields, json_schema
from lit_mia.report.forms.fields import Count, Day, Ends, Share


class Inner(TypedDict):
    """Something inside; None where it is not."""

    share: Share
    said: NotRequired[str | None]


@dataclass(frozen=True)
class Base:
    """A base.

    Attributes:
        name: What it is called,
            on two lines.
    """

    name: str


@dataclass(frozen=True)
class Whole(Base):
    """A file.

    Attributes:
        inner: One, or None.
        hidden: Not in the file.
    """

    inner: Inner | None
    pair: tuple[str, tuple[float, ...]]
    kinds: list[Literal["a", "b"]]
    counts: Mapping[str, Count]
    hidden: int
    ends: Ends | None = None
    more: dict[str, Any] = field(default_factory=dict)


class Other(TypedDict):
    """What the file holds in another form."""

    kinds: list[Annotated[dict[str, Any], Fields("Open", (Inner,), is_open=True)]]
    day: Day


FORM = Fields("Whole", (Whole, Other), without=frozenset({"hidden"}), schema="whole/1")


@pytest.fixture(scope="module")
def written():
    return json_schema([FORM])


def test_a_file_is_known_by_its_schema_and_closed(written):
    whole = written["$defs"]["Whole"]
    assert written["anyOf"] == [{"$ref": "#/$defs/Whole"}]
    assert whole["properties"]["schema"]["const"] == "whole/1"
    assert whole["additionalProperties"] is False
    assert written["$defs"]["Open"]["additionalProperties"] is True


def test_what_has_a_default_may_be_missing(written):
    whole = written["$defs"]["Whole"]
    assert set(whole["properties"]) - set(whole["required"]) == {"ends", "more"}
    assert written["$defs"]["Inner"]["required"] == ["share"]
    assert "hidden" not in whole["properties"]


def test_docstrings_become_descriptions_in_the_words_of_json(written):
    whole = written["$defs"]["Whole"]
    assert whole["description"] == "A file."
    assert whole["properties"]["name"]["description"] == "What it is called, on two lines."
    assert whole["properties"]["inner"]["description"] == "One, or null."
    assert written["$defs"]["Inner"]["description"] == "Something inside; null where it is not."


def test_types_and_ranges(written):
    of = written["$defs"]["Whole"]["properties"]
    plain = {name: {key: value for key, value in what.items() if key != "description"} for name, what in of.items()}
    assert plain["inner"] == {"anyOf": [{"$ref": "#/$defs/Inner"}, {"type": "null"}]}
    numbers = {"type": "array", "items": {"type": "number"}}
    pair = {"prefixItems": [{"type": "string"}, numbers], "minItems": 2, "maxItems": 2}
    assert plain["pair"] == {"type": "array", **pair}
    assert plain["kinds"] == {"type": "array", "items": {"$ref": "#/$defs/Open"}}
    assert plain["counts"] == {"type": "object", "additionalProperties": {"type": "integer", "minimum": 0}}
    assert plain["ends"] == {"anyOf": [{**numbers, "minItems": 2, "maxItems": 2}, {"type": "null"}]}
    assert plain["more"] == {"type": "object", "additionalProperties": {}}
    assert written["$defs"]["Inner"]["properties"]["share"] == {"type": "number", "minimum": 0, "maximum": 1}
