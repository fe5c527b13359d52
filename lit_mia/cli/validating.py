"""The command that checks the files of a finished audit, and Lightning's command of the same name."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from jsonargparse import ArgumentParser

from lit_mia.audits.base import AUDIT_KINDS, AuditKind
from lit_mia.audits.making import full_config
from lit_mia.errors import ConfigError
from lit_mia.report.base import NUMBERS, read_object
from lit_mia.report.forms import Fault, Fields, faults_of, json_schema, outside_intervals
from lit_mia.report.forms.faults import shown
from lit_mia.report.membership.checks.self_test import FORM, contradictions
from lit_mia.report.membership.self_test_numbers import SELF_TEST


def validate(command: str, args: Sequence[str]) -> object:
    """Check the numbers of a finished audit: form, ranges, sums, verdict, config, and the files beside them.

    Every fault is one line, with its place in the file. Exit status: 0 without faults, 1 with some, 2 if a file cannot
    be read.

    Args:
        command: `validate`.
        args: A file or a folder; or options, which are for Lightning's command.
    """
    if not args or args[0].startswith("-"):
        from lit_mia.cli.lightning_cli import run_lightning

        return run_lightning(command, args)
    parser = ArgumentParser(prog=f"lit-mia {command}", description=validate.__doc__)
    parser.add_argument("path", type=str, help="An `audit.json`, or the folder of a finished audit of any kind.")
    path = Path(parser.parse_args(list(args)).path).expanduser()
    found = {file.name: [*faults_in(file, whole=path.is_dir())] for file in _files(path)}
    for name, faults in found.items():
        for fault in faults:
            print(f"{name}: {fault}")
    if any(found.values()):
        raise SystemExit(1)
    print(f"{path}: {' and '.join(found)} of a form that this version reads, complete and consistent.")
    return None


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
    kind = next((kind for kind in AUDIT_KINDS if kind.result.schema == form.schema), None)
    if kind is not None and whole:
        missing = [name for name in kind.result.beside if not (path.parent / name).is_file()]
        yield from (Fault(name, "is missing beside it, so its numbers cannot be recomputed") for name in missing)
    if not faults:
        yield from contradictions(numbers) if kind is None else _disagreements(kind, path.parent, numbers)


def _files(path: Path) -> list[Path]:
    """The file, or the files of a folder that hold numbers."""
    if not path.is_dir():
        return [path]
    return [path / NUMBERS, *(path / name for name in (SELF_TEST,) if (path / name).is_file())]


def _forms() -> list[Fields]:
    return [*(kind.result.form() for kind in AUDIT_KINDS), FORM]


def _disagreements(kind: AuditKind, folder: Path, numbers: Mapping[str, Any]) -> Iterator[Fault]:
    """Faults of an audit whose numbers are of their form."""
    yield from kind.result.faults(folder, numbers)
    try:
        full_config(kind.audit, numbers["config"])
    except ConfigError as error:
        yield Fault("config", " ".join(str(error).split()))
