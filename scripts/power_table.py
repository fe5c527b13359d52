"""Writes docs/results/how_many.json and the tables of docs/how_many.md: `python scripts/power_table.py` (two minutes).

Nothing is measured: scores are drawn, and the project's own rule is applied to them.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import norm

from lit_mia.designs.outlook import EXPECTED_FALSE_ALARMS, TEST_SHARE, outlook
from lit_mia.metrics.auc import null_se
from lit_mia.metrics.covariance import Aucs
from lit_mia.metrics.power import Clause, auc_needed
from lit_mia.metrics.set_level import LEVEL, set_tests

NUMBERS, PAGE = Path("docs/results/how_many.json"), Path("docs/how_many.md")
SIDES = (25, 50, 100, 200, 500, 1000, 2000, 5000)
"""Groups of test on each side."""
CORRELATION, CONTROLS = 0.5, 5
"""Of any two AUCs, and how many controls each attack has beside a placebo."""
RULES = {
    "verified coin, 1 attack": (1, 0, Clause(coin=True, factor=None)),
    "verified coin, 6 attacks": (6, 0, Clause(coin=True, factor=None)),
    "verified coin, 12 attacks": (12, 0, Clause(coin=True, factor=None)),
    "stated coin, 6 attacks": (6, CONTROLS, Clause(coin=True, factor=1.0)),
    "held out, valid placebo, 6 attacks": (6, CONTROLS + 1, Clause(coin=False, factor=1.5)),
}
"""What an audit is → attacks, controls of each, and what the rule asks of an attack."""
SETS, AUCS = (10, 20, 50, 100, 200), (0.52, 0.55, 0.6, 0.7, 0.8)
KNOWN, REPETITIONS, PERMUTATIONS = 500, 200, 999


def main() -> None:
    """Compute and write."""
    found = {"groups": {str(n): of_side(n) for n in SIDES}, "sets": {str(auc): of_sets(auc) for auc in AUCS}}
    NUMBERS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8"), found), encoding="utf-8")


def read() -> dict[str, Any]:
    """The numbers that were written."""
    numbers: dict[str, Any] = json.loads(NUMBERS.read_text(encoding="utf-8"))
    return numbers


def of_side(n: int) -> dict[str, Any]:
    """What n members and n non-members of test can show, each a group of its own."""
    return {
        "auc_needed": {name: needed(n, *rule) for name, rule in RULES.items()},
        "fpr_floor": min(1.0, EXPECTED_FALSE_ALARMS / n),
        "records": round(2 * n / TEST_SHARE),
        "epsilon": outlook(round(2 * n / TEST_SHARE), include=0.5).epsilon_test,
    }


def needed(n: int, attacks: int, controls: int, clause: Clause) -> float | None:
    """The AUC that the rule finds four times in five; None if it finds not even 1."""
    m = attacks + controls
    correlation = CORRELATION + (1 - CORRELATION) * np.eye(m)
    null = Aucs(np.full(m, 0.5), null_se(n, n) ** 2 * correlation, n, n)
    found = auc_needed(null, [range(attacks, m)] * attacks, clause)
    return None if found is None else round(found, 3)


def of_sets(auc: float) -> dict[str, float]:
    """Size of a set → share of new sets that one attack tells from `KNOWN` known non-members at 1 %."""
    rng = np.random.default_rng(0)
    return {str(size): float(np.mean([is_found(size, auc, rng) for _ in range(REPETITIONS)])) for size in SETS}


def is_found(size: int, auc: float, rng: np.random.Generator) -> bool:
    """Whether one new set is found."""
    labels = np.repeat([1, 0], [size, KNOWN])
    scores = rng.normal(size=len(labels)) + labels * np.sqrt(2) * norm.ppf(auc)
    return set_tests({"attack": scores}, labels, sizes=(size,), draws=PERMUTATIONS)["attack"].p <= LEVEL


def with_tables(text: str, found: Mapping[str, Any]) -> str:
    """The page with the tables of these numbers in its marked blocks."""
    for name, table in {"how-many": groups_table(found["groups"]), "sets": sets_table(found["sets"])}.items():
        marked = rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)"
        text = re.sub(marked, lambda block, table=table: block[1] + table + block[2], text, flags=re.DOTALL)
    return text


def groups_table(groups: Mapping[str, Any]) -> str:
    """A line for each number of groups on a side of test."""
    heads = ["on each side of test", "records in all", *RULES, "lowest FPR", "largest ε"]
    lines = [
        [
            f"{int(n):,}",
            f"{of['records']:,}",
            *("none" if of["auc_needed"][name] is None else f"{of['auc_needed'][name]:.3f}" for name in RULES),
            f"{of['fpr_floor']:.1%}".replace("%", " %"),
            f"{of['epsilon']:.1f}",
        ]
        for n, of in groups.items()
    ]
    return table(heads, lines)


def sets_table(sets: Mapping[str, Mapping[str, float]]) -> str:
    """A line for each AUC of the attack."""
    heads = ["AUC of the attack", *(f"{size} suspected" for size in SETS)]
    return table(
        heads, [[auc, *(f"{share:.0%}".replace("%", " %") for share in of.values())] for auc, of in sets.items()]
    )


def table(heads: list[str], lines: list[list[str]]) -> str:
    """A Markdown table of numbers."""
    rows = [heads, ["--:"] * len(heads), *lines]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


if __name__ == "__main__":
    main()
