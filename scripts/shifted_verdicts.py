"""Verdicts where nothing can leak: `python scripts/shifted_verdicts.py [members non_members]`.

Audits `configs/audit/openmoji_shifted.yaml` on 20 draws of the splits, with one seed per head, and prints what each
says. The answers are asked once. No draw may say "leakage beyond controls"; all 20 said "confounded".
"""

import shutil
import sys
from collections import Counter
from pathlib import Path

import lit_mia.audits.kinds  # noqa: F401 (registers them)
from lit_mia.cli.commands import Parsed, parse
from lit_mia.report.membership import MembershipResult

DRAWS = 20
WORK = Path("runs/shifted-verdicts")


def main() -> None:
    """Ask once, audit every draw, print a line for each and the counts."""
    kinds = sys.argv[1:] or ["smileys", "symbols"]
    answers = WORK / "-".join(kinds)
    of_draw(kinds, answers, 0).audit.query()
    verdicts: Counter[str] = Counter()
    for draw in range(DRAWS):
        store = answers.with_name(f"{answers.name}-{draw}")
        shutil.copytree(answers, store, ignore=shutil.ignore_patterns("splits.json"), dirs_exist_ok=True)
        parsed = of_draw(kinds, store, draw)
        result = parsed.audit.run(parsed.run)
        assert isinstance(result, MembershipResult)
        verdicts[result.report.verdict["kind"]] += 1
        print(f"split_seed {draw:2d} | {result.report.verdict['kind']} | {strongest(result)}", flush=True)
        shutil.rmtree(store)
    print(", ".join(f"{kind}: {count} of {DRAWS}" for kind, count in verdicts.items()))


def of_draw(kinds: list[str], store: Path, draw: int) -> Parsed:
    """The audit of one draw of the splits."""
    sides = {"members": kinds[0], "non_members": kinds[1]}
    given = {"store": str(store), "split_seed": draw} | {f"source.{side}": kind for side, kind in sides.items()}
    options = {f"data.{name}": value for name, value in given.items()} | {"budget.seeds": 1, "budget.max_epochs": 30}
    options |= {"output": str(WORK / "result")}
    flags = [part for name, value in options.items() for part in (f"--{name}", str(value))]
    return parse("audit", ["--config", "configs/audit/openmoji_shifted.yaml", *flags])


def strongest(result: MembershipResult) -> str:
    """The largest AUC on test of an attack and of a control."""
    sides = {True: "attack", False: "control"}
    best = {
        of: max((row["auc"], row.name) for row in result.report.rows if (row.kind == "attack") is of) for of in sides
    }
    return " | ".join(f"{sides[of]} {name} {value:.3f}" for of, (value, name) in best.items())


if __name__ == "__main__":
    main()
