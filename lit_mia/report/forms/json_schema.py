"""A JSON Schema (draft 2020-12) of Python types: ranges, field names and descriptions are those of the code."""

import inspect
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    Literal,
    NotRequired,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

from lit_mia.report.forms.fields import Fields

Schema = dict[str, Any]
_PLAIN: dict[Any, Schema] = {
    Any: {},
    NoneType: {"type": "null"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    str: {"type": "string"},
}
_ATTRIBUTE = re.compile(r"^    (\w+): (.+(?:\n {6,}.+)*)", re.MULTILINE)


def json_schema(files: Iterable[Fields]) -> Schema:
    """The schema of files, each known by its field `schema`.

    Args:
        files: What each kind of file holds.
    """
    definitions: Schema = {}
    whole = [_reference(of, definitions) for of in files]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Results of lit-mia",
        "anyOf": whole,
        "$defs": definitions,
    }


def described(doc: str | None) -> tuple[str, dict[str, str]]:
    """What a docstring says of a class, and of each of its attributes."""
    text = re.sub(r"\bNone\b", "null", inspect.cleandoc(doc or ""))
    head, _, rest = text.partition("\nAttributes:\n")
    said = {name: " ".join(words.split()) for name, words in _ATTRIBUTE.findall(rest)}
    return " ".join(head.split()), said


def _schema(form: Any, definitions: Schema) -> Schema:
    """The schema of a type; objects go to the definitions."""
    if form in _PLAIN:
        return dict(_PLAIN[form])
    if isinstance(form, type) and (is_dataclass(form) or is_typeddict(form)):
        return _reference(Fields(form.__name__, (form,)), definitions)
    origin = get_origin(form)
    return _GENERIC[origin](get_args(form), definitions)


def _reference(of: Fields, definitions: Schema) -> Schema:
    if of.name not in definitions:
        definitions[of.name] = {}  # before its fields, so that definitions are in the order of reading
        definitions[of.name] = _object(of, definitions)
    return {"$ref": f"#/$defs/{of.name}"}


def _object(of: Fields, definitions: Schema) -> Schema:
    hints: dict[str, Any] = {}
    needed: dict[str, bool] = {}
    about: dict[str, str] = {}
    for form in of.types:
        hints |= get_type_hints(form, include_extras=True)
        needed |= _required(form)
        for base in reversed(form.__mro__):
            about |= described(vars(base).get("__doc__"))[1]
    kept = [name for name in needed if name not in of.without]
    properties = {name: _described(_schema(hints[name], definitions), about.get(name)) for name in kept}
    if of.schema:
        needed |= {"schema": True}
        properties = {"schema": {}} | properties | {"schema": {"const": of.schema, "description": "Form of the file."}}
    return {
        "description": described(of.types[0].__doc__)[0],
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if needed[name]],
        "additionalProperties": of.is_open,
    }


def _required(form: type) -> dict[str, bool]:
    """Field → whether it must be there."""
    if is_dataclass(form):
        return {f.name: f.default is MISSING and f.default_factory is MISSING for f in fields(form)}
    keys: frozenset[str] = form.__required_keys__  # type: ignore[attr-defined]
    return {name: name in keys for name in get_type_hints(form)}


def _described(schema: Schema, words: str | None) -> Schema:
    return {**schema, "description": words} if words else schema


# ---------------------------------------------------------------------- types with arguments


def _annotated(args: Sequence[Any], definitions: Schema) -> Schema:
    form, said = args
    if isinstance(said, Fields):
        return _reference(said, definitions)
    limits: Schema = said.keywords()
    return _schema(form, definitions) | limits


def _inner(args: Sequence[Any], definitions: Schema) -> Schema:
    return _schema(args[0], definitions)


def _literal(args: Sequence[Any], definitions: Schema) -> Schema:
    return {"enum": list(args)}


def _union(args: Sequence[Any], definitions: Schema) -> Schema:
    return {"anyOf": [_schema(form, definitions) for form in args]}


def _list(args: Sequence[Any], definitions: Schema) -> Schema:
    return {"type": "array", "items": _schema(args[0], definitions)}


def _tuple(args: Sequence[Any], definitions: Schema) -> Schema:
    if args[-1] is Ellipsis:
        return _list(args, definitions)
    items = [_schema(form, definitions) for form in args]
    return {"type": "array", "prefixItems": items, "minItems": len(items), "maxItems": len(items)}


def _mapping(args: Sequence[Any], definitions: Schema) -> Schema:
    return {"type": "object", "additionalProperties": _schema(args[1], definitions)}


_GENERIC: dict[Any, Callable[[Sequence[Any], Schema], Schema]] = {
    Annotated: _annotated,
    Literal: _literal,
    list: _list,
    tuple: _tuple,
    NotRequired: _inner,
    **dict.fromkeys((Union, UnionType), _union),
    **dict.fromkeys((dict, Mapping), _mapping),
}
