"""The verdict of an extraction audit in plain English, and what qualifies it."""

from collections.abc import Iterator, Sequence

from lit_mia.metrics.copying.verdict import ExtractionKind
from lit_mia.metrics.evidence import BY_COIN, Design
from lit_mia.report.extraction.schema import CopyRow, Counted, Triaged, UntargetedRow
from lit_mia.report.words import p_value, percent, percent_interval

_FINDINGS: dict[ExtractionKind, str] = {
    "design violated": "The base, which saw neither half, reproduces the training half more often, or more closely, "
    "than the held-out half, which a coin does not allow: something else than the coin decided, or the records were "
    "changed after it. Nothing is concluded.",
    "training images reproduced": "Training images are reproduced more often than held-out ones, which chance "
    "under a coin does not explain.",
    "closer than chance, no copies": "No excess of copies is found at any threshold, but what is drawn from captions "
    "of the training half is closer to their images, more often than chance under a coin explains: some are answered "
    "from memory, if not verbatim.",
    "suggestive (no coin)": "Training images are reproduced more often, or more closely, than held-out ones, but no "
    "coin decided which are which, so that a difference between the halves may be the reason.",
    "confounded": "Training images are reproduced more often, or more closely, than held-out ones, but the base, which "
    "saw neither, does so too: a difference between the halves may explain it.",
    "not evidence (post hoc design)": "Training images are reproduced more often, or more closely, than others, but "
    "they were put together afterwards, so that a difference between the two may be the reason.",
    "not detected under this protocol": "Training images are not found to be reproduced more often, or more closely, "
    "than held-out ones. This does not show that none can be extracted by other prompts or more images.",
}


def extraction_sentence(
    kind: ExtractionKind,
    rows: Sequence[CopyRow],
    untargeted: Sequence[UntargetedRow],
    *,
    draws: int,
    triaged: Triaged | None,
) -> str:
    """The verdict in words; the first sentence holds all counts and may be quoted by itself.

    Args:
        kind: The verdict.
        rows: All rows of the records' own captions, the target by the first measure at its first threshold first.
        untargeted: All rows of other prompts.
        draws: Images drawn from each caption.
        triaged: Which captions were drawn; None: all.
    """
    first, images = rows[0], f"{draws} {'image' if draws == 1 else 'images'} drawn of each"
    if triaged is not None:
        images += f" of {triaged.members} captions of the training half and {triaged.nonmembers} held out, no others"
    base = next((row for row in rows if row.name == "base" and row.measure == first.measure), None)
    told = [
        f"{_counted(first.members, 'training images')} were reproduced by the model from their own captions "
        f"({images}; {first.measure}, and nearest of all records)",
        f"held-out control {_counted(first.nonmembers)}",
        "no base model was asked"
        if base is None
        else f"base model {_counted(base.members, 'training images')} and {_counted(base.nonmembers, 'held-out ones')}",
    ]
    return f"{'; '.join(told)}. {_FINDINGS[kind]}{_test(kind, rows, untargeted)}"


def _test(kind: ExtractionKind, rows: Sequence[CopyRow], untargeted: Sequence[UntargetedRow]) -> str:
    """The test with the smallest adjusted p of the target, where something is found."""
    if kind in ("not detected under this protocol", "design violated"):
        return ""
    own = [row for row in rows if row.name != "base"]
    counted = [(row.p_excess_adjusted, f"Fisher's exact test of {row.measure}, {row.name}") for row in own]
    counted += [
        (row.p_excess_adjusted, f"Fisher's exact test of {row.measure}, {row.name} from other prompts, {row.how}")
        for row in untargeted
        if row.name != "base"
    ]
    free = [told for row in own if row.is_first for told in _free(row)]
    found = {"training images reproduced": counted, "closer than chance, no copies": free}.get(kind, counted + free)
    p, test = min(found)
    return f" {test}: {p_value(p)}, adjusted for all tests by Holm."


def _free(row: CopyRow) -> Iterator[tuple[float, str]]:
    """The tests of a row that need no threshold, each with its adjusted p."""
    measure, *_ = row.measure.rsplit(maxsplit=2)  # without sign and threshold
    by = f"by the {measure}, {row.name}"
    yield row.p_top_run_adjusted, f"{row.top_run} training groups are closer than every held-out one {by}"
    if row.own_nearest is not None:
        members, others = map(percent, row.own_nearest)
        yield (
            row.p_own_nearest_adjusted,
            f"The nearest of all records is the caption's own for {members} of the training captions and {others} of "
            f"the held-out ones {by}",
        )


def _counted(half: Counted, what: str = "") -> str:
    """`12 of 362 training images (3.31 %, 95 % CI [1.7, 5.7] %)`; for none, what is excluded."""
    named = f"{half.k} of {half.n}{f' {what}' if what else ''}"
    if half.k:
        return f"{named} ({percent(half.rate)}, 95 % CI {percent_interval(half.ci)})"
    return f"{named} (at most {percent(half.hi, 2)}, 95 % CI)"


def extraction_limits(design: Design, verified: bool, shift: str | None, has_base: bool) -> list[str]:
    """Sentences that qualify every result.

    Args:
        design: How the halves came about.
        verified: Whether a coin was checked.
        shift: How the halves differ by construction in more than membership, if they do.
        has_base: Whether a base was asked.
    """
    sometimes = {
        "A coin decided about the halves, but this was stated, not checked.": design in BY_COIN and not verified,
        "The halves were held out from one source without a coin.": design == "same_source_holdout",
        "No base model was asked: what a caption alone describes, or what the model knew before its fine-tuning, is "
        "told by the held-out half only.": not has_base,
        shift or "": shift is not None,
    }
    return [
        "All counts are under this protocol: the records' own captions, this sampler, this number of images. More "
        "images, other prompts or an attack on the weights may extract more; no number here is an upper bound on that.",
        "The unit is the record, not the generation; in tests it is the group of near-duplicates, of which one is "
        "enough.",
        "A threshold tells copies as well as the measure does. The share of held-out images that reach it is how often "
        "it is reached without having been trained on the image.",
        "What is reproduced of one training image may be that of a near-duplicate elsewhere in the training set.",
        "Whether a reproduction infringes a right is a question of law that no count answers.",
        *(sentence for sentence, applies in sometimes.items() if applies),
    ]
