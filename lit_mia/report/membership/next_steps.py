"""What to do after an audit of records, by its verdict, its power and its self-test."""

import shlex
from pathlib import Path

from lit_mia.metrics.evidence import Kind
from lit_mia.report.membership.schema import AuditReport
from lit_mia.report.membership.self_test.words import of_report
from lit_mia.report.membership.self_test_numbers import SelfTest
from lit_mia.report.words import count, number

WISHED = 0.55
"""The AUC of a small leak: an audit that would miss it can be wished more records."""
_OF_KIND: dict[Kind, str] = {
    "leakage beyond controls": "To see what a defence changes, audit the changed model about the same records and set "
    "both side by side: `lit-mia compare {folder} OTHER_FOLDER`.",
    "not detected at this power": "Audit attacks at another access level too, since this says nothing of those that "
    "were not tried: `lit-mia configs` lists them.",
    "design violated": "Look for what differs between the two sides beside the coin: controls tell them apart, which "
    "no coin allows. The report names the controls.",
    "suggestive (a shift read up to 1.5 times better would explain it)": "Let a coin decide what the next model is "
    "trained on, so that no shift can explain what is found: `lit-mia design --images FOLDER`.",
    "suggestive (weak placebo)": "Give a `placebo` that answers as well as the target and is asked the same way; the "
    "report says why this one is weak.",
    "suggestive (no placebo)": "Give a `placebo`: a target that saw neither members nor non-members, such as the model "
    "before the fine-tuning.",
    "not evidence (post hoc design)": "Audit non-members that were held out from the members' own source, or let a "
    "coin decide what the next model is trained on: `lit-mia design --images FOLDER`.",
    "not evidence (controls incomplete)": "Give the data an `encoder` that embeds images and captions, so that all "
    "controls can be learned.",
    "confounded": "Take members and non-members from one source: controls tell them apart without the target. The "
    "report names the controls.",
    "tool failure": "Give the data another `encoder`: captions do not find their own images by this one.",
}


def next_steps(report: AuditReport, self_test: SelfTest | None, folder: Path) -> list[str]:
    """The one thing to do next, as a sentence; the most useful of those that apply.

    Args:
        report: The numbers of the audit.
        self_test: The last self-test in its folder, of whatever configuration.
        folder: Its folder.
    """
    place, kind = shlex.quote(str(folder)), report.verdict["kind"]
    tested = report.shadow is not None or of_report(report, self_test) is not None
    if kind == "not detected at this power" and (more := _more_records(report)):
        return [more]
    if kind in ("leakage beyond controls", "not detected at this power") and not tested:
        return [
            "Ask how often such a verdict is wrong about these records: `lit-mia selftest --config "
            f"{place}/audit.yaml --output {place}`."
        ]
    return [sentence.format(folder=place) for known, sentence in _OF_KIND.items() if known == kind]


def records_for(auc: float, needed: float, records: int) -> int:
    """How many records would find a smaller leak as often, if the standard error falls with the root of their number.

    Args:
        auc: The AUC to be found, above 0.5.
        needed: The AUC that is found now.
        records: How many there are.
    """
    return round(records * ((needed - 0.5) / (auc - 0.5)) ** 2)


def _more_records(report: AuditReport) -> str | None:
    """How many records a small leak needs; None where these are enough, or nobody can tell."""
    needed = report.power["auc_needed"]
    if needed is None or needed <= WISHED:
        return None
    here = report.n_records
    return (
        f"A leak with an AUC below {number(needed)} would be missed here. One of {number(WISHED)} would be found four "
        f"times in five among about {count(records_for(WISHED, needed, here))} records; these are {count(here)}."
    )
