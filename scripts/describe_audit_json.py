"""Writes docs/audit.schema.json and the tables of docs/audit_json.md: `python scripts/describe_audit_json.py`."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lit_mia.audits.kinds  # noqa: F401 (the kinds whose files are described)
from lit_mia.cli.faults import schema

DOCS = Path(__file__).parent.parent / "docs"
SCHEMA, TABLES = DOCS / "audit.schema.json", DOCS / "audit_json.md"
MARK = "<!-- What follows is written by scripts/describe_audit_json.py. -->\n"


def schema_text() -> str:
    """The JSON Schema of the files of all kinds of audit."""
    return json.dumps(schema(), indent=1, ensure_ascii=False) + "\n"


def tables_text() -> str:
    """A section for each object: what it is, and its fields."""
    return "\n".join(section(name, of) for name, of in schema()["$defs"].items())


def section(name: str, of: dict[str, Any]) -> str:
    """One object as a heading, a sentence and a table."""
    lines = [
        f"| `{field}` | {cell(kind_of(what))} | {cell(what.get('description', ''))} |" for field, what in fields(of)
    ]
    table = "\n".join(["| Field | Value | Meaning |", "|:--|:--|:--|", *lines])
    return f"## {name}\n\n{of['description']}\n\n{table}\n"


def fields(of: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The fields of an object; those that may be missing have a question mark."""
    for name, what in of["properties"].items():
        yield name + ("" if name in of["required"] else "?"), what


def kind_of(of: dict[str, Any]) -> str:
    """A schema in few words, with links to the objects of this page."""
    if "$ref" in of:
        name = of["$ref"].rpartition("/")[-1]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in of:
        return " or ".join(map(kind_of, of["anyOf"]))
    if "const" in of or "enum" in of:
        return ", ".join(f"`{value}`" for value in of.get("enum", [of.get("const")]))
    if "prefixItems" in of:
        return f"[{', '.join(map(kind_of, of['prefixItems']))}]"
    if of.get("type") == "array":
        return f"list of {of.get('minItems', '')} {kind_of(of['items'])}".replace("  ", " ")
    if of.get("type") == "object":
        return f"name → {kind_of(of['additionalProperties'])}"
    return of.get("type", "any") + range_of(of)


def range_of(of: dict[str, Any]) -> str:
    """The range of a number, the pattern of a text."""
    low, high = of.get("minimum"), of.get("maximum")
    if low is not None:
        return f" ≥ {low}" if high is None else f" in [{low}, {high}]"
    return f" like `{of['pattern']}`" if "pattern" in of else ""


def cell(text: str) -> str:
    """Text in a cell of a table."""
    return text.replace("|", "\\|").replace("<", "&lt;")


if __name__ == "__main__":
    SCHEMA.write_text(schema_text(), encoding="utf-8")
    head = TABLES.read_text(encoding="utf-8").partition(MARK)[0]
    TABLES.write_text(head + MARK + "\n" + tables_text(), encoding="utf-8")
