"""Which design an audit has: what its source vouches for, or what its user states."""

from dataclasses import replace

from datamodules.sources.base import RecordSource, StatedDesign
from lit_mia.errors import RecordError
from lit_mia.metrics.evidence import BY_COIN, Design


def agreed_design(source: RecordSource, given: Design | None, statement: str | None) -> StatedDesign:
    """The design of an audit.

    Args:
        source: Where the records come from.
        given: What the user says; None if nothing.
        statement: What the user says of the coin.

    Raises:
        RecordError: If the two contradict each other, the records do not allow it, or nobody vouches for the coin.
    """
    own = source.design
    kind = given or (own.kind if own else "post_hoc")
    if source.shift is not None and kind != "post_hoc":
        raise RecordError(f"These records allow only `design: post_hoc`, but it is `{kind}`. {source.shift}")
    if own is not None and kind not in (own.kind, "post_hoc"):
        raise RecordError(
            f"`design` is `{kind}`, but by {type(source).__name__} it is `{own.kind}`. Leave `design` out: the source "
            "tells it."
        )
    if own is not None:
        return replace(own, kind=kind)  # `post_hoc` claims less, but copies stay copies
    if kind in BY_COIN and not (statement or "").strip():
        raise RecordError(
            f"`design: {kind}` says that a coin decided who is a member, but {type(source).__name__} cannot vouch for "
            "it. Read a design of `lit-mia design` with DesignSource; or say in `design_statement` who drew the coin, "
            "when and how, which the report quotes; or use `same_source_holdout` or `post_hoc`."
        )
    return StatedDesign(kind)


def stated_coin(statement: str | None) -> list[str]:
    """What a report says of a user's statement, if there is one."""
    return [f"Coin stated, not checked: “{statement.strip()}”"] if statement and statement.strip() else []
