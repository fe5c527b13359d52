"""How numbers and rows are written, alike in the terminal, in Markdown and on the page."""

from collections.abc import Sequence
from dataclasses import dataclass

from lit_mia.metrics.tpr import MIN_FALSE_POSITIVES
from lit_mia.report.refused import refusal_note
from lit_mia.report.schema import AuditReport, Protocol, Row, RowKind, TprPoint

NOTHING = "–"
_PROTOCOLS: dict[Protocol, str] = {
    "heads": "",
    "threshold": "Scored by a threshold on the statistic; no training. Setting chosen on train and val.",
    "resnet": "Scored by a ResNet trained on the residual map (train split); not comparable with threshold numbers.",
}


@dataclass(frozen=True)
class Cells:
    """One row of the headline table as text; empty where a control has no such number."""

    name: str
    short: str
    kind: RowKind
    setting: str
    evaluations: str
    auc: str
    auc_ci: str
    seeds: str
    accuracy: str
    accuracy_ci: str
    tpr: tuple[str, ...]
    tpr_ci: tuple[str, ...]
    tpr_notes: tuple[str, ...]
    delta: str
    delta_ci: str
    versus: str
    versus_short: str
    p: str
    beats: str


def number(value: float | None, digits: int = 3) -> str:
    """0.7124 → `0.712`; None → a dash."""
    return NOTHING if value is None else f"{value:.{digits}f}"


def signed(value: float | None, digits: int = 3) -> str:
    """0.18 → `+0.180`, −0.02 → `−0.020` with a true minus sign; None → a dash."""
    return NOTHING if value is None else f"{value:+.{digits}f}".replace("-", "−")


def interval(ci: Sequence[float] | None, digits: int = 3) -> str:
    """(0.65, 0.77) → `[0.650, 0.770]`; None → nothing."""
    return "" if ci is None else f"[{ci[0]:.{digits}f}, {ci[1]:.{digits}f}]".replace("-", "−")


def percent(value: float | None, digits: int = 3) -> str:
    """0.01 → `1 %`, to `digits` significant digits with a space that does not break; None → a dash."""
    return NOTHING if value is None else f"{100 * value:.{digits}g}\u00a0%"


def percent_interval(ci: Sequence[float] | None) -> str:
    """(0.01, 0.054) → `[1.0, 5.4] %`; None → nothing."""
    return "" if ci is None else f"[{100 * ci[0]:.1f}, {100 * ci[1]:.1f}]\u00a0%"


def p_value(p: float | None) -> str:
    """0.0063 → `p = 0.006`; 0.0002 → `p < 0.001`; None → nothing."""
    if p is None:
        return ""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def count(value: int) -> str:
    """320000 → `320 000`, with narrow spaces that do not break."""
    return f"{value:,}".replace(",", "\u202f")


def duration(seconds: float) -> str:
    """4321.0 → `1 h 12 min`; 75.4 → `1 min 15 s`; 3.2 → `3.2 s`."""
    if seconds < 60:
        return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def cells(row: Row) -> Cells:
    """The row as text; setting and evaluations only of an attack, because its placebo has the same."""
    attack = row.kind == "attack"
    return Cells(
        name=row.name,
        short=row.name.removeprefix(f"{row.attack} "),
        kind=row.kind,
        setting=(row.setting or "") if attack else "",
        evaluations=count(row.evaluations) if attack and row.evaluations is not None else "",
        auc=number(row.auc),
        auc_ci=interval(row.auc_ci),
        seeds=_range(row.auc_per_seed),
        accuracy=number(row.accuracy),
        accuracy_ci=interval(row.accuracy_ci),
        tpr=tuple(number(point["tpr"]) for point in row.tpr_at_fpr),
        tpr_ci=tuple(interval(point["ci"]) for point in row.tpr_at_fpr),
        tpr_notes=tuple(_tpr_note(point) for point in row.tpr_at_fpr),
        delta="" if row.delta_auc is None else signed(row.delta_auc),
        delta_ci=interval(row.delta_auc_ci),
        versus=row.strongest_control or "",
        versus_short=(row.strongest_control or "").removeprefix(f"{row.attack} "),
        p=p_value(row.p_adjusted),
        beats={None: "", True: "✓", False: "✗"}[row.beats_controls],
    )


def blocks(report: AuditReport) -> list[list[Row]]:
    """Rows by attack, in the order of the report: the attack first, then its controls."""
    names = list(dict.fromkeys(row.attack for row in report.rows))
    return [sorted((r for r in report.rows if r.attack == name), key=lambda r: r.kind != "attack") for name in names]


def protocol_note(report: AuditReport) -> str:
    """How attacks without training of their own were scored; nothing for trained heads."""
    return _PROTOCOLS[report.protocol]


def fpr_levels(report: AuditReport) -> list[float]:
    """The false positive rates at which true positive rates were measured."""
    return list(dict.fromkeys(point["fpr"] for row in report.rows for point in row.tpr_at_fpr))


def fpr_floor(report: AuditReport) -> float:
    """10 / n0 of the test split: below it a true positive rate rests on fewer than ten false positives."""
    return MIN_FALSE_POSITIVES / max(1, min(row.n_nonmembers for row in report.rows))


def footnotes(report: AuditReport, levels: Sequence[float]) -> list[str]:
    """What a table of these FPR levels needs said: the reason of each dash, the floor, how to read rates and marks."""
    points = [point for row in report.rows for point in row.tpr_at_fpr if point["fpr"] in levels]
    reasons = dict.fromkeys(point["reason"] for point in points if point["reason"])
    return [
        *(f"{NOTHING}: {reason}" for reason in reasons),
        f"FPR floor 10/n0: {percent(fpr_floor(report))}. TPR is taken at the largest FPR not above the level, "
        "and is an average over records.",
        "✓: significantly above every one of its controls (5 %, one-sided, Holm over the attacks).",
        *_evaluation_notes(report),
        *_tool_notes(report),
        *(refusal_note(role, refused) for role, refused in report.refused.items()),
    ]


def charge_notes(report: AuditReport) -> list[str]:
    """What was paid for, apart from what may have been, for each target that keeps accounts."""
    return [
        f"Images asked for from the {role}, in all runs: {count(paid['confirmed'])} with a confirmed charge "
        f"({number(paid['confirmed_money'], 2)}), {count(paid['uncertain'])} possibly charged "
        f"({number(paid['uncertain_money'], 2)})."
        for role, paid in report.cost.charges.items()
    ]


def statement(report: AuditReport) -> str:
    """The sentence of the verdict, without the kind of verdict where it begins with it."""
    kind, sentence = report.verdict["kind"], report.verdict["sentence"]
    head, _, rest = sentence.partition(": ")
    return rest[:1].upper() + rest[1:] if rest and head.lower().startswith(kind.lower()) else sentence


def _evaluation_notes(report: AuditReport) -> list[str]:
    """What the column NFE means, and what sharing one pass saved; nothing for trained heads."""
    if report.protocol == "heads":
        return []
    notes = ["NFE: denoiser evaluations per record that the attack asks for alone."]
    spent = {
        name: report.cost.by_target[name]["nfe"] for name in ("target", "placebo") if name in report.cost.by_target
    }
    asked = [f"the {name} {count(nfe)}" for name, nfe in spent.items() if nfe]
    if asked:
        notes.append(f"One pass asked {' and '.join(asked)} evaluations in all (shared between attacks).")
    return notes


def _tool_notes(report: AuditReport) -> list[str]:
    """Whether the attacker's tools work, where that was checked."""
    check = report.tools
    if check is None:
        return []
    return [
        f"Tools: {percent(check['found'] / check['n'])} of {count(check['n'])} captions find their own image among the "
        f"{check['nearest']} nearest (by chance {percent(check['nearest'] / check['n'])}, {p_value(check['p'])})."
    ]


def _tpr_note(point: TprPoint) -> str:
    return "" if point["achieved_fpr"] is None else f"at {percent(point['achieved_fpr'])} FPR"


def _range(values: Sequence[float]) -> str:
    return f"{min(values):.3f}–{max(values):.3f}" if len(values) > 1 else ""
