"""The OpenAI-compatible Images API: its settings, what a request holds, and how hard it is asked."""

import io
import json
import os
import re
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, final
from urllib.parse import urlencode, urlsplit

from PIL import Image
from torch import Tensor

from lit_mia.errors import TargetError
from lit_mia.models import Fingerprint
from lit_mia.ranges import ABOVE_ZERO, at_least

Endpoint = Literal["generations", "variations", "edits"]


@final
@dataclass(frozen=True)
class ImageQuery:
    """A question whose answer is one image; equal questions can be asked together.

    Attributes:
        endpoint: Last part of the path.
        prompt: The text; None sends none.
        seed: The seed; None sends none.
        image: The image to vary, as a PNG file.
    """

    endpoint: Endpoint
    prompt: str | None = None
    seed: int | None = None
    image: bytes | None = field(default=None, repr=False)


@final
@dataclass(frozen=True)
class ImagesAPI:
    """Where images are asked for, and how. What servers do differently, and the setting for it: docs/servers.md.

    A query gets no image for good if a moderation filter refuses it, if the server rejects it with a 4xx, or if its
    answer is complete but holds no image of `size`. Such queries are missing observations, as long as the server gives
    images to others: they are stored with the reason and not asked again. Time-outs, broken connections and failures
    of the server (5xx) say nothing of the kind: they are errors, and asked again by the next run.

    Attributes:
        base_url: Everything before `/images/…`, for example `https://api.openai.com/v1`.
        model: The name of the model there.
        size: Width × height of the images in pixels, as the API spells it: `1024x1024`. An answer of another size
            cannot be used.
        send_seed: Send the seed of each image. OpenAI's own models take none; many compatible servers do.
        extra: Further fields of the request, such as `quality: low`.
        response_format: `b64_json` or `url`; `omit` for models that refuse the field (OpenAI's GPT image models).
            Whatever comes is understood.
        key_variable: The environment variable that holds the key. It may be unset for servers that need none.
        key_header: The header that shows the key: `Authorization` as a bearer, any other the key alone (Azure:
            `api-key`).
        query: What follows the `?` of the URL, such as Azure's `api-version`; no key, as it is stored.
        send_size: Send `size`; `false` for servers that take none and always make images of `size`.
        refusal_patterns: Regular expressions, in any case, for what the moderation filter of this server says beyond
            the known forms. An answer without an image whose message or code matches one, whatever its HTTP status but
            401 and 429, is a refusal; it is kept for good, so a pattern must not match other errors.
    """

    base_url: str
    model: str
    size: str = "1024x1024"
    send_seed: bool = False
    extra: dict[str, bool | int | float | str] = field(default_factory=dict)
    response_format: Literal["b64_json", "url", "omit"] = "b64_json"
    key_variable: str = "OPENAI_API_KEY"
    key_header: str = "Authorization"
    query: dict[str, str] = field(default_factory=dict)
    send_size: bool = True
    refusal_patterns: list[str] = field(default_factory=list)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of the images as tensors: 3, height, width."""
        width, height = self.size.split("x")
        return 3, int(height), int(width)

    def mistakes(self) -> list[str]:
        """What is wrong with the settings, in words."""
        url = urlsplit(self.base_url)
        rules = {
            "`base_url` must begin with http:// or https:// and a host": url.scheme in ("http", "https")
            and url.hostname,
            "`base_url` must hold no user, password or query: the key belongs into `key_variable`, the rest into "
            "`query`": not (url.username or url.password or url.query),
            "`base_url` must end before `/images/…`": not re.search(
                r"/images/(generations|variations|edits)/?$", url.path
            ),
            f"`size` must be like 1024x1024, but got {self.size!r}": re.fullmatch(r"[1-9]\d*x[1-9]\d*", self.size),
            f"`key_header` must be the name of a header, but got {self.key_header!r}": re.fullmatch(
                r"[\w!#$%&'*+.^`|~-]+", self.key_header, re.ASCII
            ),
            "`query` must hold no key, as it is stored: that belongs into `key_variable`": not any(
                re.search(r"key|token|secret|password|^sig", name, re.IGNORECASE) for name in self.query
            ),
        }
        return [rule for rule, is_kept in rules.items() if not is_kept] + [
            f"`refusal_patterns` must be regular expressions that an empty text does not match, but got {pattern!r}"
            for pattern in self.refusal_patterns
            if not _is_selective(pattern)
        ]

    def fingerprint(self) -> Fingerprint:
        """What changes an answer; the key is no part of it, nor what an answer without an image is called."""
        query: Fingerprint = {"query": json.dumps(self.query, sort_keys=True)} if self.query else {}
        size: Fingerprint = {} if self.send_size else {"send_size": False}
        return {
            "base_url": self.base_url.rstrip("/"),
            "model": self.model,
            "size": self.size,
            "send_seed": self.send_seed,
            "extra": json.dumps(self.extra, sort_keys=True),
            **query,
            **size,
        }

    def key(self) -> str | None:
        """The key, read anew each time so that no object holds it.

        Raises:
            TargetError: If it cannot be sent; the message does not show it.
        """
        key = os.environ.get(self.key_variable, "").strip()
        if not re.fullmatch(r"[!-~]*", key):
            raise TargetError(
                f"The key in the environment variable {self.key_variable} holds characters that cannot be sent. Set "
                "it to the key alone."
            )
        return key or None

    def key_headers(self) -> dict[str, str]:
        """The header that shows the key, if there is a key.

        Raises:
            TargetError: If the key cannot be sent.
        """
        key = self.key()
        bearer = "Bearer " if self.key_header.lower() == "authorization" else ""
        return {self.key_header: f"{bearer}{key}"} if key else {}

    def refusal_in(self, *texts: str) -> str | None:
        """The first of `refusal_patterns` that one of some texts matches."""
        matches = (p for p in self.refusal_patterns if any(re.search(p, text, re.IGNORECASE) for text in texts))
        return next(matches, None)

    def hide(self, text: str) -> str:
        """What a server says, without the key that it may repeat; give it the whole text, as a part of a key stays."""
        key = self.key()
        return text.replace(key, "***") if key else text

    def url(self, endpoint: Endpoint) -> str:
        """Where an endpoint is."""
        query = f"?{urlencode(self.query)}" if self.query else ""
        return f"{self.base_url.rstrip('/')}/images/{endpoint}{query}"

    def body(self, query: ImageQuery, n: int) -> dict[str, Any]:
        """The body of a request for `n` images, as keyword arguments of httpx: JSON, or a form with the image."""
        optional = {
            "prompt": query.prompt,
            "seed": query.seed if self.send_seed else None,
            "response_format": None if self.response_format == "omit" else self.response_format,
        }
        sent = {name: value for name, value in optional.items() if value is not None}
        size = {"size": self.size} if self.send_size else {}
        fields = {"model": self.model, "n": n, **size, **self.extra, **sent}
        if query.image is None:
            return {"json": fields}
        return {"data": fields, "files": {"image": ("image.png", query.image, "image/png")}}


@dataclass(frozen=True)
class Pace:
    """How many requests are under way at once, and how long one is tried.

    Attributes:
        concurrency: Most requests at once; until the first image at most 3, in case a setting is wrong.
        attempts: Most tries of a query that may have been charged; waiting at a rate limit does not count.
        connect_seconds: Longest wait for a connection.
        read_seconds: Longest silence of the server.
        total_seconds: Longest time of one try, however slowly its answer drips in.
        backoff_seconds: Random waits between tries are up to this long at first, and twice as long each time.
        longest_wait: Most seconds between two tries; a server that asks for more ends the run.
    """

    concurrency: int = 8
    attempts: int = 6
    connect_seconds: float = 10.0
    read_seconds: float = 180.0
    total_seconds: float = 300.0
    backoff_seconds: float = 1.0
    longest_wait: float = 120.0

    def mistakes(self) -> list[str]:
        """What is out of range, in words."""
        given = asdict(self)
        counts = {name: given.pop(name) for name in ("concurrency", "attempts")}
        return [*at_least(1)(**counts), *ABOVE_ZERO(**given)]


@final
@dataclass
class Standing:
    """How a server has done so far, over all rounds of one target.

    Attributes:
        images: Images that it has given.
        failures: Times at which queries have failed, with no image for one that was asked later.
    """

    images: int = 0
    failures: list[float] = field(default_factory=list)


def write_image(image: Tensor) -> bytes:
    """A uint8 image `[3, h, w]` as a PNG file."""
    file = io.BytesIO()
    Image.fromarray(image.permute(1, 2, 0).cpu().numpy()).save(file, "PNG")
    return file.getvalue()


def _is_selective(pattern: str) -> bool:
    """Whether a pattern is a regular expression that does not match everything."""
    try:
        return not re.search(pattern, "")
    except re.error:
        return False
