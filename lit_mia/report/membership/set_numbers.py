"""What `audit.json` holds of the test of all suspected records together."""

from typing import TypedDict

from lit_mia.report.forms.fields import Count, Share


class SetFamily(TypedDict):
    """What the scores of one kind of row, joined, tell of sets of records, as `lit_mia.metrics.set_level.SetTest`.

    `shares` has one entry for each of `sizes`, of which the last is all suspected groups.
    """

    kind: str
    p: Share
    sizes: list[Count]
    shares: list[Share]
    smallest: Count | None


class SetLevel(TypedDict):
    """Whether the suspected records of test, taken together, are told from known non-members (data-set inference).

    `suspected` and `known` count groups. `families`: the attacks first, then each kind of control.
    `false_rejections`: share of random halves of the known groups that are told from the other half at 1 %, with its
    95 % interval; None with too few.
    """

    suspected: Count
    known: Count
    families: list[SetFamily]
    false_rejections: tuple[Share, tuple[Share, Share]] | None
