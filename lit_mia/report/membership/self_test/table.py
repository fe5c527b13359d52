"""The table of a self-test: a line for each thing that was planted, and each strength of it."""

from collections import Counter
from collections.abc import Callable, Sequence

from lit_mia.report.columns import PLACES, Cell, Column, Place, Table, table_of
from lit_mia.report.membership.findings import short_outcome
from lit_mia.report.membership.self_test.rates import LEAKAGE, counted
from lit_mia.report.membership.self_test_numbers import SelfTest, Trials
from lit_mia.report.words import NOTHING, count, number, percent, percent_interval


def self_test_table(test: SelfTest, place: Place) -> Table:
    """The table, in three blocks: nothing, shifts and leaks.

    Args:
        test: The self-test.
        place: Where it will stand.
    """
    blocks = [block for block in (test.nulls, test.shifts, test.leaks) if block]
    return table_of(
        "Planted", _COLUMNS, blocks, place, name=lambda of: of["planted"], kind=lambda _: "attack", strong=bool
    )


def _share(trials: Trials) -> Cell:
    rate = counted(trials, (LEAKAGE,))
    return Cell(percent(rate.value), percent_interval(rate.ci))


def _others(trials: Trials) -> Cell:
    """The other verdicts, the most frequent first."""
    others: Counter[str] = Counter()
    for kind, times in trials["verdicts"].items():
        others[short_outcome(kind)] += times * (kind != LEAKAGE)
    whole = [f"{kind} {count(times)}".replace(" ", "\u00a0") for kind, times in others.most_common() if times]
    return Cell(", ".join(whole))


def _largest(named: Sequence[str | float] | None) -> Cell:
    """AUC, and below it whose it is."""
    return Cell(NOTHING) if named is None else Cell(number(float(named[1])), note=str(named[0]))


def _strength(trials: Trials) -> Cell:
    return Cell(number(trials["strength"], 2) if trials["strength"] else NOTHING)


def _differ(name: str) -> Callable[[Sequence[Trials]], bool]:
    """Whether the lines of a table differ in something."""
    return lambda lines: any(of[name] != lines[0][name] for of in lines)  # type: ignore[literal-required]


_COLUMNS: tuple[Column[Trials], ...] = (
    Column("attacks", "Attacks", lambda of: Cell(", ".join(of["attacks"])), left=True, when=_differ("attacks")),
    Column("strength", "Strength", _strength, when=_differ("strength")),
    Column("repetitions", "Audits", lambda of: Cell(count(of["repetitions"]))),
    Column("leakage", "Leakage [95 % CI]", _share, short="Leakage"),
    Column("verdicts", "Other verdicts", _others, left=True),
    Column("planted_auc", "AUC planted", lambda of: Cell(number(of["planted_auc"])), short="Planted"),
    Column("attack", "Largest attack", lambda of: _largest(of["attack"]), short="Attack"),
    Column("control", "Largest control", lambda of: _largest(of["control"]), short="Control"),
    Column(
        "auc_needed",
        "AUC needed",
        lambda of: Cell(number(of["auc_needed"])),
        shown=PLACES - {"terminal"},  # where there is no room for it, and the notes say it
    ),
)
