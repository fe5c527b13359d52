"""Captions in a cell of a table: a text, several texts, or an object that holds them."""

import ast
import json
import math
import tokenize
from collections.abc import Mapping, Sequence
from io import StringIO
from typing import Any, Literal

from lit_mia.errors import RecordError
from lit_mia.records import MEMBER, NON_MEMBER, Records
from lit_mia.splits import group_coin

CaptionChoice = Literal["first", "random", "all"]
NOTHING = {"", "nan", "NaN", "None", "<NA>"}
"""What programs write into a text where a cell is empty."""

_KEYS = ("caption", "text", "prompt", "raw")
"""Where an object holds its captions: the first of these that it has."""


def captions_in(cell: Any, where: str) -> list[str]:
    """The captions that a cell holds, without blank ones and those that say that there is none (`NOTHING`).

    A text that is a list of texts as JSON, Python or NumPy write it, or pandas such a column, is that list. Bytes are
    UTF-8. An object holds its captions under `caption`, `text`, `prompt` or `raw`.

    Args:
        cell: A cell of the table.
        where: The place that an error names, e.g. "line 7".

    Raises:
        RecordError: If it holds something else.
    """
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return []
    if isinstance(cell, bytes):
        return captions_in(decoded(cell, where), where)
    if isinstance(cell, str):
        texts = _listed(cell)
        return [text for text in ([cell] if texts is None else texts) if text.strip() not in NOTHING]
    if isinstance(cell, int) and not isinstance(cell, bool):
        return [str(cell)]
    if isinstance(cell, Sequence):
        return [text for item in cell for text in captions_in(item, where)]
    key = next((key for key in _KEYS if key in cell), None) if isinstance(cell, Mapping) else None
    if key is None:
        raise RecordError(_refusal(cell, where))
    return captions_in(cell[key], where)


def chosen(captions: Sequence[str], choice: CaptionChoice, name: str) -> list[str | None]:
    """Those of several captions of an image that are used: one, or all of them; None if there is none.

    Args:
        captions: What there is.
        choice: `first`; `random`, which depends on the name only; or `all`.
        name: Id of the record.
    """
    if not captions:
        return [None]
    if choice == "all":
        return list(captions)
    coin = group_coin("captions", name) if choice == "random" else 0.0
    return [captions[min(int(coin * len(captions)), len(captions) - 1)]]


def decoded(cell: bytes, where: str) -> str:
    """The text of some bytes, which must be UTF-8.

    Args:
        cell: The bytes.
        where: The place that an error names.

    Raises:
        RecordError: If they are not.
    """
    try:
        return cell.decode("utf-8-sig").strip()
    except UnicodeDecodeError as error:
        raise RecordError(f"A caption must be text in UTF-8, but {where} holds other bytes: {error}.") from error


def check_both_sides(records: Records, where: str, advice: str) -> None:
    """Refuse captions of members alone, or of non-members alone.

    Args:
        records: Members and non-members.
        where: What holds them, for messages.
        advice: What to do, as a sentence.

    Raises:
        RecordError: If an attack could tell them apart by that.
    """
    sides = {MEMBER, NON_MEMBER}
    captioned = {member for member, caption in zip(records.members, records.captions, strict=True) if caption} & sides
    if len(captioned) == 1 and sides <= {*records.members}:
        raise RecordError(
            f"Only {'members' if MEMBER in captioned else 'non-members'} have captions in {where}, so an attack could "
            f"tell them apart without the target. {advice}"
        )


def _listed(text: str) -> list[str] | None:
    """The texts of a list that was written as text; None if it is no such list."""
    text = text.strip()
    if not (text.startswith("[") and text.endswith("]")):
        return None
    try:
        items = json.loads(text)
    except (ValueError, RecursionError):
        items = _literals(text)
    texts = [item for item in items or () if item is not None]
    return texts if items is not None and all(isinstance(item, str) for item in texts) else None


def _literals(text: str) -> list[Any] | None:
    """What stands in a list, with or without commas: NumPy writes none, and Python would join the texts."""
    try:
        tokens = [token.string for token in tokenize.generate_tokens(StringIO(text).readline)]
        inner = [token for token in tokens if token.strip() not in ("", ",")][1:-1]
        return [None if token == "nan" else ast.literal_eval(token) for token in inner]
    except (ValueError, SyntaxError, tokenize.TokenError):
        return None


def _refusal(cell: Any, where: str) -> str:
    what = f"an object of {list(map(str, cell))[:10]}" if isinstance(cell, Mapping) else f"{str(cell)[:80]!r}"
    return (
        f"A caption must be a text, a list of texts, or an object with one of {', '.join(_KEYS)}, but {where} has "
        f"{what}. Name another `caption_column`; a part of an object is named like `json.title`."
    )
