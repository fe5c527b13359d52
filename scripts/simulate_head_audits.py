"""How often the verdict is wrong where whole heads are trained: `python scripts/simulate_head_audits.py`.

Everything is planted but the program: records, a target that draws for their captions, an encoder that sees what was
planted, and a placebo. The project's own audit asks, trains attacks and controls, and judges its test split. Each
repetition is judged as several designs, with and without the placebo. Prints the Markdown table of docs/simulations.md:
how often leakage is found, with its 95 % Clopper-Pearson interval, and what the control reads that should.
"""

import argparse
import contextlib
import io
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from planted_worlds import SIDE, Planted, PlantedEncoder, PlantedSource, PlantedTarget, World

from datamodules import AuxiliaryDataModule
from lit_mia.attacks import AttackIII, AttackIIS, AttackIS, AuditedAttack, Budget
from lit_mia.audits.membership import MembershipAudit
from lit_mia.audits.membership.encoder_checks import check_tools
from lit_mia.audits.membership.placebo_check import placebo_checks
from lit_mia.metrics.auc import auc
from lit_mia.metrics.evidence import Design, PlaceboCheck
from lit_mia.metrics.power import Power
from lit_mia.metrics.rates import clopper_pearson
from lit_mia.metrics.retrieval import Retrieval
from lit_mia.metrics.roc import combine_seeds
from lit_mia.metrics.verdict import decide, readers
from lit_mia.report.membership.judging import Circumstances, gather
from lit_mia.report.membership.scores import Part, RowScores, Scores

LEAKAGE = "leakage beyond controls"
BUDGET = Budget(seeds=1, max_epochs=20, patience=5, accelerator="cpu")


@dataclass(frozen=True)
class Situation:
    """A planted world and how it is judged.

    Attributes:
        world: What is planted.
        judged: Designs, and whether there is a placebo.
        control: The control that should read the sides; None: nothing is to be read.
    """

    world: World
    judged: Sequence[tuple[Design, bool]]
    control: str | None = None


HELD_OUT: tuple[tuple[Design, bool], ...] = (("same_source_holdout", False), ("same_source_holdout", True))
POST_HOC: tuple[tuple[Design, bool], ...] = (("post_hoc", False), ("post_hoc", True))
COIN: tuple[tuple[Design, bool], ...] = (("canary", True),)
SITUATIONS = (
    Situation(World("captions fit members' images better", fits=(0.8, 0.5)), (*HELD_OUT, *POST_HOC), "joint"),
    Situation(World("members' captions use other words", style=0.25), (*HELD_OUT, *POST_HOC), "n-grams"),
    Situation(World("a domain learned, nothing memorised", domain=0.9, pull=2.0), (*HELD_OUT, *POST_HOC), "blind"),
    Situation(World("nothing"), (*HELD_OUT, *COIN)),
    Situation(World("a leak", memory=0.3), (*HELD_OUT, *POST_HOC, *COIN)),
)


@dataclass(frozen=True, eq=False)
class Audited:
    """What an audit scored of one draw.

    Attributes:
        rows: Attacks, controls and placebos.
        scores: Name of row → score of each record of test.
        test: The test split.
        placebos: Attack → check of its placebo.
        tools: How well captions find their images.
    """

    rows: Sequence[RowScores]
    scores: Mapping[str, Scores]
    test: Part
    placebos: Mapping[str, PlaceboCheck]
    tools: Retrieval | None


def audited(planted: Planted, folder: Path, budget: Budget) -> Audited:
    """Ask, train and score, as a whole audit does.

    Args:
        planted: What is planted.
        folder: For the store and the heads.
        budget: Seeds and epochs of heads and controls.
    """
    data = AuxiliaryDataModule(
        source=PlantedSource(planted),
        target=PlantedTarget(planted, trained=True),
        store=str(folder / "store"),
        encoder=PlantedEncoder(planted),
        image_size=SIDE,
        near_duplicates="report",
    )
    heads: list[AuditedAttack] = [head(widths=(32, 16), lr=0.005) for head in (AttackIS, AttackIIS, AttackIII)]
    audit = MembershipAudit(data, heads, PlantedTarget(planted, trained=False), budget=budget)
    audit.query()
    (folder / "heads").mkdir()
    rows = [row for scorer in audit.scorers for row in scorer.rows(folder / "heads")]
    known, splits = data.view.known, data.view.splits
    calibration, test = (Part.of(known, splits, name) for name in ("calibration", "test"))
    reference = np.isin(np.arange(len(known)), calibration.rows)
    scores = {row.name: combine_seeds(row.scores, reference)[test.rows] for row in rows}
    return Audited(rows, scores, test, placebo_checks(audit.scorers), check_tools(data, heads))


@dataclass
class Tally:
    """What the repetitions of one situation said.

    Attributes:
        verdicts: Verdict → how often.
        attack: AUC of the strongest attack, of each repetition.
        control: AUC of the control that should read the sides.
        placebo: AUC of the placebo of the strongest attack.
        read: How often that control told the sides apart.
    """

    verdicts: Counter[str] = field(default_factory=Counter)
    attack: list[float] = field(default_factory=list)
    control: list[float] = field(default_factory=list)
    placebo: list[float] = field(default_factory=list)
    read: int = 0

    def add(self, found: Audited, design: Design, placebo: bool, control: str | None) -> None:
        """Judge one repetition.

        Args:
            found: What was scored.
            design: How the audit says that members came to be members.
            placebo: Whether it has one.
            control: The control that should read the sides.
        """
        rows = [row for row in found.rows if placebo or row.kind != "placebo"]
        known = Circumstances(design, placebos=found.placebos if placebo else {}, tools=found.tools)
        evidence = gather(rows, found.scores, found.test, known)
        verdict = decide(evidence.attacks, evidence.controls, design, verified=False, power=Power(None))
        self.verdicts[verdict.kind] += 1
        aucs = {name: auc(scores, found.test.labels) for name, scores in found.scores.items()}
        best = max((attack.name for attack in evidence.attacks), key=aucs.__getitem__)
        self.attack.append(aucs[best])
        self.placebo += [aucs[f"{best} placebo"]] if placebo else []
        reading = [one for one in evidence.controls if one.kind == control]
        if reading:
            strongest = max(reading, key=lambda one: one.auc)
            self.control.append(strongest.auc)
            self.read += strongest.name in readers(evidence.controls)


def tallied(situation: Situation, repetitions: int, budget: Budget) -> list[Tally]:
    """What repetitions of a situation said, for each of the designs that it is judged as.

    Args:
        situation: What is planted, and how it is judged.
        repetitions: Number of audits.
        budget: Seeds and epochs of heads and controls.
    """
    tallies = [Tally() for _ in situation.judged]
    for seed in range(repetitions):
        with TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
            found = audited(Planted(situation.world, seed), Path(folder), budget)
        for tally, (design, placebo) in zip(tallies, situation.judged, strict=True):
            tally.add(found, design, placebo=placebo, control=situation.control)
    return tallies


def lines(repetitions: int, budget: Budget) -> Iterator[str]:
    """The table, line by line."""
    heads = (
        "planted",
        "judged as",
        "repetitions",
        "leakage",
        "other verdicts",
        "attack",
        "its placebo",
        "control, reads",
    )
    yield f"| {' | '.join(heads)} |"
    yield "|:--|:--|--:|--:|:--|--:|--:|:--|"
    for situation in SITUATIONS:
        name, tallies = situation.world.name, tallied(situation, repetitions, budget)
        for (design, placebo), tally in zip(situation.judged, tallies, strict=True):
            judged = f"`{design}`, {'with' if placebo else 'no'} placebo"
            yield f"| {name} | {judged} | {repetitions} | {' | '.join(cells(tally, situation.control))} |"


def cells(tally: Tally, control: str | None) -> Iterator[str]:
    """Verdicts, and the mean AUCs of attack, placebo and control.

    Args:
        tally: What the repetitions said.
        control: The control that should read the sides.
    """
    found, repetitions = tally.verdicts[LEAKAGE], tally.verdicts.total()
    lo, hi = clopper_pearson(found, repetitions)
    yield f"{found} [{lo:.1%}, {hi:.1%}]"
    yield ", ".join(f"{kind} {count}" for kind, count in tally.verdicts.most_common() if kind != LEAKAGE)
    yield f"{np.mean(tally.attack):.2f}"
    yield f"{np.mean(tally.placebo):.2f}" if tally.placebo else "–"
    yield f"{control} {np.mean(tally.control):.2f}, {tally.read} of {repetitions}" if control else "–"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=40)
    given = parser.parse_args()
    for line in lines(given.repetitions, BUDGET):
        print(line, flush=True)


if __name__ == "__main__":
    main()
