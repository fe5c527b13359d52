"""What pages show of finished runs, reduced into the small files of docs/results."""

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lit_mia.report.base import read_numbers
from lit_mia.report.membership import MembershipResult
from lit_mia.report.membership.schema import Row

RESULTS = Path(__file__).parents[1] / "docs/results"
SWEPT = ("t", "k", "n")
"""Settings of training-free attacks that are swept."""
Result = dict[str, Any]


def collected(folder: Path, busy: bool) -> Result:
    """What pages need of a finished audit, ablation or sweep.

    Args:
        folder: Where its `audit.json` is.
        busy: Whether the machine did other work at the same time.
    """
    numbers = read_numbers(folder)
    origin = {
        "measured": {
            "date": numbers["created"],
            "commit": (numbers["git"] or "")[:7],
            "how": "reduced from audit.json",
            "busy": busy,
        },
        "versions": numbers["versions"],
    }
    if (folder / "summary.csv").is_file():
        table = heads_table(numbers["axis"], rows_of(folder / "summary.csv"), rows_of(folder / "ablation.csv"))
        return {"config": f"ablation/{folder.name}", **origin, **explored(numbers), "tables": [table]}
    if (folder / "sweep.csv").is_file():
        table = sweep_table(rows_of(folder / "sweep.csv"))
        return {"config": f"ablation/{folder.name}", **origin, **explored(numbers), "tables": [table]}
    if numbers["schema"].startswith("lit-mia/identity/"):
        return {"config": f"audit/{numbers['name']}", **origin, "tables": [people_table(numbers["rows"])]}
    return {"config": f"audit/{numbers['name']}", **origin, **audited(numbers, folder)}


def explored(numbers: Mapping[str, Any]) -> Result:
    """Records and cost of a sweep or an ablation."""
    return {
        "splits": numbers["splits"],
        "measured_on": {"member": numbers["n_members"], "non_member": numbers["n_nonmembers"]},
        "cost": spent(numbers["cost"]),
    }


def spent(cost: Mapping[str, Any]) -> Result:
    """What a run cost."""
    return {"queries": cost["queries"], "evaluations": cost["nfe"], "seconds": round(cost["seconds_total"])}


def audited(numbers: Mapping[str, Any], folder: Path) -> Result:
    """Sizes, verdict, cost and rows of an audit of membership."""
    report = MembershipResult.load(folder, numbers).report
    return {
        "protocol": report.protocol,
        "design": report.design,
        "coin": report.coin,
        "test": report.splits["sizes"]["test"],
        "verdict": report.verdict,
        "auc_needed": report.power["auc_needed"],
        "control_null": report.control_null,
        "cost": spent(numbers["cost"]),
        "tiers": [{**tier, "auc": rounded(tier["auc"]), "auc_ci": rounded(tier["auc_ci"])} for tier in report.tiers],
        "set_level": report.set_level,
        "rows": [audited_row(row) for row in report.rows],
    }


def audited_row(row: Row) -> Result:
    """What tables show of an attack or a control."""
    smallest = row["smallest_difference"]
    return {
        "name": row.name,
        "kind": row.kind,
        "attack": row.attack,
        "setting": row["setting"],
        "evaluations": row["evaluations"],
        "auc": rounded(row["auc"]),
        "auc_ci": rounded(row["auc_ci"]),
        "accuracy": rounded(row["accuracy"]),
        "tpr_at_10": rounded(row["tpr_at_fpr"][0]["tpr"]),
        "smallest_difference": smallest and {**smallest, **{key: rounded(smallest[key]) for key in ("delta", "ci")}},
        "shift_factor": rounded(row["ratio_lo"]),
        "outcome": row["outcome"],
    }


def rounded(value: Any) -> Any:
    """A number, or each of several, to five digits after the point."""
    return [rounded(one) for one in value] if isinstance(value, list | tuple) else value and round(value, 5)


def rows_of(path: Path) -> list[dict[str, str]]:
    """The lines of a CSV."""
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))


def people_table(rows: Sequence[Mapping[str, Any]]) -> Result:
    """What share of people a model and its controls recognise, at each number of templates that have to agree."""
    levels = [point["threshold"] for point in rows[0]["points"]]
    headings = [f"{rate} τ = {level} [95 % CI]" for level in levels for rate in ("TPR", "FPR")]
    lines = []
    for row in rows:
        shares = [share(point[rate]) for point in row["points"] for rate in ("tpr", "fpr")]
        lines.append([row["name"], *shares, {None: "", True: "yes", False: "no"}[row["passes"]]])
    return {"headings": ["Model", *headings, "Passes"], "rows": lines}


def share(rate: Mapping[str, float]) -> str:
    """A share of people with its interval, in percent."""
    return f"{100 * rate['value']:.0f} [{100 * rate['lo']:.1f}, {100 * rate['hi']:.1f}] %"


def heads_table(axis: str, summary: Sequence[Mapping[str, str]], points: Sequence[Mapping[str, str]]) -> Result:
    """AUC of trained heads over one setting of an audit, and FID where images differ."""
    values = list(dict.fromkeys(row[axis] for row in summary if row["kind"] == "attack"))
    lines = []
    for attack in dict.fromkeys(row["attack"] for row in summary):
        rows = {row[axis]: row for row in summary if row["attack"] == attack and row["kind"] == "attack"}
        lines.append([attack, *(head_cell(rows[value]) for value in values)])
    for side in ("members", "nonmembers"):
        of_value = {point[axis]: float(point[f"fid_{side}"]) for point in points if point["fid_members"]}
        if of_value:
            lines.append([f"FID of {side.replace('non', 'non-')}", *(f"{of_value[value]:.3f}" for value in values)])
    return {"headings": [axis.rpartition(".")[2].replace("_", " "), *values], "rows": lines}


def head_cell(row: Mapping[str, str]) -> str:
    """Mean AUC with its interval, and the range over n repetitions."""
    least, most = float(row["auc_min"]), float(row["auc_max"])
    return area(row, f"; {least:.2f}–{most:.2f} over {row['n']}" if row["n"] != "1" else "")


def area(row: Mapping[str, str], beside: str = "") -> str:
    """AUC with its interval, and what else stands in its brackets."""
    return f"{float(row['auc']):.3f} [{float(row['auc_lo']):.2f}, {float(row['auc_hi']):.2f}{beside}]"


def sweep_table(rows: Sequence[Mapping[str, str]]) -> Result:
    """AUC with its interval over one setting, attack by attack; – where an attack has no such value."""
    swept = next(name for name in SWEPT if len({row[name] for row in rows}) > 1)
    values = sorted({row[swept] for row in rows}, key=int)
    lines = []
    for attack in dict.fromkeys(row["attack"] for row in rows):
        of_value = {row[swept]: row for row in rows if row["attack"] == attack}
        first = next(iter(of_value.values()))
        fixed = ", ".join(f"{name} = {first[name]}" for name in SWEPT if name != swept and first.get(name))
        cells = [area(of_value[value]) if value in of_value else "–" for value in values]
        lines.append([f"{attack} ({fixed})" if fixed else attack, *cells])
    return {"headings": [swept, *values], "rows": lines}


def as_json(found: Result) -> str:
    """A result as a file that is read and compared line by line: one line for each row."""
    rows = found.pop("rows", None)
    text = json.dumps(found, ensure_ascii=False, indent=1)
    if rows is None:
        return text + "\n"
    lines = ",\n  ".join(json.dumps(row, ensure_ascii=False) for row in rows)
    return text.removesuffix("\n}") + f',\n "rows": [\n  {lines}\n ]\n}}\n'
