"""A self-test in words: on its own, and in the report of the audit that it is of."""

from collections.abc import Sequence

from rich.console import Group
from rich.text import Text

from lit_mia.metrics.evidence import COIN_LEVEL, LEVEL, Kind
from lit_mia.metrics.rates import Rate
from lit_mia.metrics.sentences import enumerated
from lit_mia.report.membership.configuration import key_of
from lit_mia.report.membership.schema import AuditReport
from lit_mia.report.membership.self_test.rates import LEAKAGE, Curve, counted, curves_of, findings_of
from lit_mia.report.membership.self_test.table import self_test_table
from lit_mia.report.membership.self_test_numbers import SelfTest, Trials
from lit_mia.report.tables import markdown_notes, markdown_table, terminal_table
from lit_mia.report.words import count, duration, number, percent, percent_interval

COMMAND = "lit-mia selftest --config FILE"
PURPOSE = "runs this audit on labels drawn anew and tells how often it is wrong, and how strong a leak it finds."
VIOLATED: Kind = "design violated"


def terminal(test: SelfTest) -> Group:
    """What is printed at the end of a self-test, for a console of 80 or more columns."""
    table = terminal_table(self_test_table(test, "terminal"))
    return Group(Text(), table, Text(), Text("\n".join(self_test_notes(test))))


def markdown(test: SelfTest) -> str:
    """Table and sentences as GitHub Markdown."""
    return f"{markdown_table(self_test_table(test, 'markdown'))}\n{markdown_notes(self_test_notes(test))}"


def of_report(report: AuditReport, test: SelfTest | None) -> SelfTest | None:
    """The self-test if it is of this report: of the same configuration, answers, splits, models and version."""
    return test if test is not None and test.configuration == key_of(report) else None


def not_run(test: SelfTest | None) -> str:
    """Why a report shows no self-test.

    Args:
        test: One of something else, if there is one.
    """
    other = "" if test is None else " for this configuration (the one here is of another)"
    return f"Self-test: not run{other}."


def self_test_line(report: AuditReport, test: SelfTest | None) -> str:
    """What the self-test found, in one line; or that there is none, and the command."""
    shown = of_report(report, test)
    if shown is None:
        return f"{not_run(test)} `{COMMAND}` {PURPOSE}"
    return " ".join([f"Self-test of {shown.created}.", *_false_alarms(shown)[:1], *_powers(shown)[:1]])


def self_test_markdown(report: AuditReport, test: SelfTest | None) -> str:
    """Table and sentences of the report's self-test as GitHub Markdown; or that there is none, and the command."""
    shown = of_report(report, test)
    return markdown_notes([self_test_line(report, test)]) if shown is None else markdown(shown)


def self_test_notes(test: SelfTest) -> list[str]:
    """What was found, then how to read it."""
    return [*self_test_findings(test), *self_test_reading(test)]


def self_test_findings(test: SelfTest) -> list[str]:
    """What was found: false alarms first, then shifts, leaks and the placebo."""
    return [*_false_alarms(test), *_violations(test), *_shifts(test), *_powers(test), _placebo(test)]


def self_test_reading(test: SelfTest) -> list[str]:
    """What was planted, and not; how often, and with how many heads."""
    audits = sum(of["repetitions"] for of in test.trials)
    told = dict.fromkeys(_told(of) for of in test.trials)
    strengths = "Strength: growth of the log odds of being a member with each standard deviation of what is planted."
    return [
        *told,
        *([strengths] if test.shifts or test.leaks else []),
        *(f"Not planted: {name}. {why}" for name, why in test.not_planted.items()),
        *_fewer_heads(test),
        f"{count(audits)} audits of the stored answers, {duration(test.seconds)}. Heads and thresholds are learned "
        "anew in each. The labels of a shift depend on the records alone, those of a leak on the answers too. "
        "Intervals: 95 %, exact, over draws of labels for these answers.",
    ]


def _false_alarms(test: SelfTest) -> list[str]:
    """How often nothing is called something."""
    kinds = findings_of(test)
    several = len({tuple(of["attacks"]) for of in test.nulls}) > 1
    return [
        f"Nothing planted{_by(of['attacks']) if several else ''}: {_times(of, kinds)} audits end in {_called(kinds)}, "
        f"{_beside(of, kinds, LEVEL)} that the rule allows."
        for of in test.nulls
    ]


def _violations(test: SelfTest) -> list[str]:
    """How often the check of a coin fails though a coin decided; only where the coin was checked at all."""
    if not any(VIOLATED in of["verdicts"] for of in test.trials):
        return []
    return [
        f"Check of the coin: {_times(of, (VIOLATED,))} of them end in {VIOLATED}, "
        f"{_beside(of, (VIOLATED,), COIN_LEVEL)} that it allows."
        for of in test.nulls
    ]


def _shifts(test: SelfTest) -> list[str]:
    """How often a shift is called leakage, which it never is."""
    if not test.shifts:
        return []
    counts = enumerated([f"{_times(of, (LEAKAGE,))} by {of['planted']}" for of in test.shifts])
    often = [of["planted"] for of in test.shifts if counted(of, (LEAKAGE,)).ci.lo > LEVEL]
    warning = f" That is more than {percent(LEVEL)}: {enumerated(often)}." if often else ""
    return [f"A shift is no leak. Audits of one that end in leakage: {counts}.{warning}"]


def _powers(test: SelfTest) -> list[str]:
    """From which AUC on each leak is found four times in five."""
    curves, kinds = curves_of(test), findings_of(test)
    several = len({curve.attacks for curve in curves}) > 1
    counts = f" What counts as found: {_called(kinds)}, as far as this audit can come." if len(kinds) > 1 else ""
    return [f"A leak planted by {_named(curve, several)} {_found(curve)}{counts}" for curve in curves]


def _named(curve: Curve, several: bool) -> str:
    return curve.name + (_by(curve.attacks) if several else "")


def _found(curve: Curve) -> str:
    said = curve.needed is not None
    needed = f"Reports print {number(curve.needed)} as needed." if said else "Reports cannot say what is needed."
    if curve.missed is None:
        return f"is found four times in five and more even at its weakest, {_at(curve, 0)}. {needed}"
    if curve.missed == len(curve.aucs) - 1:
        return f"is found less than four times in five even at its strongest, {_at(curve, -1)}. {needed}"
    return (
        f"is found four times in five from an AUC of {number(curve.reached(curve.missed))} on, linear between its "
        f"strengths. {needed}"
    )


def _at(curve: Curve, place: int) -> str:
    return f"an AUC of {number(curve.aucs[place])}: {_share(curve.found[place])}"


def _placebo(test: SelfTest) -> str:
    """What the audit says of a target that saw neither side."""
    if test.on_placebo is None:
        return "No placebo: nothing was tested on the answers of a target that saw neither side."
    leak = " What this audit calls leakage need not be membership." if test.on_placebo == LEAKAGE else ""
    return f"The placebo's answers in the place of the target's, labels as they are: {test.on_placebo}.{leak}"


def _told(trials: Trials) -> str:
    """What was planted; a name that the words begin with is not said twice."""
    name, told = trials["planted"], trials["told"]
    whole = told if told.startswith(name) else f"{name}, {told}"
    return f"{whole[:1].upper()}{whole[1:]}."


def _fewer_heads(test: SelfTest) -> list[str]:
    if test.seeds == test.audit_seeds:
        return []
    return [
        f"Each of its audits trains {count(test.seeds)} of each head, the audit itself {count(test.audit_seeds)}: this "
        "is the power of fewer heads."
    ]


def _times(trials: Trials, kinds: Sequence[str]) -> str:
    return f"{count(sum(trials['verdicts'].get(kind, 0) for kind in kinds))} of {count(trials['repetitions'])}"


def _beside(trials: Trials, kinds: Sequence[str], level: float) -> str:
    """A rate with its interval, and how it stands beside its level."""
    rate = counted(trials, kinds)
    words = "more than" if rate.ci.lo > level else "less than" if rate.ci.hi < level else "compatible with"
    return f"{_share(rate)}: {words} the {percent(level)}"


def _share(rate: Rate) -> str:
    return f"{percent(rate.value)} {percent_interval(rate.ci)}"


def _called(kinds: Sequence[str]) -> str:
    """What counts as found: leakage, or what stands in its place."""
    return enumerated(kinds[1:]) or "leakage"


def _by(attacks: Sequence[str]) -> str:
    return f" ({enumerated(attacks)})"
