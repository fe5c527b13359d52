"""Writes the measured tables into README.md and docs/transfer.md: `python scripts/readme_tables.py`.

Reads `audit.json` of `runs/openmoji`, `runs/openmoji_seq2seq` and `runs/openmoji_blip`, of the statistic audits under
both protocols (`runs/openmoji_statistics`, `runs/openmoji_statistics-resnet`, `runs/openmoji_ddpm`,
`runs/openmoji_ddpm-resnet`), the `sweep.csv` of `runs/rediffuse_{n,t,k}`, the tables of the ablations of trained heads,
and `runs/openmoji_shadow_attack`; README.md names the commands. A table of which a run is missing stays as it is.
"""

import csv
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from lit_mia.errors import ReportError
from lit_mia.report.base import NUMBERS, read_numbers
from lit_mia.report.columns import Cell
from lit_mia.report.membership import MembershipResult
from lit_mia.report.membership.columns import COLUMNS
from lit_mia.report.membership.schema import Row

README, TRANSFER = Path("README.md"), Path("docs/transfer.md")
FAMILIES = {"openmoji_statistics": "Latent demo target", "openmoji_ddpm": "Pixel-space demo target"}
SIX_HEADS = {
    "openmoji": "latent diffusion",
    "openmoji_seq2seq": "sequence to sequence",
    "openmoji_blip": "latent, BLIP captions",
}
ABLATIONS = {
    "auxiliary_fraction": "share of the auxiliary training records",
    "steps": "denoising steps",
    "guidance": "guidance",
    "images_per_record": "images per record",
    "captioner": "captioner",
    "operation": "operation on embeddings",
    "modality": "operation, same (II-S) and cross modality (III)",
    "encoder": "encoder",
}
STARTS = {"shadow, then demo": "auxiliary_fraction_fine_tuned", "demo alone": "auxiliary_fraction"}
"""What heads learned from → the ablation over the share of the demo's training records."""
SHARE = "data.init_args.train_fraction"
SWEEPS = {"rediffuse_n": "n", "rediffuse_t": "t", "rediffuse_k": "k"}


def main() -> None:
    """Replace every marked block whose runs are there."""
    text = README.read_text(encoding="utf-8")
    blocks: dict[str, Callable[[], str]] = {
        "quickstart": lambda: measured(result_of("openmoji")),
        "statistics": lambda: "".join(family(name, title) for name, title in FAMILIES.items()),
        "families": lambda: families({title: result_of(name) for name, title in SIX_HEADS.items()}),
        "heads": heads,
        "ablation": ablation,
        "noise": noise,
        "transfer": transfer,
        "fine-tuning": fine_tuning,
        "configs": lambda: configs(dict(re.findall(r"^\| `(\w+/\w+)` \| `.+` \| (.*) \|$", text, re.MULTILINE))),
    }
    updated = {path: path.read_text(encoding="utf-8") for path in (README, TRANSFER)}
    for name, make in blocks.items():
        try:
            block = make()
        except (FileNotFoundError, ReportError) as missing:
            print(f"{name} stays as it is: {missing}")
            continue
        pattern = rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)"
        for path, old in updated.items():
            updated[path] = re.sub(
                pattern, lambda found, block=block: found[1] + block + found[2], old, flags=re.DOTALL
            )
    for path, new in updated.items():
        path.write_text(new, encoding="utf-8")


def result_of(name: str) -> MembershipResult:
    """A finished audit in `runs`."""
    folder = Path("runs") / name
    return MembershipResult.load(folder, read_numbers(folder))


def written(row: Row, column: str) -> Cell:
    """A value of a row as tables write it in little room."""
    entry = COLUMNS[column]
    return (entry.brief or entry.write)(row)


def measured(result: MembershipResult) -> str:
    """The table of an audit with its verdict and control null."""
    report = result.report
    seeds = report.config["budget"]["seeds"]
    null = report.control_null
    lines = [
        f"Measured with {seeds} seeds (`configs/audit/openmoji.yaml`; the quickstart uses 3):",
        "",
        result.markdown(),
        f"Verdict: **{report.verdict['kind']}**. {report.verdict['sentence']}",
    ]
    if null is not None:
        lines += [
            "",
            f"The largest control AUC is {null['max_control_auc']:.3f}; the 95th percentile of that maximum "
            f"among useless controls is {null['quantile_95']:.3f}.",
        ]
    return "\n".join(lines) + "\n\n"


def family(name: str, title: str) -> str:
    """The attacks of a statistic audit, one table for each protocol."""
    parts = []
    for protocol, suffix in (("threshold", ""), ("resnet", "-resnet")):
        result = result_of(f"{name}{suffix}")
        test = result.report.splits["sizes"]["test"]
        parts += [
            f"{title}, protocol `{protocol}` (test: {test['member']} members, {test['non_member']} non-members):",
            "",
            "| attack | setting | evaluations alone | AUC [95 % CI] | accuracy | TPR@10 % FPR | largest control | "
            "ΔAUC to it, smallest ends of all | shift factor | finding |",
            "|:--|:--|--:|--:|--:|--:|:--|--:|--:|:--|",
            *(family_line(result, row) for row in result.attacks),
            "",
        ]
    return "\n".join(parts) + "\n"


def family_line(result: MembershipResult, row: Row) -> str:
    """An attack and the control that came closest, which has the largest AUC and so the smallest difference."""
    control = next(r for r in result.report.rows if r.name == row["smallest_difference"]["control"])
    tpr = COLUMNS["tpr"].parts
    first = tpr([row])[0].brief if tpr else None
    values = [row.name, row["setting"] or "", str(row["evaluations"]), written(row, "auc").line]
    values += [written(row, "accuracy").text, first(row).text if first else ""]
    values += [f"{control.kind} {control['auc']:.3f}", written(row, "smallest_difference").line]
    values += [written(row, column).text for column in ("ratio_lo", "outcome")]
    return f"| {' | '.join(values)} |"


def families(audits: Mapping[str, MembershipResult]) -> str:
    """The six heads and their controls on each target, side by side; all audits have the same rows."""
    reports = {title: audit.report for title, audit in audits.items()}
    lines = ["| | " + " | ".join(reports) + " |", "|:--|" + "--:|" * len(reports)]
    for row in next(iter(reports.values())).rows:
        of_targets = [next(r for r in report.rows if r.name == row.name) for report in reports.values()]
        title = f"**{row.name}**" if row.kind == "attack" else f" {row.name}"
        lines.append(f"| {title} | " + " | ".join(family_cell(r) for r in of_targets) + " |")
    return "\n".join(lines) + "\n\n"


def family_cell(row: Row) -> str:
    """AUC with its interval, and what was found of an attack."""
    return f"{written(row, 'auc').line} {written(row, 'outcome').text}".strip()


def heads() -> str:
    """AUC of trained heads over every setting that was measured."""
    tables = [over(Path("runs", name), title) for name, title in ABLATIONS.items() if Path("runs", name).is_dir()]
    if not tables:
        raise FileNotFoundError(f"none of runs/{', runs/'.join(ABLATIONS)} is there")
    return "".join(tables)


def over(folder: Path, title: str) -> str:
    """AUC of trained heads over one setting of an audit."""
    axis = read_numbers(folder)["axis"]
    summary = list(csv.DictReader((folder / "summary.csv").open(encoding="utf-8")))
    points = list(csv.DictReader((folder / "ablation.csv").open(encoding="utf-8")))
    values = list(dict.fromkeys(row[axis] for row in summary if row["kind"] == "attack"))
    lines = [f"| {title} | {' | '.join(values)} |", f"|:--|{'--:|' * len(values)}"]
    for attack in dict.fromkeys(row["attack"] for row in summary):
        rows = {row[axis]: row for row in summary if row["attack"] == attack and row["kind"] == "attack"}
        lines.append(f"| {attack} | {' | '.join(head_cell(rows[value]) for value in values)} |")
    for side in ("members", "nonmembers"):
        of_value = {point[axis]: point[f"fid_{side}"] for point in points if point["fid_members"]}
        if of_value:
            distances = " | ".join(f"{float(of_value[value]):.3f}" for value in values)
            lines.append(f"| FID of {side.replace('non', 'non-')} | {distances} |")
    return "\n".join([*lines, ""]) + "\n"


def head_cell(row: dict[str, str]) -> str:
    """Mean AUC with its interval, and the range over n repetitions."""
    auc, lo, hi, least, most = (float(row[name]) for name in ("auc", "auc_lo", "auc_hi", "auc_min", "auc_max"))
    several = f"; {least:.2f}–{most:.2f} over {row['n']}" if row["n"] != "1" else ""
    return f"{auc:.3f} [{lo:.2f}, {hi:.2f}{several}]"


def ablation() -> str:
    """AUC over one setting of ReDiffuse, a line each."""
    lines = []
    for name, swept in SWEEPS.items():
        rows = list(csv.DictReader((Path("runs") / name / "sweep.csv").open(encoding="utf-8")))
        fixed = ", ".join(f"{other} = {rows[0][other]}" for other in ("t", "k", "n") if other != swept)
        lines += [
            f"| {swept} ({fixed}) | {' | '.join(row[swept] for row in rows)} |",
            f"|:--|{'--:|' * len(rows)}",
            "| AUC | " + " | ".join(f"{float(row['auc']):.3f}" for row in rows) + " |",
            "| 95 % CI | "
            + " | ".join(f"{float(row['auc_lo']):.2f}–{float(row['auc_hi']):.2f}" for row in rows)
            + " |",
            "",
        ]
    return "\n".join(lines) + "\n"


def noise() -> str:
    """The noise error of the pixel-space demo target."""
    rows = list(
        csv.DictReader(
            Path("lit_mia/assets/targets/openmoji-ddpm/noise_error.csv").read_text(encoding="utf-8").splitlines()
        )
    )
    lines = ["| | " + " | ".join(f"t = {row['t']}" for row in rows) + " |", f"|:--|{'--:|' * len(rows)}"]
    for side in ("members", "neither side"):
        lines.append(f"| {side} | " + " | ".join(f"{float(row[side]):.3f}" for row in rows) + " |")
    return "\n".join(lines) + "\n\n"


def transfer() -> str:
    """Heads that learned on the shadow, tested on the demo target, beside the control that came closest."""
    audit = result_of("openmoji_shadow_attack")
    lines = ["| head | AUC [95 % CI] | placebo | largest control | ΔAUC to it, smallest ends of all | finding |"]
    lines.append("|:--|--:|--:|:--|--:|:--|")
    for row in audit.attacks:
        control = next(r for r in audit.report.rows if r.name == row["smallest_difference"]["control"])
        placebo = next(r for r in audit.report.rows if r.name == f"{row.name} placebo")
        values = [row.name, written(row, "auc").line, f"{placebo['auc']:.3f}", f"{control.kind} {control['auc']:.3f}"]
        values += [written(row, "smallest_difference").line, written(row, "outcome").text]
        lines.append(f"| {' | '.join(values)} |")
    return "\n".join(lines) + "\n\n"


def fine_tuning() -> str:
    """AUC on val of heads that learned on shares of the demo's records, on the shadow before or not."""
    lines = [
        "| head | learned from | share of the demo's training records | AUC on val [95 % CI] |",
        "|:--|:--|--:|--:|",
    ]
    for start, name in STARTS.items():
        rows = csv.DictReader(Path("runs", name, "summary.csv").read_text(encoding="utf-8").splitlines())
        lines += [
            f"| {one['attack']} | {start} | {float(one[SHARE]):.0%} | {head_cell(one)} |"
            for one in rows
            if one["kind"] == "attack"
        ]
    return "\n".join([*lines[:2], *sorted(lines[2:], key=lambda line: line.split("|")[1])]) + "\n\n"


def configs(former: Mapping[str, str]) -> str:
    """Every runnable config with its command, and what it cost where it was run.

    Args:
        former: Name of a config → what the table says of it, which stays where its run is not there.
    """
    lines = ["| config | command | measured here |", "|:--|:--|:--|"]
    for kind in ("design", "shadow", "audit", "ablation", "experiment"):
        for path in sorted(Path("configs", kind).glob("*.yaml")):
            name, command = f"{kind}/{path.stem}", path.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")
            note = cost_note(path) or former.get(name, not_run(path))
            lines.append(f"| `{name}` | `{command}` | {note} |")
    return "\n".join(lines) + "\n\n"


def cost_note(path: Path) -> str | None:
    """What an audit or an ablation cost here; None where its run is not there."""
    folder = Path("runs", path.stem)
    if path.parent.name not in ("audit", "ablation") or not (folder / NUMBERS).is_file():
        return None
    if path.stem in FAMILIES:
        return "measured, in several runs of one core each"
    if path.parent.name == "ablation":
        return "measured"
    cost = read_numbers(folder)["cost"]
    spent = cost["by_row"].values() if "by_row" in cost else [cost]
    queries, nfe = (sum(of_row[name] for of_row in spent) for name in ("queries", "nfe"))
    return f"{cost['seconds_total']:.0f} s, {queries} queries, {nfe} evaluations"


def not_run(path: Path) -> str:
    """What is said of a config that was never run here."""
    missing = "Not run here" in path.read_text(encoding="utf-8") or path.stem.startswith(("own_", "wu_"))
    return "not run here" if missing else "" if path.parent.name in ("design", "experiment") else "not measured here"


if __name__ == "__main__":
    main()
