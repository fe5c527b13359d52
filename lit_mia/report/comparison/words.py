"""What is said of a comparison: the findings in sentences, and how its numbers belong together."""

from collections.abc import Iterator

from lit_mia.metrics.change.auc_change import LEVEL
from lit_mia.metrics.evidence import BY_COIN
from lit_mia.metrics.sentences import enumerated
from lit_mia.report.comparison.numbers import ComparedRow, Comparison, Moved, Side
from lit_mia.report.words import count, interval, number, p_value, percent, signed

_VOID = ("design violated", "tool failure")
_NUMBERS = ("store_digest", "versions", "git", "rows", "splits")


def verdicts(of: Comparison) -> str:
    """The verdict of A, then that of B."""
    return f"{of.a.verdict['kind']} → {of.b.verdict['kind']}"


def findings(of: Comparison) -> list[str]:
    """One sentence for each attack on what changed from A to B."""
    return [_sentence(of, row, row.change) for row in of.attacks if row.change is not None]


def basis_note(of: Comparison) -> str:
    """Which records the changes are of."""
    matched, a, b = of.matched, _records(of.a.n_members, of.a.n_nonmembers), _records(of.b.n_members, of.b.n_nonmembers)
    pairs = _records(matched.n_members, matched.n_nonmembers)
    said = {
        "same": f"Both audits judged the same {pairs}, so each change is paired: it is of the same records before and "
        "after.",
        "shared": f"A judged {a}, B {b}. The changes are of the {pairs} that both judged with the same label, and of "
        "these alone. The AUCs of the whole audits are of different records: their difference mixes records and "
        "targets, so none is given.",
        "apart": f"The audits judged different records, A {a}, B {b}. Nothing is paired: the variances add up, and a "
        "change mixes what differs between the records with what differs between the targets.",
        "none": f"A judged {a}, B {b}, and no change is said: "
        + (
            "too few of the records that both judged have the same label in both."
            if matched.in_both
            else "the records differ but are of the same groups, so they are neither pairs nor independent."
        ),
    }[matched.basis]
    if not matched.relabelled:
        return said
    return (
        f"{said} {count(matched.relabelled)} of the {count(matched.in_both)} records in both are members in one audit "
        "and not in the other, as after a new draw of the coin. They are no pairs."
    )


def warnings(of: Comparison) -> Iterator[str]:
    """What has to be known before a change is put down to the target."""
    for called, side in (("A", of.a), ("B", of.b)):
        if side.verdict["kind"] in _VOID:
            yield f"The verdict of {called} is {side.verdict['kind']}: no number of it says anything of its target."
    if of.a.verdict["kind"] != of.b.verdict["kind"]:
        yield "That the verdicts differ is no test of a change: one may have been close to the other. The p-values are."
    names = [each.name for each in of.differing]
    if not any(name.startswith("target") for name in names):
        yield (
            "Both audits are of the same target, by its fingerprint: a change is one of the attack, its training or "
            "its records, not of the target."
        )
    elif others := _others(names):
        yield f"More than the target differs ({enumerated(others)}), so a change need not come from the target."
    if of.a.access != of.b.access:
        yield f"The access levels differ: {of.a.access or 'not known'} in A, {of.b.access or 'not known'} in B."
    if any(".source." in name for name in names) and of.matched.in_both:
        yield "Records are matched by their ids, and the sources differ: look whether an id is the same image in both."
    if not _by_coin(of):
        yield (
            "No coin decided in both audits who is a member, so an AUC holds what leaks and what else tells the sides "
            "apart. Read the change of an attack beside its controls."
        )


def _others(names: list[str]) -> list[str]:
    """What differs beside the target, by the first two parts of its name."""
    kept = [name for name in names if not name.startswith(_NUMBERS) and not _of_target(name)]
    return list(dict.fromkeys(".".join(name.split("[")[0].split(".")[:2]) for name in kept))


def _of_target(name: str) -> bool:
    """Whether a name is one of the target, in its fingerprint or in the configuration."""
    return name.split(".")[0] == "target" or ".init_args.target." in name or name.endswith(".init_args.store")


def reading(of: Comparison) -> Iterator[str]:
    """How to read the numbers, the most important first."""
    if of.matched.basis == "none":
        return
    attacks = len(of.attacks)
    many = f" p-values of the {attacks} attacks are adjusted (Holm); intervals, and p-values of controls, are not."
    yield (
        "Change: AUC in B minus AUC in A, with its 95 % interval over the records drawn, the trained targets and heads "
        "taken as they are: what another training of the same target or head would change is not in it. "
        "Two-sided tests at 5 %." + many * (attacks > 1)
    )
    yield "Would be seen: the change that this test finds four times in five" + (
        ", after the correction for all attacks." if attacks > 1 else "."
    )
    if any(row.beside for row in of.rows):
        yield (
            "Beside a control: the change of the attack's AUC minus that of the control. Of several controls a "
            "sentence tells the smallest and the largest change, and the outer ends of their intervals."
        )
    if any(row.tpr for row in of.rows):
        yield "Changes of TPR have intervals of 1,000 bootstrap samples of groups, not adjusted, without a test."
    if any(row.change and row.change.ci is None for row in of.rows):
        yield (
            "– in place of an interval: both score all records alike, there are fewer than 10 groups on a side, or, "
            "beside a control, an AUC is so close to 0 or 1 that its variance is not to be trusted."
        )


def _sentence(of: Comparison, row: ComparedRow, change: Moved) -> str:
    where = " on the records in both" if of.matched.basis == "shared" else ""
    pair = f"from {number(change.before.auc)} to {number(change.after.auc)}"
    if change.finding == "not said":
        same = "unchanged" if change.delta == 0 else f"{signed(change.delta)}, without an interval"
        return f"{row.name}: AUC {pair}{where}, {same}."
    adjusted = f"adjusted {p_value(change.p_adjusted)}" if len(of.attacks) > 1 else p_value(change.p)
    if change.finding == "no difference seen":
        seen = f"; one of {number(change.detectable)} would have been (80 %)" if change.detectable is not None else ""
        p = change.p_decisive
        wider = ", but the interval, wider near an AUC of 0 or 1, holds 0" * (p is not None and p <= LEVEL)
        return (
            f"{row.name}: no difference seen{where}, {signed(change.delta)} {interval(change.ci)} {pair} "
            f"({adjusted}{wider}){seen}{_beside(of, row)}."
        )
    ends = sorted(abs(end) for end in change.ci or ())
    by = f"{number(abs(change.delta))} {interval(ends)}"
    return f"{row.name}: AUC is {change.finding} in B by {by}{where}, {pair} ({adjusted}){_beside(of, row)}."


def _beside(of: Comparison, row: ComparedRow) -> str:
    """Outside a coin, the changes beside the controls: of one, or the least and the largest with all intervals."""
    moved = [other.beside for other in of.rows if other.attack == row.name and other.beside]
    if _by_coin(of) or not moved:
        return ""
    lo, hi = (end(each.delta for each in moved) for end in (min, max))
    changes = signed(lo) if len(moved) == 1 else f"{signed(lo)} to {signed(hi)}"
    ends = [bound for each in moved for bound in each.ci or ()]
    known = f" {interval([min(ends), max(ends)])}" if all(each.ci for each in moved) else ""
    return f"; beside its {'control' if len(moved) == 1 else 'controls'} it changed by {changes}{known}"


def _by_coin(of: Comparison) -> bool:
    """Whether a coin decided in both audits who is a member."""
    return {of.a.design, of.b.design} <= set(BY_COIN)


def power_note(side: Side) -> str:
    """What the rule of one audit would have found."""
    return "cannot be said" if side.auc_needed is None else number(side.auc_needed)


def _records(members: int, nonmembers: int) -> str:
    return f"{count(members)} members and {count(nonmembers)} non-members"


def rate_heading(fpr: float) -> str:
    """Heading of the change of a true positive rate."""
    return f"Change of TPR@{percent(fpr)} FPR"
