"""The options `--fail-if` and `--junit`: the exit status of a command says whether an audit passes a gate."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Self, final

from jsonargparse import ArgumentParser, Namespace

from lit_mia.audits.base import Audit
from lit_mia.audits.membership import MembershipAudit
from lit_mia.cli.faults import faults_in
from lit_mia.errors import GateError
from lit_mia.report.base import Result
from lit_mia.report.membership import MembershipResult
from lit_mia.report.membership.gate import (
    Check,
    Condition,
    check,
    exit_code,
    properties,
    read_condition,
    spoken,
    write_junit,
)
from lit_mia.report.telling import say_always

UNFINISHED = "The command ended before anything could be evaluated."


def add_gate(parser: ArgumentParser) -> None:
    """Add the options of a gate."""
    parser.add_argument(
        "--fail-if",
        type=str,
        action="extend",
        nargs=1,
        metavar="CONDITION",
        help='Exit with 1 if it holds for any attack, such as "dAUC.hi > 0.05", and with 2 if nobody can tell. May be '
        "given several times. See docs/gate.md.",
    )
    parser.add_argument("--junit", type=str, metavar="FILE", help="Write what became of each as JUnit XML.")


@final
@dataclass(frozen=True)
class Gate:
    """What an audit is held against; without conditions, everything passes in silence.

    Attributes:
        conditions: It fails if one of them holds.
        junit: Where the answers are written; None for nowhere.
    """

    conditions: tuple[Condition, ...]
    junit: Path | None

    @classmethod
    def of(cls, options: Namespace) -> Self:
        """The gate of a command line. From now on its file says that the audit did not come to an end.

        Raises:
            GateError: If a condition cannot be read, nothing would be evaluated, or the file cannot be written.
        """
        gate = cls(
            tuple(map(read_condition, options.fail_if or ())), None if options.junit is None else Path(options.junit)
        )
        if gate.junit is not None and not gate.conditions:
            raise GateError("`--junit` writes what became of conditions, but there is none. Add `--fail-if CONDITION`.")
        if gate.conditions and options.get("dry_run"):
            raise GateError("`--dry-run` measures nothing that `--fail-if` could hold for. Leave one of them out.")
        gate._write("unfinished", [Check(condition, "unknown", UNFINISHED) for condition in gate.conditions], {})
        return gate

    def check_kind(self, made: Audit | Result) -> None:
        """Refuse what has no attacks that could be held against anything.

        Raises:
            GateError: If there are conditions, and it is no audit of records or the result of one.
        """
        if self.conditions and not isinstance(made, MembershipAudit | MembershipResult):
            raise GateError(
                "`--fail-if` is for audits of records, such as audit/quickstart, not for audits of people or of copies "
                "and not for sweeps, which have no such verdict. Leave it out."
            )

    def check_numbers(self, file: Path) -> None:
        """Refuse numbers that are not of their form, or that contradict each other or the files beside them.

        Args:
            file: The `audit.json` that is asked.

        Raises:
            GateError: If there are conditions, and `lit-mia validate` finds a fault in the numbers.
        """
        faults = [*faults_in(file)] if self.conditions else []
        if faults:
            raise GateError(
                f"`--fail-if` asks numbers that cannot be right: {file.name}: {faults[0]} ({len(faults)} in all). "
                f"`lit-mia validate {file.parent}` names them; run the audit again."
            )

    def close(self, result: Result) -> None:
        """Say whether a result passes, and end the program with 1 or 2 if it does not.

        Raises:
            GateError: If it is not the result of an audit of records, or the file cannot be written.
        """
        self.check_kind(result)
        if not self.conditions or not isinstance(result, MembershipResult):
            return
        checks = [check(condition, result.report) for condition in self.conditions]
        say_always(f"\n{spoken(checks, result.report)}")
        self._write(result.report.name, checks, properties(result.report))
        if code := exit_code(checks):
            sys.exit(code)

    def _write(self, name: str, checks: list[Check], said: dict[str, str]) -> None:
        if self.junit is None:
            return
        file = self.junit.expanduser()
        try:
            held = file.read_bytes() if file.is_file() else b""
            if held and b"<testsuite" not in held:
                raise GateError(f"`--junit {file}` would take the place of what that file holds. Give another file.")
            write_junit(file, f"lit-mia gate: {name}", checks, said)
        except (OSError, ValueError) as error:  # the latter of a path without a name, such as `.`
            raise GateError(f"`--junit` cannot be written: {error}. Give another file.") from error
