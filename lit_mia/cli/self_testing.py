"""The command that tests an audit itself."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

from jsonargparse import ArgumentParser
from rich.console import Console

from lit_mia.audits.base import load_result
from lit_mia.audits.making import maker
from lit_mia.audits.membership import MembershipAudit
from lit_mia.audits.self_test.running import Effort, expecting, run_self_test
from lit_mia.cli.classes import plugins
from lit_mia.cli.commands import Parsed, only_asks, parse, print_estimates
from lit_mia.errors import CommandError
from lit_mia.folders import check_writable
from lit_mia.report.base import NUMBERS
from lit_mia.report.membership import MembershipResult
from lit_mia.report.membership.self_test import terminal
from lit_mia.report.membership.self_test.words import self_test_findings
from lit_mia.report.membership.self_test_numbers import SELF_TEST, SelfTest
from lit_mia.report.telling import answer


def measure(command: str, args: Sequence[str]) -> SelfTest | None:
    """Audit what a target answered with labels drawn anew: how often the verdict is wrong, and what it finds.

    Args:
        command: `selftest`.
        args: What follows it.

    Raises:
        CommandError: If the config is not of a membership audit.
    """
    parsed = parse(command, args, further=add_effort)
    if not isinstance(parsed.audit, MembershipAudit):
        raise CommandError(
            f"`lit-mia {command}` tests audits of records, such as audit/quickstart, not of people or of copies."
        )
    effort = Effort(**{name: parsed.options[name] for name in Effort.__dataclass_fields__})
    if parsed.dry_run:
        print_estimates(expecting(parsed.audit))
        return None
    if only_asks(parsed.audit):
        return None
    check_writable(parsed.run.output)
    found = run_self_test(partial(audit_of, parsed.run.config), parsed.run, effort)
    Console().print(terminal(found))
    print(f"\nNumbers: {parsed.run.output / SELF_TEST}")
    if (parsed.run.output / NUMBERS).is_file():
        print(f"Report:  {_with_page(parsed)}")
    answer(" ".join(self_test_findings(found)), asdict(found))
    return found


def add_effort(parser: ArgumentParser) -> None:
    """Add how much a self-test does."""
    parser.add_class_arguments(Effort)


def audit_of(config: Mapping[str, Any]) -> MembershipAudit:
    """The audit of a config, in whichever process.

    Args:
        config: Its arguments as YAML values.
    """
    plugins()
    return maker(MembershipAudit, config)()


def _with_page(parsed: Parsed) -> object:
    """The page of the finished audit in the same folder, made anew."""
    result = load_result(parsed.run.output)
    shown = parsed.gallery and isinstance(result, MembershipResult)
    return result.save_page(parsed.run.output, parsed.audit.pictures(result) if shown else ())
