"""What is wrong with a JSON file of a result, of any kind."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lit_mia.audits.base import AUDIT_KINDS, kind_of_numbers
from lit_mia.audits.making import full_config
from lit_mia.errors import ConfigError
from lit_mia.report.base import read_object
from lit_mia.report.forms import Fault, Fields, faults_of, json_schema, outside_intervals
from lit_mia.report.forms.faults import shown
from lit_mia.report.membership.checks.self_test import FORM, contradictions


def schema() -> dict[str, Any]:
    """The JSON Schema of the files of all kinds of audit."""
    return json_schema(_forms())


def faults_in(path: Path, whole: bool = False) -> Iterator[Fault]:
    """What is wrong with one JSON file of a result, and what does not agree with the files beside it.

    Args:
        path: The file.
        whole: Whether the files that its numbers come from have to be there; else those that are there are compared.

    Raises:
        ReportError: If it is missing or holds no JSON object.
    """
    numbers = read_object(path)
    form = next((form for form in _forms() if form.schema == numbers.get("schema")), None)
    if form is None:
        known = ", ".join(form.schema for form in _forms())
        yield Fault("schema", f"{shown(numbers.get('schema'))} is not read by this version, which reads {known}")
        return
    definitions = schema()["$defs"]
    declared = definitions[form.name]["properties"]
    measured = {name: of for name, of in numbers.items() if declared.get(name, {}).get("additionalProperties") != {}}
    faults = [*faults_of(numbers, definitions[form.name], definitions), *outside_intervals(measured)]
    yield from faults
    kind = kind_of_numbers(numbers)
    if kind is not None and whole:
        missing = [name for name in kind.result.beside if not (path.parent / name).is_file()]
        yield from (Fault(name, "is missing beside it, so its numbers cannot be recomputed") for name in missing)
    if not faults:
        yield from contradictions(numbers) if kind is None else kind.result.faults(path.parent, numbers)


def faults_of_config(path: Path) -> Iterator[Fault]:
    """What this version does not understand of the configuration of an audit.

    The modules of the classes that it names are imported.

    Args:
        path: The file.
    """
    numbers = read_object(path)
    config, kind = numbers.get("config"), kind_of_numbers(numbers)
    try:
        if kind is not None and isinstance(config, dict):
            full_config(kind.audit, config)
    except ConfigError as error:
        yield Fault("config", " ".join(str(error).split()))


def _forms() -> list[Fields]:
    return [*(kind.result.form() for kind in AUDIT_KINDS), FORM]
