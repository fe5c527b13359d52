"""Membership labels, as people and programs write them."""

from lit_mia.errors import RecordError
from lit_mia.records import MEMBER, NON_MEMBER, UNKNOWN

_WORDS = {
    **dict.fromkeys(("1", "true", "yes", "member", "members"), MEMBER),
    **dict.fromkeys(("0", "false", "no", "nonmember", "non-member", "non_member", "non member"), NON_MEMBER),
    **dict.fromkeys(("nonmembers", "non-members", "non_members", "non members"), NON_MEMBER),
    **dict.fromkeys(("", "unknown", "nan", "none", "null", "<na>"), UNKNOWN),
}


def parse_member(value: object, where: str) -> int:
    """Read a membership label.

    `1`, `1.0`, `true`, `yes` and `member` are 1; `0`, `0.0`, `false`, `no`, `nonmember` and `non-member` are 0;
    `unknown`, `nan`, `none`, `null` and an empty cell are -1; in any case of letters.

    Args:
        value: A cell of the table.
        where: The place that an error names, e.g. "line 7".

    Raises:
        RecordError: If the cell holds anything else.
    """
    text = "" if value is None else str(value).strip().lower()
    word = text.removesuffix(".0")  # what pandas makes of 1 and 0 in a column that also holds empty cells
    if word not in _WORDS:
        raise RecordError(
            f"A member label must be 1, 0, or empty or `unknown`, but {where} has {value!r}. Words that say the same "
            "are member and nonmember, true and false, yes and no."
        )
    return _WORDS[word]


def check_labelled_once(member: int | None, column: str | None) -> None:
    """Refuse one label for all records beside a column of labels.

    Raises:
        RecordError: If both are given.
    """
    if member is not None and column is not None:
        raise RecordError(
            "Give `member` for the whole source or `member_column` for each record, but not both: set `member_column` "
            "to null."
        )
