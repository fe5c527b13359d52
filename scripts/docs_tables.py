"""The measured tables of README.md and docs/: `python scripts/docs_tables.py`.

Pages hold blocks between `<!-- KIND: NAMES -->` and `<!-- /KIND -->`. Each is written anew from the small files in
docs/results, so a number in a page and the number that was measured cannot differ (tests/test_docs_tables.py).

    python scripts/docs_tables.py --collect runs/openmoji runs/steps    # reduce finished runs into docs/results
    python scripts/docs_tables.py                                       # write every block of every page
"""

import argparse
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path

from docs_results import RESULTS, Result, as_json, collected

from lit_mia.report.membership.findings import short_outcome
from lit_mia.report.words import NOTHING, bare_p, count, duration, interval, number, percent, signed

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"(<!-- ([a-z][a-z -]*?)(?:: (.*?))? -->\n)(.*?)(<!-- /\2(?:: .*?)? -->)", re.DOTALL)
KINDS = ("design", "shadow", "audit", "ablation", "experiment")
"""Folders of configs that are run, and no building blocks."""


def main() -> None:
    """Collect the runs that are named, or write the blocks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--collect", nargs="+", type=Path, metavar="RUN", help="folders of finished audits and sweeps")
    parser.add_argument("--busy", action="store_true", help="the machine did other work: its seconds say little")
    parser.add_argument("--note", default=[], action="append", help="a sentence that has to stand below the table")
    given = parser.parse_args()
    for folder in given.collect or ():
        path = RESULTS / f"{folder.name}.json"
        path.write_text(as_json({"notes": given.note, **collected(folder, given.busy)}), encoding="utf-8")
    if not given.collect:
        for page in pages():
            page.write_text(rewritten(page.read_text(encoding="utf-8")), encoding="utf-8")


def pages() -> list[Path]:
    """The pages that may hold blocks."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def rewritten(text: str) -> str:
    """A page with every block that is written here as the results say."""

    def block(found: re.Match[str]) -> str:
        head, kind, names, _, end = found.groups()
        if kind not in BLOCKS:
            return found[0]
        return f"{head}\n{BLOCKS[kind](*re.split(', *', names or ''))}\n\n{end}"

    return BLOCK.sub(block, text)


def result(name: str) -> Result:
    """A measured result by its name."""
    return json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))


# ---------------------------------------------------------------------- writing blocks


def table(headings: Sequence[str], rows: Iterable[Sequence[str]], words: Sequence[int] = (0,)) -> str:
    """A table in Markdown; columns of `words` are set to the left."""
    ends = [":--" if place in words else "--:" for place in range(len(headings))]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (headings, ends, *rows))


def origin(found: Result) -> str:
    """When, by what command and on how many records a result was measured."""
    made, measured_on = found["measured"], found.get("test") or found.get("measured_on")
    where = f" at commit `{made['commit']}`" if made["commit"] else ""
    sizes = f", on {sides(measured_on)}" if measured_on else ""
    sizes += f" of {' and '.join(found['splits'])}, by which settings are chosen" if "splits" in found else ""
    notes = "".join(f" {note}" for note in found.get("notes", ()))
    return f"Measured {made['date']}{where}, `{found['config']}`{sizes}.{notes}"


def sides(sizes: Mapping[str, int]) -> str:
    """How many records of each side."""
    return f"{sizes['member']} members and {sizes['non_member']} non-members"


def difference(row: Result) -> str:
    """The smallest difference to a control, and to which."""
    smallest = row["smallest_difference"]
    if not smallest:
        return NOTHING
    control = smallest["control"].removeprefix(f"{row['attack']} ")
    return f"{signed(smallest['delta'])} {interval(smallest['ci'])} to {control}"


def auc(row: Result) -> str:
    """AUC with its interval."""
    return f"{number(row['auc'])} {interval(row['auc_ci'])}".strip()


def finding(row: Result) -> str:
    """What the rule says of an attack, in a word."""
    return short_outcome(row["outcome"]) if row["outcome"] else "not known"


def attacks_of(found: Result) -> list[Result]:
    """The rows that are attacks."""
    return [row for row in found["rows"] if row["kind"] == "attack"]


def attacks(name: str) -> str:
    """Attacks alone: AUC, smallest difference to a control, finding; and the verdict."""
    found = result(name)
    rows = [[f"**{row['name']}**", auc(row), difference(row), finding(row)] for row in attacks_of(found)]
    headings = ["Attack", "AUC [95 % CI]", "Smallest ΔAUC [95 % CI]", "Finding"]
    return f"{table(headings, rows, (0, 3))}\n\n{verdict(name)}\n\n{origin(found)}"


def verdict(name: str) -> str:
    """The verdict in a sentence."""
    said = result(name)["verdict"]
    return f"Verdict: **{said['kind']}**. {said['sentence']}"


def every_row(name: str) -> str:
    """All rows of an audit, controls beneath their attack."""
    found = result(name)
    headings = ["Attack", "Setting", "AUC [95 % CI]", "Balanced accuracy", "TPR@10 % FPR"]
    headings += ["Smallest ΔAUC [95 % CI]", "Shift factor", "Finding"]
    return f"{table(headings, map(full_line, found['rows']), (0, 1, 7))}\n\n{verdict(name)}\n\n{origin(found)}"


def full_line(row: Result) -> list[str]:
    """A row of the table that shows everything."""
    first = [row["setting"] or "", auc(row), number(row["accuracy"]), number(row["tpr_at_10"])]
    if row["kind"] == "attack":
        return [f"**{row['name']}**", *first, difference(row), number(row["shift_factor"], 2), finding(row)]
    return [f"  {row['name']}", *first, "", "", ""]


def settings(*names: str) -> str:
    """Training-free attacks with the settings that were chosen, one table for each audit."""
    headings = ["Attack", "Setting", "Evaluations", "AUC [95 % CI]", "Balanced accuracy", "TPR@10 % FPR"]
    headings += ["Smallest ΔAUC [95 % CI]", "Base alone", "Finding"]
    parts = []
    for found in map(result, names):
        base = {row["attack"]: auc(row) for row in found["rows"] if row["kind"] == "base"}
        lines = [setting_line(row, base) for row in attacks_of(found)]
        parts += [f"Protocol `{found['protocol']}`. {origin(found)}", without(7 if not base else None, headings, lines)]
    return "\n\n".join(parts)


def setting_line(row: Result, base: Mapping[str, str]) -> list[str]:
    """A training-free attack, with what the base alone says, by attack."""
    first = [row["name"], row["setting"] or "", str(row["evaluations"]), auc(row), number(row["accuracy"])]
    return [*first, number(row["tpr_at_10"]), difference(row), base.get(row["name"], ""), finding(row)]


def without(column: int | None, headings: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A table whose first two columns and last one hold words, without one of the others."""
    kept = [place for place in range(len(headings)) if place != column]
    rows = [[line[place] for place in kept] for line in lines]
    return table([headings[place] for place in kept], rows, (0, 1, len(kept) - 1))


def tiers(name: str) -> str:
    """Canaries by how often they were inserted."""
    found = result(name)
    copies = sorted({tier["copies"] for tier in found["tiers"]})
    of_attack = {(tier["attack"], tier["copies"]): tier for tier in found["tiers"]}
    sizes = {n: next(tier for tier in found["tiers"] if tier["copies"] == n) for n in copies}
    headings = ["Attack", *(f"{n} {'copy' if n == 1 else 'copies'} ({sizes[n]['n_members']})" for n in copies)]
    lines = [[row["name"], *(auc(of_attack[row["name"], n]) for n in copies)] for row in attacks_of(found)]
    beside = sizes[copies[0]]["n_nonmembers"]
    return f"{table(headings, lines)}\n\nBeside {beside} that were kept out. {origin(found)}"


def joined(name: str) -> str:
    """What is told of sets of suspected records."""
    found = result(name)
    level = found["set_level"]
    headings = ["Scores joined", *(f"{size} of them" for size in level["families"][0]["sizes"]), "p of all"]
    lines = []
    for family in level["families"]:
        shares = ["–" if share is None else percent(share) for share in family["shares"]]
        lines.append([family["kind"], *shares, bare_p(family["p"])])
    said = f"{level['suspected']} suspected records beside {level['known']} known ones. {origin(found)}"
    return f"{table(headings, lines)}\n\n{said}"


def beside(*names: str) -> str:
    """Audits with the same attacks side by side: AUC and finding of attacks, AUC of controls."""
    found = list(map(result, names))
    of_audit = [{row["name"]: row for row in one["rows"]} for one in found]
    shared = [name for name in of_audit[0] if all(name in each for each in of_audit)]
    lines = []
    for name in shared:
        is_attack = of_audit[0][name]["kind"] == "attack"
        cells = [auc(each[name]) + (f" {finding(each[name])}" if is_attack else "") for each in of_audit]
        lines.append([f"**{name}**" if is_attack else f"  {name}", *cells])
    sources = "\n".join(f"- {origin(one)}" for one in found)
    headings = ["", *(f"`{one['config']}`" for one in found)]
    return f"{table(headings, lines)}\n\n{sources}"


def attack(name: str) -> str:
    """An attack in every audit that measured it."""
    lines = []
    for found in map(result, sorted(path.stem for path in RESULTS.glob("*.json"))):
        for row in attacks_of(found) if "rows" in found else ():
            if row["name"] == name:
                cells = [f"`{found['config']}`", found["protocol"], row["setting"] or "", auc(row)]
                lines.append([*cells, difference(row), finding(row), found["measured"]["date"]])
    headings = ["Audit", "Protocol", "Setting", "AUC [95 % CI]", "Smallest ΔAUC [95 % CI]", "Finding", "Measured"]
    return table(headings, lines, (0, 1, 2, 5)) if lines else f"{name}: not measured here."


def closest(name: str) -> str:
    """Attacks beside their placebo and the control that came closest."""
    found = result(name)
    by_name = {row["name"]: row for row in found["rows"]}
    lines = []
    for row in attacks_of(found):
        placebo = by_name.get(f"{row['name']} placebo")
        lines.append([row["name"], auc(row), number(placebo and placebo["auc"]), difference(row), finding(row)])
    headings = ["Head", "AUC [95 % CI]", "Placebo", "Smallest ΔAUC [95 % CI]", "Finding"]
    return f"{table(headings, lines, (0, 4))}\n\n{origin(found)}"


def tables(*names: str) -> str:
    """Tables as they were written down."""
    parts = []
    for found in map(result, names):
        words = found.get("words", (0,))
        parts += [table(one["headings"], one["rows"], words) for one in found["tables"]]
        parts.append(origin(found))
    return "\n\n".join(parts)


def configs(_: str) -> str:
    """Every config that is run, with its command, its cost and what was measured."""
    recorded = result("costs")["costs"]
    parts = []
    for kind, paths in groupby(runnable(), lambda path: path.parent.name):
        lines = []
        for path in paths:
            name, text = f"{kind}/{path.stem}", path.read_text(encoding="utf-8")
            command = text.splitlines()[0].removeprefix("# ")
            found = measured(name)
            cost = recorded.get(name) or seconds(found) or ("" if found else unmeasured(path, text))
            lines.append([f"`{name}`", f"`{command}`", cost, best(name, found)])
        parts.append(table(["Config", "Command", "Cost here", "Found"], lines, (0, 1, 2, 3)))
    return "\n\n".join(parts)


def measured(name: str) -> Result:
    """The result of a config; nothing where it was not measured."""
    path = RESULTS / f"{name.rpartition('/')[2]}.json"
    found = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return found if found.get("config") == name else {}


def runnable() -> list[Path]:
    """The shipped configs that a command runs."""
    return [path for kind in KINDS for path in sorted((ROOT / "configs" / kind).glob("*.yaml"))]


def seconds(found: Result) -> str:
    """What an audit cost when it was collected."""
    cost = found.get("cost")
    if not cost:
        return ""
    busy = ", on a busy machine" * found["measured"].get("busy", False)
    asked = f"{count(cost['queries'])} queries" if cost["queries"] else "of kept answers"
    return f"{duration(cost['seconds'])}, {asked}{busy}"


def best(name: str, found: Result) -> str:
    """The strongest attack of an audit and its verdict, or the page that has its tables."""
    if "rows" not in found:
        return shown_in(name) if found else ""
    row = max(attacks_of(found), key=lambda row: row["auc"])
    kind = found["verdict"]["kind"] if found["verdict"] else "no verdict known"
    return f"{row['name']} {auc(row)}; {kind}"


def shown_in(name: str) -> str:
    """A link to the page that has the tables of a config, as seen from docs/reference."""
    held = re.compile(rf"<!-- tables: .*\b{name.rpartition('/')[2]}\b.* -->")
    page = next(page for page in pages()[1:] if held.search(page.read_text(encoding="utf-8")))
    return f"[tables](../{page.relative_to(ROOT / 'docs').as_posix()})"


def unmeasured(path: Path, text: str) -> str:
    """What is said of a config that has no cost."""
    if "Not run here" in text or path.stem.startswith(("own_", "wu_")):
        return "not run here"
    return "" if path.parent.name in ("design", "experiment") else "not measured here"


BLOCKS: dict[str, Callable[..., str]] = {
    "attacks": attacks,
    "verdict": verdict,
    "rows": every_row,
    "settings": settings,
    "beside": beside,
    "attack": attack,
    "tiers": tiers,
    "joined": joined,
    "closest": closest,
    "tables": tables,
    "configs": configs,
}
"""What a block is called → what writes it, of the names of results behind the colon."""


if __name__ == "__main__":
    main()
