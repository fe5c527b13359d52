"""What an answer of the OpenAI-compatible Images API means."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from lit_mia.targets.images_api.failures import BrokenError, ClosedError, LimitedError, RefusedError, RejectedError
from lit_mia.targets.images_api.reports import Report
from lit_mia.targets.images_api.settings import ImagesAPI

UNPAID = {
    "insufficient_quota",
    "billing_hard_limit_reached",
    "billing_not_active",
    "insufficient_user_quota",  # one-api and new-api
}
"""Codes and types of a 400 or 429 that no waiting mends."""
PLACES = ("b64_json", "url")
"""Where an item of an answer holds its image; each may be empty, or hold a `data:` URI."""


def check_status(api: ImagesAPI, status: int, headers: Mapping[str, str], body: bytes) -> None:
    """Raise what an answer means that is not a success.

    Raises:
        RefusedError: A moderation filter, or what the user says is one.
        LimitedError: A rate limit.
        BrokenError: A failure of the server.
        ClosedError: A wrong key, model or URL, or an account without money.
        RejectedError: Any other 4xx.
    """
    if 200 <= status < 300:
        return
    report = Report.of(body)
    message = api.hide(report.message)  # before it is cut: a part of a key stays
    said = f"HTTP {status}: {message[:500]}".rstrip(" .:")
    wait = _seconds(headers.get("retry-after", ""))
    if status not in (401, 429) and (pattern := api.refusal_in(report.message, *report.codes)):
        raise RefusedError(pattern)
    if status in (408, 409) or status >= 500:
        raise BrokenError(said, wait)
    if moderation := report.moderation(phrases=status in (400, 422)):
        raise RefusedError(moderation)
    if status == 402 or report.codes & UNPAID:
        raise ClosedError(f"{said}. The account cannot pay; mend that at the provider, and run the same command again.")
    if status == 429:
        raise LimitedError(said, wait)
    if advice := _advice(api, status):
        raise ClosedError(f"{said}. {advice}")
    raise RejectedError(said, reason=f"HTTP {status}: {report.code or message[:80]}", advice=_setting(api, report))


def read_answer(api: ImagesAPI, body: bytes) -> list[dict[str, str]]:
    """What a success holds: for each image, what stands in the places where it may be.

    Raises:
        RefusedError: If it holds no image because of a moderation filter.
        RejectedError: If it is a list without an image, as moderation filters of some servers leave it. That may be
            charged.
        BrokenError: If it is no list of images.
    """
    try:
        content = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BrokenError(f"the answer is no JSON ({type(error).__name__})") from None
    items = content.get("data") if isinstance(content, dict) else None
    found = [places for item in items if (places := _places(item))] if isinstance(items, list) else []
    if found:
        return found
    report = Report.of(body)
    pattern = api.refusal_in(report.message, *report.codes)
    if reason := pattern or report.moderation(phrases=isinstance(content, dict) and bool(content.get("error"))):
        raise RefusedError(reason)
    if not isinstance(items, list):
        raise BrokenError(f"the answer holds no images: {api.hide(report.message)[:200]}")
    if any(_is_flagged(item) for item in items):
        raise RefusedError("respect_moderation")
    raise RejectedError("the answer is a list without an image", outcome="uncertain")


def _places(item: Any) -> dict[str, str]:
    """What stands in those of `PLACES` that are not empty in an item of an answer."""
    held = item if isinstance(item, dict) and not _is_flagged(item) else {}
    return {name: held[name] for name in PLACES if isinstance(held.get(name), str) and held[name].strip()}


def _is_flagged(item: Any) -> bool:
    """Whether xAI's filter has flagged an image."""
    return isinstance(item, dict) and item.get("respect_moderation") is False


def _advice(api: ImagesAPI, status: int) -> str:
    """What to mend where nothing else can succeed either; empty for other rejections."""
    key, model = api.key_variable, repr(api.model)
    elsewhere = f"{api.base_url} does not serve images of the model {model} there: correct `base_url` or `model`"
    advice = {
        401: f"Set the environment variable {key} to a valid key; it was sent in the header `{api.key_header}`, and "
        "`key_header` names another (Azure: `api-key`).",
        403: f"The key in {key} may not use the model {model}, or this place may not use the server.",
        404: f"{elsewhere} (Azure: also `query: {{api-version: …}}`).",
        405: f"{elsewhere}.",
    }
    if status < 400:
        return f"{api.base_url} redirects: set `base_url` to where the API is."
    return advice.get(status, "")


def _setting(api: ImagesAPI, report: Report) -> str:
    """What to do about the setting that a rejection names, in a field of it or in words; empty if it names none."""
    advice = {
        "response_format": "Set `response_format` to `b64_json`, `url` or `omit`.",
        "size": "Set `size` to one that the server makes, and `send_size: false` if it takes none.",
        "seed": "Set `send_seed: false`.",
        "n": "Set `n: 1`, the most images per request.",
        "model": "Correct `model`.",
        **{name: f"Correct or remove `{name}` in `extra`." for name in api.extra},
    }
    spelled = {name: name.replace("_", "[_ ]") for name in advice if name not in ("n", "model")}  # words of any message
    named = [name for name in advice if name in report.fields]
    named += [name for name, words in spelled.items() if re.search(rf"\b{words}\b", report.message)]
    return advice[named[0]] if named else ""


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
