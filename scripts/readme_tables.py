"""Writes the measured tables into README.md: `python scripts/readme_tables.py`.

Reads `runs/openmoji/audit.json` (`lit-mia audit --config configs/audit/openmoji.yaml`), `runs/quickstart/audit.json`
(`scripts/quickstart.sh`) and `runs/transfer/transfer.csv` (`python scripts/transfer.py`).
"""

import csv
import re
from pathlib import Path

from lit_mia.report.schema import AuditReport, load_json
from lit_mia.report.table import markdown_table

README = Path("README.md")
AUDITS = ("quickstart", "openmoji")


def main() -> None:
    """Replace every marked block."""
    audits = {name: load_json(Path("runs") / name / "audit.json") for name in AUDITS}
    blocks = {
        "quickstart": measured(audits["openmoji"]),
        "transfer": transfer(Path("runs/transfer/transfer.csv")),
        "configs": configs(audits),
    }
    text = README.read_text()
    for name, block in blocks.items():
        pattern = rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)"
        text = re.sub(pattern, lambda found, block=block: f"{found[1]}{block}{found[2]}", text, flags=re.DOTALL)
    README.write_text(text)


def measured(report: AuditReport) -> str:
    """The table of an audit with its verdict and control null."""
    seeds = report.config["budget"]["seeds"]
    null = report.control_null
    lines = [
        f"Measured with {seeds} seeds (`configs/audit/openmoji.yaml`; the quickstart uses 3):",
        "",
        markdown_table(report),
        f"Verdict: **{report.verdict['kind']}**. {report.verdict['sentence']}",
    ]
    if null is not None:
        lines += [
            "",
            f"The largest control AUC is {null['max_control_auc']:.3f}; the 95th percentile of that maximum under "
            f"permuted labels is {null['quantile_95']:.3f}.",
        ]
    return "\n".join(lines) + "\n\n"


def transfer(path: Path) -> str:
    """The table of `transfer.py`."""
    rows = list(csv.DictReader(path.open()))
    title = "| head | start | share of the demo's training pairs | draws | test AUC, mean (range) |"
    lines = [title, "|:--|:--|--:|--:|--:|"]
    for row in rows:
        share = "none" if float(row["fraction"]) == 0 else f"{float(row['fraction']):.0%}"
        auc = row["mean_auc"] if row["draws"] == "1" else f"{row['mean_auc']} ({row['min_auc']}–{row['max_auc']})"
        lines.append(f"| {row['head']} | {row['start']} | {share} | {row['draws']} | {auc} |")
    return "\n".join(lines) + "\n\n"


def configs(audits: dict[str, AuditReport]) -> str:
    """Every runnable config with its command, and what it cost where it was run."""
    lines = ["| config | command | measured here |", "|:--|:--|:--|"]
    for kind in ("audit", "experiment"):
        for path in sorted(Path("configs", kind).glob("*.yaml")):
            command, note = path.read_text().splitlines()[0].removeprefix("# "), ""
            report = audits.get(path.stem) if kind == "audit" else None
            if report is not None:
                cost = report.cost
                note = f"{cost.seconds_total:.0f} s on 2 cores, {cost.queries} queries, {cost.nfe} NFE"
            elif path.stem == "own_target" or path.stem.startswith("wu_"):
                note = "not run here"
            lines.append(f"| `{path.parent.name}/{path.stem}` | `{command}` | {note} |")
    return "\n".join(lines) + "\n\n"


if __name__ == "__main__":
    main()
