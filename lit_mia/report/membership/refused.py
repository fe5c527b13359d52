"""How many records a target refused, and whether members more often than others."""

from collections import Counter
from collections.abc import Mapping

from lit_mia.records import MEMBER, NON_MEMBER, Records
from lit_mia.report.membership.schema import Refused

LEVEL = 0.01
"""Two-sided level of Fisher's exact test below which unequal refusal is reported."""


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
