"""What an identity audit does not say."""

from collections.abc import Sequence

from lit_mia.metrics.verdict import Design
from lit_mia.report.identity.schema import IdentityRow
from lit_mia.report.words import percent


def identity_limits(target: IdentityRow, notes: Sequence[str], cut_off: int, skipped: int, design: Design) -> list[str]:
    """Sentences that qualify every result.

    Args:
        target: The row of the target.
        notes: What the target has to say of itself.
        cut_off: Captions that it did not read to their end.
        skipped: People with too few images.
        design: How members and non-members came about.
    """
    point = target.points[0]
    limits = [
        "Rates are averages over people. Being recognised is a hint for one person, never a proof: on average, if "
        f"names are exchangeable within the pool, chance alone recognises up to {percent(point.bound)} of people by "
        f"{point.threshold} or more templates; larger if the model matches sex or origin to names.",
        "Not being recognised does not show that a person was left out of the training data.",
        "A name may stand in captions of pictures that do not show the person, and a person may have been trained on "
        "under another spelling: labels that come from captions can be wrong either way.",
        "Chance is bounded on average over people; some names are drawn to many faces at once, so that false "
        "recognitions come in clusters.",
        "Intervals are over people (95 %). Another pool of names or another training run would vary more.",
        "A stronger attack may exist. An audit can show that names are linked with faces, never that they are not.",
    ]
    if point.fpr is None:
        limits.append("Nobody is known to be no member, so false recognitions were not measured.")
    if design == "post_hoc":
        limits.append("Members and others were put together afterwards, so no number is evidence of training use.")
    if skipped:
        limits.append(f"{skipped} people have too few readable images and were skipped.")
    if cut_off:
        limits.append(f"The target does not read {cut_off} captions to their end; names in them may be lost.")
    return [*limits, *notes]
