"""Which design an audit has: what its source vouches for, or what its user states."""

from dataclasses import replace

from datamodules.sources.base import RecordSource, StatedDesign
from lit_mia.errors import RecordError
from lit_mia.metrics.evidence import BY_COIN, Design
from lit_mia.reasons import listed
from lit_mia.records import MEMBER, NON_MEMBER, Records


def agreed_design(source: RecordSource, given: Design | None, statement: str | None) -> StatedDesign:
    """The design of an audit.

    Args:
        source: Where the records come from.
        given: What the user says; None if nothing.
        statement: What the user says of the coin.

    Raises:
        RecordError: If the two contradict each other, the records do not allow it, or nobody vouches for the coin.
    """
    own, said = source.design, (statement or "").strip()
    quoted = (f"Stated by the auditor: “{said}”",) if said else ()
    kind = given or (own.kind if own else "post_hoc")
    if source.shift is not None and kind != "post_hoc":
        raise RecordError(f"These records allow only `design: post_hoc`, but it is `{kind}`. {source.shift}")
    if own is not None and kind not in (own.kind, "post_hoc"):
        raise RecordError(
            f"`design` is `{kind}`, but by {type(source).__name__} it is `{own.kind}`. Leave `design` out: the source "
            "tells it."
        )
    if own is not None:
        # `post_hoc` claims less, but copies stay copies
        return replace(own, kind=kind, sentences=(*own.sentences, *quoted))
    if kind in BY_COIN and not said:
        raise RecordError(
            f"`design: {kind}` says that a coin decided who is a member, but {type(source).__name__} cannot vouch for "
            "it. Read a design of `lit-mia design` with DesignSource; or say in `design_statement` who drew the coin, "
            "when and how, which the report quotes; or use `same_source_holdout` or `post_hoc`."
        )
    return StatedDesign(kind, quoted)


def check_sides(records: Records, kind: Design, source: RecordSource) -> str | None:
    """Refuse a design that the records' origins do not allow.

    Args:
        records: The records.
        kind: The agreed design.
        source: Where they come from; one that vouches for the design has joined them itself.

    Returns:
        How the sides differ by construction in more than membership, as a sentence; None if they do not.

    Raises:
        RecordError: If members and non-members come from different sources, and the design is not `post_hoc`.
    """
    apart = None if source.design is not None else _told_apart(records)
    if apart is not None and kind != "post_hoc":
        raise RecordError(
            f"These records allow only `design: post_hoc`, but it is `{kind}`. {apart} If they are of one source, list "
            "them in one table with a column of labels; splits of one data set of the hub are of one source."
        )
    return apart or source.shift


def _told_apart(records: Records) -> str | None:
    alone = records.one_sided()
    sides = {MEMBER: "members", NON_MEMBER: "non-members"}
    told = [f"{listed(origins, most=3)} holds {sides[side]} alone" for side, origins in alone.items() if origins]
    if not told:
        return None
    return f"The sides come from different sources, so they differ in more than membership: {'; '.join(told)}."
