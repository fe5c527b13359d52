"""The commands `audit`, `query` and `report` for identity inference: a config that names `people`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from lit_mia.audit.identity import IdentityAudit
from lit_mia.cli.commands import SAVED_CONFIG, Parsed, add_page_options, parse_config, print_estimates
from lit_mia.report.identity_schema import IdentityReport

if TYPE_CHECKING:
    from rich.table import Table

    from lit_mia.report.identity_html import Portrait


def audit(args: Sequence[str]) -> IdentityReport | None:
    """Run an identity audit: the whole way from one YAML to numbers and report page."""
    parsed = parse_identity("audit", args)
    if parsed.options.dry_run:
        print_estimates(parsed.made.estimate())
        return None
    from rich.console import Console

    from lit_mia.report.identity_write import write_identity

    report, lines = parsed.made.run(parsed.name, parsed.config)
    page = write_identity(report, lines, parsed.output, portraits(parsed.made) if parsed.options.gallery else None)
    (parsed.output / SAVED_CONFIG).write_text(yaml.safe_dump(parsed.config, sort_keys=False))
    if parsed.options.logger:
        from lit_mia.report.identity_tracking import log_identity

        log_identity(parsed.options.logger, report, lines)
    Console().print(_table(report))
    print(f"\n{report.verdict['kind'].capitalize()}. {report.verdict['sentence']}")
    print(f"\nNumbers: {parsed.output / 'audit.json'}\nReport:  {page}")
    return report


def query(args: Sequence[str]) -> None:
    """Compute the embeddings of an identity audit, and do nothing else."""
    parsed = parse_identity("query", args)
    if parsed.options.dry_run:
        print_estimates(parsed.made.estimate())
        return
    for name, cost in parsed.made.query().items():
        print(f"{name}: {cost.queries} embeddings, {cost.seconds:.0f} s")


def parse_identity(command: str, args: Sequence[str]) -> Parsed[IdentityAudit]:
    """Read the command line of `audit` or `query` of an identity audit."""
    return parse_config(command, args, IdentityAudit, "audit/idia_demo", add_page_options)


def rebuild(folder: Path, gallery: bool) -> Path:
    """Rebuild the page of a finished identity audit.

    Args:
        folder: Its output folder.
        gallery: Whether to show a picture of each person.
    """
    from lit_mia.report.identity_write import rebuild_identity

    saved = ["--config", str(folder / SAVED_CONFIG)]
    return rebuild_identity(folder, portraits(parse_identity("audit", saved).made) if gallery else None)


def portraits(audit: IdentityAudit) -> "list[Portrait]":
    """The first readable image of every person."""
    from lit_mia.report.identity_html import Portrait

    audit.data.prepare_data()
    people, shown = audit.data.people, []
    for row in audit.data.usable(audit.attack):
        first = int(audit.data.readable(row, audit.attack).argmax())
        shown.append(Portrait(people.names[row], people.open_image(row, first)))
    return shown


def _table(report: IdentityReport) -> "Table":
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    from lit_mia.report.cells import number, percent
    from lit_mia.report.identity_html import rate_cell

    people, n = report.people, report.setting["images"][-1]
    title = f"n = {n} images, {people['member']} members, {people['non_member']} non-members"
    table = Table(title=title, box=box.SIMPLE_HEAD, show_edge=False, title_justify="left", padding=(0, 1, 0, 0))
    table.add_column("Model", min_width=10)
    for heading in ("τ", "TPR % [95 % CI]", "FPR % [95 % CI]", "Bound", "E[D]/M", "AUC", "Pass"):
        table.add_column(escape(heading), justify="right", no_wrap=True)
    for row in report.rows:
        for first, point in zip((True, *(False,) * len(row.points)), row.points, strict=False):
            mark = {None: "", True: "✓", False: "✗"}[row.passes]
            rates = [escape(rate_cell(rate).removesuffix("\u00a0%")) for rate in (point.tpr, point.fpr)]
            ends = [number(row.auc), mark] if first else ["", ""]
            name = row.name if first else ""
            table.add_row(name, str(point.threshold), *rates, percent(point.bound), percent(point.expected), *ends)
    return table
