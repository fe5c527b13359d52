"""What a server says instead of images, in the words of its family, and whether a moderation filter says it."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self, final

MODERATION = {
    "moderation_blocked",  # GPT image models
    "content_policy_violation",  # DALL·E
    "content_filter",  # Azure and servers that follow it, with the two below
    "contentFilter",
    "ResponsibleAIPolicyViolation",
    "sensitive_words_detected",  # one-api and new-api
}
"""Codes and types of moderation filters."""
PHRASES = re.compile(
    r"safety system|content management policy|content polic(?:y|ies)|contentpolicyviolation|content filters?\b|"
    r"content moderation|responsible ai practices|sensitive words|nsfw (?:content|images?)\b",
    re.IGNORECASE,
)
"""What they say where a proxy puts its own code, such as `400`, in the place of theirs."""
REQUEST_ID = re.compile(r"\(request id: [^)]*\)")
"""What one-api and new-api add to every message, so that no two are the same."""


@final
@dataclass(frozen=True)
class Report:
    """An answer without images.

    Attributes:
        codes: All codes and types in it, of errors that it wraps too.
        code: The first code that is a word; empty if there is none.
        message: What it says to people.
        fields: Fields of the request that it names as the cause.
    """

    codes: frozenset[str]
    code: str
    message: str
    fields: tuple[str, ...]

    @classmethod
    def of(cls, body: bytes) -> Self:
        """Read an answer of any server: an error of OpenAI's form, FastAPI's `detail`, or anything else."""
        try:
            return cls._said(json.loads(body), body)
        except (ValueError, RecursionError):  # no JSON, or more deeply nested than can be read
            return cls._said(None, body)

    @classmethod
    def _said(cls, content: Any, body: bytes) -> Self:
        parts = list(_dicts(content))
        given = [str(part[name]) for name in ("code", "type") for part in parts if part.get(name)]
        words = (str(part["code"]) for part in parts if re.fullmatch(r"[A-Za-z][\w.-]*", str(part.get("code") or "")))
        named = [part.get("param") or _last(part.get("loc")) for part in parts]
        message = REQUEST_ID.sub("", _message(content) or body.decode("utf-8", "replace"))
        return cls(
            codes=frozenset(given),
            code=next(words, ""),
            message=" ".join(message.encode(errors="replace").decode().split()),  # JSON can hold halves of letters
            fields=tuple(str(name) for name in named if name),
        )

    def moderation(self, phrases: bool) -> str | None:
        """The code of a moderation filter, or else what one says; messages hold request ids and are no reason.

        Args:
            phrases: Whether to look for phrases.
        """
        if known := self.codes & MODERATION:
            return min(known)
        found = PHRASES.search(self.message) if phrases else None
        return found and found[0].lower()


def _dicts(content: Any) -> Iterator[Mapping[str, Any]]:
    """All objects in some JSON, the outer ones first."""
    inner = content.values() if isinstance(content, dict) else content if isinstance(content, list) else ()
    if isinstance(content, dict):
        yield content
    for value in inner:
        yield from _dicts(value)


def _last(places: Any) -> Any:
    return places[-1] if isinstance(places, list) and places else None


def _message(content: Any) -> str:
    """What JSON says to people, the first that is found; empty if nothing."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "; ".join(filter(None, map(_message, content)))
    if not isinstance(content, dict):
        return ""
    said = next(filter(None, (_message(content.get(name)) for name in ("error", "detail", "message", "msg"))), "")
    where = ".".join(map(str, content["loc"])) if isinstance(content.get("loc"), list) else ""
    return f"{where}: {said}" if where and said else said
