"""What of a JSON value is not as a JSON Schema says, for the keywords that schemas of results use."""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lit_mia.report.forms.fields import Fields
from lit_mia.report.forms.json_schema import json_schema

_TYPES: Mapping[str, tuple[type, ...]] = {
    "null": (type(None),),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "string": (str,),
    "array": (list,),
    "object": (dict,),
}
_LONGEST = 60
_HALF = frozenset(map(chr, range(0xD800, 0xE000)))
"""Surrogates, of which a character has two in UTF-16, and none in UTF-8."""


@dataclass(frozen=True)
class Fault:
    """What is wrong with a file.

    Attributes:
        path: Where, e.g. `rows[1].auc`; empty of the whole.
        message: What.
    """

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


def faults_of(value: Any, schema: Mapping[str, Any], definitions: Mapping[str, Any], path: str = "") -> Iterator[Fault]:
    """Every place where a value is not of a schema.

    Args:
        value: As `json.loads` gives it.
        schema: The schema.
        definitions: What its references mean, by name.
        path: Of the value in its file.
    """
    if "$ref" in schema:
        yield from faults_of(value, definitions[schema["$ref"].rpartition("/")[-1]], definitions, path)
        return
    if "anyOf" in schema:
        branches = [list(faults_of(value, of, definitions, path)) for of in schema["anyOf"]]
        yield from min(reversed(branches) if value is None else branches, key=len)
        return
    if isinstance(value, float) and not math.isfinite(value):
        yield Fault(path, f"{shown(value)} is no number that JSON has")
        return
    if isinstance(value, str) and not _HALF.isdisjoint(value):
        yield Fault(path, f"{shown(value)} holds half a character, which no text can be written with")
        return
    if "type" in schema and not _is_of(value, schema["type"]):
        yield Fault(path, f"{shown(value)} is not of type {schema['type']}")
        return
    yield from (Fault(path, f"{shown(value)} {said}") for said in _limits(value, schema))
    for place, item, of in _parts(value, schema, path):
        yield from faults_of(item, of, definitions, place)
    if isinstance(value, dict):
        yield from _names(value, schema, path)


def first_fault(numbers: Mapping[str, Any], form: Fields) -> Fault | None:
    """A place where the numbers of a file are not of their form, if there is one.

    Args:
        numbers: What the file holds.
        form: What it should.
    """
    definitions = json_schema([form])["$defs"]
    return next(faults_of(numbers, definitions[form.name], definitions), None)


def shown(value: Any) -> str:
    """A value in few words."""
    text = f"{value!r}"
    return "null" if value is None else text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def below(path: str, name: str) -> str:
    """`rows[0].auc`; a name that is no word stands in brackets, as in `placebo_checks["II-S"]`."""
    if not name.isidentifier():
        return f'{path}["{name}"]'
    return f"{path}.{name}" if path else name


def _is_of(value: Any, name: str) -> bool:
    """Whether a value is of a type; a truth value is a number in Python, and none in JSON."""
    return isinstance(value, _TYPES[name]) and isinstance(value, bool) <= (name == "boolean")


_LIMITS: Mapping[str, tuple[Callable[[Any, Any], bool], str]] = {
    "const": (lambda value, limit: value == limit, "is not {}"),
    "enum": (lambda value, limit: value in limit, "is none of {}"),
    "minimum": (lambda value, limit: value >= limit, "is below {}"),
    "maximum": (lambda value, limit: value <= limit, "is above {}"),
    "pattern": (lambda value, limit: re.search(limit, value) is not None, "does not match {}"),
    "minItems": (lambda value, limit: len(value) >= limit, "has fewer than {} items"),
    "maxItems": (lambda value, limit: len(value) <= limit, "has more than {} items"),
}
"""Keyword → whether a value keeps to it, and what is said of one that does not."""


def _limits(value: Any, schema: Mapping[str, Any]) -> Iterator[str]:
    for keyword, (holds, words) in _LIMITS.items():
        if keyword in schema and not holds(value, schema[keyword]):
            limit = schema[keyword]
            yield words.format(", ".join(map(repr, limit)) if isinstance(limit, list) else limit)


def _parts(value: Any, schema: Mapping[str, Any], path: str) -> Iterator[tuple[str, Any, Mapping[str, Any]]]:
    """Place, value and schema of what a list or an object holds."""
    if isinstance(value, list):
        first = schema.get("prefixItems", [])
        for i, item in enumerate(value):
            yield f"{path}[{i}]", item, first[i] if i < len(first) else schema.get("items", {})
    elif isinstance(value, dict):
        further = schema.get("additionalProperties", {})
        for name, item in value.items():
            of = schema.get("properties", {}).get(name, further)
            yield below(path, name), item, of if isinstance(of, dict) else {}


def _names(value: Mapping[str, Any], schema: Mapping[str, Any], path: str) -> Iterator[Fault]:
    known = schema.get("properties", {})
    yield from (Fault(below(path, name), "is missing") for name in schema.get("required", ()) if name not in value)
    if schema.get("additionalProperties") is False:
        yield from (Fault(below(path, name), "is no field of this version") for name in value if name not in known)
