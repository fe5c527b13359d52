"""What has to be said beside the numbers of a membership audit, alike in the terminal, in Markdown and on the page."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from lit_mia.metrics.threshold import MIN_FALSE_POSITIVES
from lit_mia.metrics.verdict import Design
from lit_mia.records import MEMBER, NON_MEMBER, Records
from lit_mia.registry import Registry
from lit_mia.report.membership.schema import AuditReport, Fidelity, ImageSetDistance, Refused, Row, ToolCheck
from lit_mia.report.words import NOTHING, count, number, p_value, percent

JOINED = " + "
LEVEL = 0.01
"""Two-sided level of Fisher's exact test below which unequal refusal is reported."""
INCEPTION = "InceptionEncoder"


def blocks(report: AuditReport) -> list[list[Row]]:
    """Rows by attack, in the order of the report: the attack first, then its controls."""
    names = list(dict.fromkeys(row.attack for row in report.rows))
    return [sorted((r for r in report.rows if r.attack == name), key=lambda r: r.kind != "attack") for name in names]


def fpr_levels(rows: Sequence[Row]) -> list[float]:
    """The false positive rates at which true positive rates were measured."""
    return list(dict.fromkeys(point["fpr"] for row in rows for point in row["tpr_at_fpr"]))


def fpr_floor(report: AuditReport) -> float:
    """10 / n0 of the test split: below it a true positive rate rests on fewer than ten false positives."""
    return MIN_FALSE_POSITIVES / max(1, min(int(row["n_nonmembers"]) for row in report.rows))


def footnotes(report: AuditReport, levels: Sequence[float]) -> list[str]:
    """What a table of these FPR levels needs said: the reason of each dash, the floor, how to read rates and marks."""
    points = [point for row in report.rows for point in row["tpr_at_fpr"] if point["fpr"] in levels]
    reasons = dict.fromkeys(point["reason"] for point in points if point["reason"])
    return [
        *(f"{NOTHING}: {reason}" for reason in reasons),
        f"FPR floor 10/n0: {percent(fpr_floor(report))}. TPR is taken at the largest FPR not above the level, "
        "and is an average over records.",
        "✓: significantly above every one of its controls (5 %, one-sided, Holm over the attacks).",
        *_evaluation_notes(report),
        *([_tool_note(report.tools)] if report.tools else []),
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
    if not any(row["evaluations"] is not None for row in report.rows):
        return []
    spent = {
        name: report.cost.by_target[name]["nfe"] for name in ("target", "placebo") if name in report.cost.by_target
    }
    asked = [f"the {name} {count(nfe)}" for name, nfe in spent.items() if nfe]
    shared = f"One pass asked {' and '.join(asked)} evaluations in all (shared between attacks)."
    return ["NFE: denoiser evaluations per record that the attack asks for alone.", *([shared] if asked else [])]


def _tool_note(check: ToolCheck) -> str:
    """Whether the attacker's tools work."""
    return (
        f"Tools: {percent(check['found'] / check['n'])} of {count(check['n'])} captions find their own image among the "
        f"{check['nearest']} nearest (by chance {percent(check['nearest'] / check['n'])}, {p_value(check['p'])})."
    )


# ---------------------------------------------------------------------- protocols


@dataclass(frozen=True)
class Protocol:
    """A way of scoring.

    Attributes:
        name: What `audit.json` calls it.
        label: What a table calls it, where rows differ in it.
        note: What the reader has to know of it.
    """

    name: str
    label: str
    note: str


PROTOCOLS: Registry[Protocol] = Registry(
    "protocol",
    (
        Protocol("heads", "trained head", "Heads are trained on pairs (train split); val chooses the epoch."),
        Protocol(
            "threshold",
            "threshold",
            "Scored by a threshold on the statistic; no training. Setting chosen on train and val.",
        ),
        Protocol(
            "resnet",
            "ResNet on residuals",
            "Scored by a ResNet trained on the residual map (train split); not comparable with threshold numbers.",
        ),
    ),
)


def joined(names: Iterable[str]) -> str:
    """What a report calls the protocols of its rows."""
    return JOINED.join(dict.fromkeys(names))


def note_of(protocol: str) -> str:
    """What has to be said of a report's protocols; nothing of trained heads alone, which every section explains."""
    names = protocol.split(JOINED)
    correction = ["One Holm correction covers all attacks."] if len(names) > 1 else []
    return "" if names == ["heads"] else " ".join([*(PROTOCOLS[name].note for name in names), *correction])


# ---------------------------------------------------------------------- refusals


def count_refused(records: Records, reasons: Mapping[str, str]) -> Refused:
    """Count what a target refused.

    Args:
        records: The labelled records that it was asked about.
        reasons: Id → reason of those that it refused.
    """
    from scipy.stats import fisher_exact

    labelled = list(zip(records.ids, records.members, strict=True))
    by_class = {
        label: Counter(reasons[name] for name, of in labelled if of == label and name in reasons)
        for label in (MEMBER, NON_MEMBER)
    }
    refused = {label: counts.total() for label, counts in by_class.items()}
    asked = {label: records.members.count(label) for label in by_class}
    return {
        "asked": {"member": asked[MEMBER], "non_member": asked[NON_MEMBER]},
        "refused": {"member": refused[MEMBER], "non_member": refused[NON_MEMBER]},
        "reasons": {"member": dict(by_class[MEMBER]), "non_member": dict(by_class[NON_MEMBER])},
        "p_unequal": float(fisher_exact([[refused[i], asked[i] - refused[i]] for i in (MEMBER, NON_MEMBER)]).pvalue),
    }


def refusal_note(role: str, of: Refused) -> str:
    """How many records of each class a target refused, and why.

    Args:
        role: `target` or `placebo`.
        of: What it refused.
    """
    members, others = (f"{_share(of, kind)}{_listed(of['reasons'][kind])}" for kind in ("member", "non_member"))
    return f"The {role} refused {members} of the members and {others} of the non-members; no row holds their scores."


def unequal_refusals(refused: Mapping[str, Refused]) -> list[str]:
    """A warning for each target that refuses one class significantly more often.

    Args:
        refused: Role → what that target refused.
    """
    return [_warning(role, of) for role, of in refused.items() if of["p_unequal"] < LEVEL]


def _warning(role: str, of: Refused) -> str:
    rates = {kind: of["refused"][kind] / of["asked"][kind] for kind in of["asked"]}
    more = "members" if rates["member"] > rates["non_member"] else "non-members"
    meaning = (
        "That difference itself betrays membership and is not in the scores."
        if role.startswith("target")
        else "It saw neither side, so refusals can tell the two sides apart without the target."
    )
    return (
        f"The {role} refuses {more} more often: {_share(of, 'member')} members, {_share(of, 'non_member')} non-members "
        f"(Fisher's exact test, p = {of['p_unequal']:.1g}). {meaning}"
    )


def _share(of: Refused, kind: str) -> str:
    return f"{of['refused'][kind]} of {of['asked'][kind]}"


def _listed(reasons: Mapping[str, int]) -> str:
    listed = ", ".join(f"{reason}: {n}" for reason, n in sorted(reasons.items(), key=lambda item: (-item[1], item[0])))
    return f" ({listed})" if listed else ""


# ---------------------------------------------------------------------- FID and KID


def distance_rows(fidelity: Fidelity) -> list[tuple[str, str, str]]:
    """What is compared, FID and KID ± deviation, for each of the three distances."""
    named: list[tuple[str, ImageSetDistance]] = [
        ("Members and what was generated from their captions", fidelity["members"]),
        ("Non-members and what was generated from their captions", fidelity["non_members"]),
        ("Members and non-members", fidelity["sides"]),
    ]
    return [(name, _digits(d["fid"]), f"{_digits(d['kid'])} ± {_digits(d['kid_std'])}") for name, d in named]


def fidelity_line(fidelity: Fidelity) -> str:
    """The three distances and their p values in one sentence, with the encoder's name."""
    members, non_members, sides = (_digits(fidelity[key]["fid"]) for key in ("members", "non_members", "sides"))
    doubt = "; FID is rank-deficient here, read KID in the report" if fidelity["rank_deficient"] else ""
    return (
        f"FID by {fidelity['encoder']}, {count(fidelity['n'])} images a side: to generated images {members} (members), "
        f"{non_members} (non-members), {p_value(fidelity['p_generated'])}; members to non-members {sides}, "
        f"{p_value(fidelity['p_sides'])}{doubt}."
    )


def fidelity_notes(fidelity: Fidelity) -> list[str]:
    """How to read the distances, and what is wrong with them."""
    n, dimension = count(fidelity["n"]), count(fidelity["dimension"])
    generated, sides = p_value(fidelity["p_generated"]), p_value(fidelity["p_sides"])
    warnings = {
        f"Warning: {n} images are not more than the {dimension} features: the covariances are rank-deficient, and "
        "most of each FID is bias. Read KID, which is unbiased at any size.": fidelity["rank_deficient"],
        f"The features are those of {fidelity['encoder']}, not of FID's Inception: these values cannot be compared "
        "with published ones.": not fidelity["encoder"].startswith(INCEPTION),
    }
    return [
        *(warning for warning, applies in warnings.items() if applies),
        f"Each set has {n} images, the same number on every side, because FID falls as sets grow.",
        "KID: mean ± standard deviation over subsets; the deviation is no standard error.",
        f"Do members and non-members differ in the distance to their generated images? {generated}. "
        f"Do their own images differ? {sides}. Permutation tests on KID's kernel.",
        "All known records, whatever their split. Nothing here enters a head or the verdict.",
    ]


def _digits(value: float) -> str:
    """Three significant digits: the scale is the encoder's."""
    return f"{value:.3g}".replace("-", "−")


# ---------------------------------------------------------------------- limits


def limits_of(design: Design, placebo: bool, test: Mapping[str, int], shift: str | None = None) -> list[str]:
    """Sentences that qualify every result.

    Args:
        design: How the members came to be members.
        placebo: Whether a placebo target was asked.
        test: Records of each class in the test split.
        shift: How the classes differ by construction in more than membership.
    """
    sometimes = {
        "placebo: none. What any generator's answers to these captions betray is not excluded.": not placebo,
        "Members and non-members were put together afterwards, so no number here is evidence of training use.": (
            design == "post_hoc"
        ),
        shift or "": shift is not None,
    }
    return [
        "Rates are averages over the test records; they are no statement about one record.",
        "A difference to a control is not an exact amount of leakage: one head can use both kinds of signal.",
        f"The test split holds {test['member']} members and {test['non_member']} non-members; "
        "rates below 10 / non-members are not reported.",
        "A stronger attack may exist. An audit can show a leak; it cannot show that there is none.",
        *(sentence for sentence, applies in sometimes.items() if applies),
    ]
