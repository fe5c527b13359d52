"""How often the verdict rule is wrong, and how often it finds: `python scripts/simulate_verdicts.py`.

Scores are drawn, not measured: binormal with given AUCs, all of one repetition correlated, and judged as the test split
of an audit is. Prints a Markdown table of the share of repetitions with each verdict, that of leakage with its 95 %
Clopper-Pearson interval, and one of the power that reports print. docs/simulations.md holds both.
"""

import argparse
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain, islice, product

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri
from shares import share

from lit_mia.metrics.evidence import Design, PlaceboCheck
from lit_mia.metrics.placebo import placebo_check
from lit_mia.metrics.power import Power
from lit_mia.metrics.verdict import decide
from lit_mia.report.membership.judging import Circumstances, gather, power_of
from lit_mia.report.membership.scores import Part, RowScores

SIZES = ((181, 356), (500, 500), (2500, 2500))
SHARED = 0.5
"""Correlation of any two scores of a record."""
VALID = PlaceboCheck(True, "Simulated.")
LEAKAGE = "leakage beyond controls"


@dataclass(frozen=True)
class Situation:
    """An audit whose AUCs are known.

    Attributes:
        name: What it is.
        attacks: True AUC of each attack.
        controls: Kind of control → its true AUC; each is shared by all attacks, `base` by those that read it.
        placebo: True AUC of a valid placebo, of all attacks or of each; None without one.
        gained: What target and placebo gained over the base on non-members, in standard deviations: the placebo of the
            first attack is checked by it, if that reads the base.
        each: Records of a group of near-duplicates.
        within: Correlation of the scores of two records of a group.
    """

    name: str
    attacks: tuple[float, ...]
    controls: Mapping[str, float]
    placebo: float | tuple[float, ...] | None = None
    gained: tuple[float, float] | None = None
    design: Design = "same_source_holdout"
    verified: bool = False
    captioned: bool = False
    each: int = 1
    within: float = 0.9

    def rows(self) -> list[RowScores]:
        """Attacks and controls, without scores."""
        kinds = ["attack", *self.controls, *([] if self.placebo is None else ["placebo"])]
        return [
            RowScores(
                f"a{i}" if kind == "attack" else f"a{i} {kind}",
                kind,
                f"a{i}",
                np.zeros((1, 0)),
                "heads",
                captioned=self.captioned,
                reads_base=self._reads_base(i),
            )
            for i in range(len(self.attacks))
            for kind in kinds
            if kind != "base" or self._reads_base(i)
        ]

    def circumstances(self, test: Part, rng: np.random.Generator) -> Circumstances:
        """What is known beside the scores."""
        names = [] if self.placebo is None else [f"a{i}" for i in range(len(self.attacks))]
        checks = dict.fromkeys(names, VALID)
        if self.gained and names:
            groups = test.groups[test.labels == 0]
            common, *own = rng.normal(size=(3, len(groups)))
            target, placebo = (gain + 0.9 * common + 0.44 * noise for gain, noise in zip(self.gained, own, strict=True))
            checks["a0"] = placebo_check(target, placebo, groups, gained=True)
        return Circumstances(self.design, self.verified, checks)

    def drawn(self, n1: int, n0: int, rng: np.random.Generator) -> tuple[dict[str, NDArray[np.float64]], Part]:
        """Scores by name of row, and the split."""
        labels = np.repeat([1, 0], [n1, n0])
        groups = np.concatenate([np.arange(n1) // self.each, n1 + np.arange(n0) // self.each])
        common = self._noise(groups, rng)

        def scores(auc: float) -> NDArray[np.float64]:
            own = np.sqrt(SHARED) * common + np.sqrt(1 - SHARED) * self._noise(groups, rng)
            return own + np.sqrt(2) * ndtri(auc) * labels

        shared = {kind: scores(auc) for kind, auc in self.controls.items()}
        made = {}
        for i, auc in enumerate(self.attacks):
            made |= {f"a{i}": scores(auc)} | {f"a{i} {kind}": values for kind, values in shared.items()}
            if self.placebo is not None:
                made[f"a{i} placebo"] = scores(self.placebo if isinstance(self.placebo, float) else self.placebo[i])
        return made, Part(np.arange(n1 + n0), labels, groups.astype(str))

    def _reads_base(self, attack: int) -> bool:
        return "base" in self.controls and attack == 0

    def _noise(self, groups: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.float64]:
        if self.each == 1:
            return rng.normal(size=len(groups))
        whole = rng.normal(size=groups.max() + 1)[groups]
        return np.sqrt(self.within) * whole + np.sqrt(1 - self.within) * rng.normal(size=len(groups))


CHANCE = {"blind": 0.5, "n-grams": 0.5, "joint": 0.5}
BASE = CHANCE | {"base": 0.5}
DOMAIN = (0.85, 0.55)
"""A target that has learned the members' domain and none of them: the attack that reads the base, and a plain one."""
SHIFTED = dict.fromkeys(CHANCE, 0.53) | {"base": 0.5}
SITUATIONS = (
    Situation("noise, 6 attacks, 3 controls, no placebo", (0.5,) * 6, CHANCE),
    Situation("noise, 6 attacks, 3 controls, placebo", (0.5,) * 6, CHANCE, 0.5),
    Situation("noise, 6 attacks, 3 controls, stated coin", (0.5,) * 6, CHANCE, design="canary"),
    Situation("noise, 6 attacks, 3 controls, verified coin", (0.5,) * 6, CHANCE, design="canary", verified=True),
    Situation("attack at chance, only control at .42", (0.5,), {"blind": 0.42}),
    Situation("attack at chance, only control at .42, placebo at .5", (0.5,), {"blind": 0.42}, 0.5),
    Situation("attack at .56, control and placebo at .42", (0.56,), {"blind": 0.42}, 0.42),
    Situation("attack at .56, control at .42, stated coin", (0.56,), {"blind": 0.42}, design="canary"),
    Situation("shift: attack .75, control .72, no placebo", (0.75,), {"blind": 0.72}),
    Situation("shift: attack .75, control .72, placebo .75", (0.75,), {"blind": 0.72}, 0.75),
    Situation("shift: attack .75, control .72, placebo .72", (0.75,), {"blind": 0.72}, 0.72),
    Situation("shift: attack .75, control .72, placebo .70", (0.75,), {"blind": 0.72}, 0.70),
    Situation("captions fit members better (.95), joint control .90", (0.95,), CHANCE | {"joint": 0.9}, captioned=True),
    Situation("the same with a placebo at .93", (0.95,), CHANCE | {"joint": 0.9}, 0.93, captioned=True),
    Situation("captions differ (.66): statistic .66, n-grams .66", (0.66,), CHANCE | {"n-grams": 0.66}, 0.66),
    Situation("unsolved: shift .65 that controls read at .53, placebo at .5", (0.65,), {"blind": 0.53}, 0.5),
    Situation("groups of five, noise, 6 attacks", (0.5,) * 6, CHANCE, 0.5, each=5),
    Situation("groups of five, noise, stated coin", (0.5,) * 6, CHANCE, design="canary", each=5),
    Situation("leak of .60 beside 3 controls, placebo", (0.6,), CHANCE, 0.5),
    Situation("leak of .65 beside 3 controls, placebo", (0.65,), CHANCE, 0.5),
    Situation("leak of .85 over a shift of .70", (0.85,), dict.fromkeys(CHANCE, 0.7), 0.7),
    Situation("one attack of six at .58, verified coin", (0.58, *(0.5,) * 5), CHANCE, design="canary", verified=True),
    Situation("one attack of six at .58, stated coin", (0.58, *(0.5,) * 5), CHANCE, design="canary"),
    Situation("domain learned, no placebo", DOMAIN, SHIFTED),
    Situation("domain learned, the placebo has learned nothing", DOMAIN, SHIFTED, 0.5, (1.0, 0.0)),
    Situation("domain learned, the placebo half of it", DOMAIN, SHIFTED, (0.7, 0.53), (1.0, 0.5)),
    Situation("domain learned, the placebo nearly as well", DOMAIN, SHIFTED, (0.8, 0.54), (1.0, 0.95)),
    Situation("domain learned, the placebo as well", DOMAIN, SHIFTED, DOMAIN, (1.0, 1.0)),
    Situation("members' domain alone learned, the placebo nothing", DOMAIN, SHIFTED, 0.5, (0.0, 0.0)),
    Situation("unsolved: both domains learned, the placebo the others' alone", DOMAIN, SHIFTED, 0.5, (1.0, 1.0)),
    Situation("coin falsely stated, no placebo", (0.85,), SHIFTED, design="canary"),
    Situation("coin falsely stated, the placebo has learned nothing", (0.85,), SHIFTED, 0.5, (1.0, 0.0), "canary"),
    Situation("coin falsely stated, the placebo nearly as well", (0.85,), SHIFTED, 0.8, (1.0, 0.95), "canary"),
    Situation("coin falsely stated, the placebo as well", (0.85,), SHIFTED, 0.85, (1.0, 1.0), "canary"),
    Situation("coin falsely stated, no placebo, plain attack at .55 beside it", DOMAIN, SHIFTED, design="canary"),
    Situation("noise, one attack of two reads the base, placebo", (0.5, 0.5), BASE, 0.5, (1.0, 1.0)),
    Situation("noise, one attack of two reads the base, stated coin", (0.5, 0.5), BASE, 0.5, (1.0, 1.0), "canary"),
    Situation("noise, one attack of two reads the base, verified coin", (0.5, 0.5), BASE, None, None, "canary", True),
    Situation("calibrated leak of .65, placebo", (0.65,), BASE, 0.5, (1.0, 1.0)),
    Situation("calibrated leak of .65, placebo, nothing gained on others", (0.65,), BASE, 0.5, (0.0, 0.0)),
    Situation("calibrated leak of .65, placebo, stated coin", (0.65,), BASE, 0.5, (1.0, 1.0), "canary"),
    Situation("calibrated leak of .65, verified coin", (0.65,), BASE, design="canary", verified=True),
    Situation("a control at .60, verified coin", (0.58,), CHANCE | {"blind": 0.6}, design="canary", verified=True),
)


def verdicts(situation: Situation, n1: int, n0: int, repetitions: int, seed: int = 0) -> Counter[str]:
    """How often each verdict is given.

    Args:
        situation: What is true.
        n1: Members of test.
        n0: Non-members of test.
        repetitions: Number of audits.
        seed: Seed of the scores.
    """
    rng, rows = np.random.default_rng(seed), situation.rows()
    given: Counter[str] = Counter()
    for _ in range(repetitions):
        scores, test = situation.drawn(n1, n0, rng)
        known = situation.circumstances(test, rng)
        found = gather(rows, scores, test, known)
        verdict = decide(found.attacks, found.controls, known.design, verified=known.verified, power=Power(None))
        given[verdict.kind] += 1
    return given


def lines(repetitions: int) -> Iterator[str]:
    """The table, line by line."""
    yield "| situation | members + non-members | leakage | other verdicts |"
    yield "|:--|--:|--:|:--|"
    for situation in SITUATIONS:
        for n1, n0 in SIZES if len(situation.attacks) == 1 else SIZES[:2]:
            given = verdicts(situation, n1, n0, repetitions)
            others = ", ".join(f"{kind} {n / repetitions:.1%}" for kind, n in given.most_common() if kind != LEAKAGE)
            yield f"| {situation.name} | {n1:,} + {n0:,} | {share(given[LEAKAGE], repetitions)} | {others} |"


def power_lines(repetitions: int) -> Iterator[str]:
    """The AUC that a report says is needed, and how often an attack of that AUC is really found."""
    yield "| attacks × controls | design | members + non-members | AUC needed | found |"
    yield "|:--|:--|--:|--:|--:|"
    designs = {
        "verified coin": {"design": "canary", "verified": True},
        "stated coin": {"design": "canary"},
        "held out, placebo": {"placebo": 0.5},
    }
    for (attacks, controls), (name, facts) in product(((1, 1), (6, 3), (9, 3)), designs.items()):
        for n1, n0 in SIZES[:2]:
            null = Situation(name, (0.5,) * attacks, dict(islice(CHANCE.items(), controls)), **facts)
            needed = needed_of(null, n1, n0)
            leaking = replace(null, attacks=(needed, *null.attacks[1:]))
            found = share(verdicts(leaking, n1, n0, repetitions, seed=1)[LEAKAGE], repetitions)
            yield f"| {attacks} × {controls} | {name} | {n1:,} + {n0:,} | {needed:.3f} | {found} |"


def needed_of(null: Situation, n1: int, n0: int, audits: int = 5) -> float:
    """The AUC that the report of an audit without a leak says is needed, the mean of a few.

    Args:
        null: What is true.
        n1: Members of test.
        n0: Non-members of test.
        audits: Number of audits.
    """
    rng, rows = np.random.default_rng(2), null.rows()
    drawn = [null.drawn(n1, n0, rng) for _ in range(audits)]
    known = [null.circumstances(test, rng) for _, test in drawn]
    powers = [power_of(gather(rows, *one, of), of) for one, of in zip(drawn, known, strict=True)]
    return float(np.mean([power.auc_needed for power in powers if power.auc_needed is not None]))


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=1000)
    repetitions = parser.parse_args().repetitions
    for line in chain(lines(repetitions), [""], power_lines(repetitions)):
        print(line, flush=True)


if __name__ == "__main__":
    main()
