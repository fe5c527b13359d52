"""What a membership audit does not say."""

from collections.abc import Mapping

from lit_mia.metrics.verdict import Design


def limits_of(design: Design, placebo: bool, test: Mapping[str, int], shift: str | None = None) -> list[str]:
    """Sentences that qualify every result.

    Args:
        design: How the members came to be members.
        placebo: Whether a placebo target was asked.
        test: Records of each class in the test split.
        shift: How the classes differ by construction in more than membership.
    """
    limits = [
        "Rates are averages over the test records; they are no statement about one record.",
        "A difference to a control is not an exact amount of leakage: one head can use both kinds of signal.",
        f"The test split holds {test['member']} members and {test['non_member']} non-members; "
        "rates below 10 / non-members are not reported.",
        "A stronger attack may exist. An audit can show a leak; it cannot show that there is none.",
    ]
    if not placebo:
        limits.append("placebo: none. What any generator's answers to these captions betray is not excluded.")
    if design == "post_hoc":
        limits.append(
            "Members and non-members were put together afterwards, so no number here is evidence of training use."
        )
    if shift is not None:
        limits.append(shift)
    return limits
