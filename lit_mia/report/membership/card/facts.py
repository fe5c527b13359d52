"""What a membership audit rests on, as a table of questions and answers."""

from dataclasses import dataclass

from lit_mia.files import key_digest
from lit_mia.report.columns import Cell, Column, Table, table_of
from lit_mia.report.membership.briefing.access import to_whom
from lit_mia.report.membership.briefing.cost import at_what_cost
from lit_mia.report.membership.briefing.evidence import against_what, how_sure
from lit_mia.report.membership.configuration import key_of
from lit_mia.report.membership.notes import tried_note
from lit_mia.report.membership.schema import AuditReport
from lit_mia.report.membership.self_test_numbers import SelfTest

_SHORT = 16
"""Digits of a SHA-256 that are shown."""


@dataclass(frozen=True)
class _Fact:
    """An answer."""

    question: str
    answer: str


def fact_table(report: AuditReport, test: SelfTest | None) -> Table:
    """What was audited, to whom it leaks, how sure that is, against what, at what cost, and how it is traced.

    Args:
        report: The numbers.
        test: The last self-test in the folder of the audit.
    """
    answers = {
        "Audited": [_audited(report)],
        "To whom": to_whom(report),
        "How sure": how_sure(report, test),
        "Against what": against_what(report),
        "At what cost": at_what_cost(report),
        "Tried on these test records": [f"{tried_note(report)}, as far as is known where the audit ran."],
        "By": [_by(report)],
        "SHA-256": [_digests(report)],
    }
    facts = [_Fact(question, " ".join(sentences)) for question, sentences in answers.items()]
    return table_of(
        "Question",
        (Column[_Fact]("answer", "Answer", lambda fact: Cell(fact.answer), left=True),),
        [facts],
        "markdown",
        name=lambda fact: fact.question,
        kind=lambda _: "attack",
        strong=lambda _: True,
    )


def _audited(report: AuditReport) -> str:
    """The target by its class and by the digest of its fingerprint, which holds no path."""
    pipeline = report.target.get("pipeline")
    return f"{f'{pipeline}, ' if pipeline else ''}fingerprint `{key_digest(report.target)[:_SHORT]}`."


def _by(report: AuditReport) -> str:
    versions = ", ".join(f"{package} {version}" for package, version in report.versions.items())
    commit = f" Commit `{report.git[:_SHORT]}`." if report.git else ""
    return f"{report.created}, {versions}.{commit}"


def _digests(report: AuditReport) -> str:
    digests = {"configuration": key_of(report), "splits": report.splits["digest"], "answers": report.store_digest}
    return ", ".join(f"{what} `{digest[:_SHORT]}`" for what, digest in digests.items()) + "."
