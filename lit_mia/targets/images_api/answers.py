"""What an answer of the OpenAI-compatible Images API means, and the images in it."""

import base64
import binascii
import io
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal, final

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from lit_mia.targets.accounts import Outcome
from lit_mia.targets.images_api.settings import ImagesAPI
from lit_mia.transparency import rgb_over_white

Kind = Literal["b64", "url"]
MODERATION = {
    "moderation_blocked",  # GPT image models
    "content_policy_violation",  # DALL·E
    "content_filter",  # Azure and servers that follow it, with the two below
    "contentFilter",
    "ResponsibleAIPolicyViolation",
}
UNPAID = {"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"}
"""Codes and types of a 400 or 429 that no waiting mends."""
KINDS: dict[str, Kind] = {"b64_json": "b64", "url": "url"}
"""Where an item of an answer holds its image, and what is there."""
FORMATS = ("PNG", "JPEG", "WEBP")


class NoImageError(Exception):
    """A request brought no image.

    Attributes:
        outcome: What the account is told.
        wait: Seconds that the server asks to wait; 0 where it does not.
    """

    outcome: Outcome = "free"

    def __init__(self, reason: str, wait: float = 0.0, outcome: Outcome | None = None) -> None:
        super().__init__(reason)
        self.wait, self.outcome = wait, outcome or self.outcome


@final
class RefusedError(NoImageError):
    """A moderation filter refuses this query; asking again is no use."""

    outcome = "confirmed"


@final
class RejectedError(NoImageError):
    """The server rejects this query, however often it is asked; others may succeed."""


@final
class ClosedError(NoImageError):
    """Nothing can succeed before the user has mended key, model, URL or account."""


@final
class LimitedError(NoImageError):
    """A rate limit: the same request may be let in later."""


@final
class BrokenError(NoImageError):
    """No usable answer this time, and maybe a bill."""

    outcome = "uncertain"


def check_status(api: ImagesAPI, status: int, headers: Mapping[str, str], body: bytes) -> None:
    """Raise what an answer means that is not a success.

    Raises:
        RefusedError: A moderation filter.
        LimitedError: A rate limit.
        BrokenError: A failure of the server.
        ClosedError: A wrong key, model or URL, or an account without money.
        RejectedError: Any other 4xx.
    """
    if 200 <= status < 300:
        return
    codes, message = _error(api, body)
    said = f"HTTP {status}: {message}".rstrip(" .:")
    wait = _seconds(headers.get("retry-after", ""))
    if status in (408, 409) or status >= 500:
        raise BrokenError(said, wait)
    if codes & MODERATION:
        raise RefusedError(min(codes & MODERATION))  # messages hold request ids: no two would be the same reason
    if codes & UNPAID:
        raise ClosedError(f"{said}. The account cannot pay; mend that at the provider, and run the same command again.")
    if status == 429:
        raise LimitedError(said, wait)
    advice = _advice(api, status)
    raise ClosedError(f"{said}. {advice}") if advice else RejectedError(said)


def read_answer(body: bytes) -> list[tuple[Kind, str]]:
    """What a success holds: images in base64, or addresses of images.

    Raises:
        BrokenError: If it holds neither.
    """
    try:
        items = json.loads(body)["data"]
        found = [image for item in items if (image := _item(item))]
    except (ValueError, KeyError, TypeError) as error:
        raise BrokenError(f"the answer is no JSON of images ({type(error).__name__})") from None
    if not found:
        raise BrokenError("the answer holds no image")
    return found


def read_base64(text: str) -> bytes:
    """Decode base64.

    Raises:
        BrokenError: If it is none.
    """
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise BrokenError("an image of the answer is no base64") from None


def read_image(data: bytes, shape: tuple[int, int, int]) -> Tensor:
    """Decode a PNG, JPEG or WebP file as RGB over white: uint8 `[3, h, w]`.

    Raises:
        BrokenError: If it is no such file, or of another size.
    """
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
        if image.size == (shape[2], shape[1]):  # before it is decoded: a small file can hold a huge image
            return torch.from_numpy(np.array(rgb_over_white(image))).permute(2, 0, 1).contiguous()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise BrokenError(f"an image of the answer cannot be decoded ({type(error).__name__})") from None
    raise BrokenError(
        f"an image of the answer has {image.size[0]}x{image.size[1]} pixels instead of {shape[2]}x{shape[1]}; if all "
        "have, set `size`"
    )


def _item(item: Any) -> tuple[Kind, str] | None:
    """The image that an item holds, if it holds one."""
    held = item if isinstance(item, Mapping) else {}
    return next(((kind, held[name]) for name, kind in KINDS.items() if isinstance(held.get(name), str)), None)


def _error(api: ImagesAPI, body: bytes) -> tuple[set[str], str]:
    """Codes and types of an error, also of one that it wraps, and its message, cut after the key is hidden in it."""
    try:
        error = json.loads(body)["error"]
    except (ValueError, KeyError, TypeError):
        return set(), api.hide(" ".join(body.decode("utf-8", "replace").split()))[:200]
    if not isinstance(error, dict):
        return set(), api.hide(str(error))[:500]
    inner = error.get("inner_error") or error.get("innererror")
    parts = [error, inner] if isinstance(inner, dict) else [error]
    codes = {str(part[name]) for part in parts for name in ("code", "type") if part.get(name)}
    return codes, api.hide(" ".join(str(error.get("message") or "").split()))[:500]


def _advice(api: ImagesAPI, status: int) -> str:
    """What to mend where nothing else can succeed either; empty for other rejections."""
    key, model = api.key_variable, repr(api.model)
    advice = {
        401: f"Set the environment variable {key} to a valid key.",
        403: f"The key in {key} may not use the model {model}, or this place may not use the server.",
        404: f"{api.base_url} does not serve images of the model {model} there: correct `base_url` or `model`.",
    }
    if status < 400:
        return f"{api.base_url} redirects: set `base_url` to where the API is."
    return advice.get(status, "")


def _seconds(retry_after: str) -> float:
    """`Retry-After` as seconds from now: a number or a date of HTTP; 0 if it is neither."""
    if re.fullmatch(r"\s*\d+(\.\d+)?\s*", retry_after):
        return float(retry_after)
    try:
        date = parsedate_to_datetime(retry_after)
    except (ValueError, TypeError):
        return 0.0
    ahead = date.replace(tzinfo=date.tzinfo or UTC) - datetime.now(UTC)  # a date with the zone -0000 has none
    return max(0.0, ahead.total_seconds())
