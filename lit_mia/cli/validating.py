"""The command that checks the files of a finished audit, and Lightning's command of the same name."""

from collections.abc import Sequence
from pathlib import Path

from jsonargparse import ArgumentParser

from lit_mia.cli.faults import faults_in, faults_of_config
from lit_mia.errors import CommandError
from lit_mia.report.base import NUMBERS
from lit_mia.report.helping import CommandParser, description
from lit_mia.report.membership.self_test_numbers import SELF_TEST
from lit_mia.report.telling import EPILOG, answer


def validate(command: str, args: Sequence[str]) -> object:
    """Check the numbers of a finished audit: form, ranges, sums, verdict, config, and the files beside them.

    Every fault is one line, with its place in the file. Exit status: 0 without faults, 1 with some, 2 if a file cannot
    be read.

    Args:
        command: `validate`.
        args: A file or a folder; or options, which are for Lightning's command.

    Raises:
        CommandError: If there is neither.
    """
    if not args:
        raise CommandError(
            f"`lit-mia {command}` needs the folder of a finished audit, or `--config FILE` and a trained head."
        )
    if args[0].startswith("-"):
        from lit_mia.cli.lightning_cli import run_lightning

        return run_lightning(command, args)
    path = Path(parser(command).parse_args(list(args)).path).expanduser()
    found = {file.name: [*faults_in(file, whole=path.is_dir()), *faults_of_config(file)] for file in _files(path)}
    for name, faults in found.items():
        for fault in faults:
            print(f"{name}: {fault}")
    number = sum(map(len, found.values()))
    valid = f"{path}: {' and '.join(found)} of a form that this version reads, complete and consistent."
    listed = {name: [str(fault) for fault in faults] for name, faults in found.items()}
    if number:
        answer(f"{path}: {number} faults.", {"valid": False, "faults": listed})
        raise SystemExit(1)
    print(valid)
    answer(valid, {"valid": True, "faults": listed})
    return None


def parser(command: str) -> ArgumentParser:
    """Its parser.

    Args:
        command: `validate`.
    """
    made = CommandParser(prog=f"lit-mia {command}", description=description(validate), epilog=EPILOG)
    made.add_argument("path", type=str, help="An `audit.json`, or the folder of a finished audit of any kind.")
    return made


def _files(path: Path) -> list[Path]:
    """The file, or the files of a folder that hold numbers."""
    if not path.is_dir():
        return [path]
    tested = path / SELF_TEST
    return [path / NUMBERS, *([tested] if tested.is_file() else [])]
