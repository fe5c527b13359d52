"""One request to an Images API and its answer, with the images that it points to."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, final
from urllib.parse import urljoin

import httpx
from torch import Tensor

from lit_mia.targets.images_api.answers import check_status, read_answer
from lit_mia.targets.images_api.failures import BrokenError, LostError
from lit_mia.targets.images_api.payloads import is_data_uri, read_image, read_payload
from lit_mia.targets.images_api.settings import ImageQuery, ImagesAPI, Pace

LARGEST_BYTES = 2**28
"""A longer answer is not read to its end."""
DOWNLOADS = 4
"""Tries to fetch an image by its URL: it is paid already."""


@final
@dataclass(frozen=True)
class Exchange:
    """One request and its answer, over pooled connections.

    Attributes:
        api: Where and how to ask.
        pace: How long to wait.
        server: Connections to the server, which are shown the key.
        web: Connections to wherever the URLs of images lead, which are not.
    """

    api: ImagesAPI
    pace: Pace
    server: httpx.AsyncClient
    web: httpx.AsyncClient

    async def ask(self, query: ImageQuery, n: int) -> list[Tensor]:
        """Send one request for `n` images.

        Returns:
            At least one image, maybe fewer or more than `n`: those that came whole and in time.

        Raises:
            BrokenError: If none did.
            NoImageError: As `check_status` says.
        """
        images: list[Tensor] = []
        broken = BrokenError(f"no complete answer within {self.pace.total_seconds:g} seconds")
        with suppress(TimeoutError):
            async with asyncio.timeout(self.pace.total_seconds):
                url = self.api.url(query.endpoint)
                status, headers, body = await _read(self.server, "POST", url, **self.api.body(query, n))
                check_status(self.api, status, headers, body)
                for places in read_answer(self.api, body):
                    try:
                        images.append(await self._image(places))
                    except BrokenError as error:
                        broken = error
        if not images:
            raise broken
        return images

    async def _image(self, places: Mapping[str, str]) -> Tensor:
        """An image from the first place where it can be had."""
        broken = LostError("an image of the answer is nowhere")
        for name, text in places.items():
            try:
                if name == "url" and not is_data_uri(text):
                    return await self._download(text)
                return await self._decode(read_payload(text))
            except LostError as error:
                broken = error
        raise broken

    async def _download(self, address: str) -> Tensor:
        """An image by its address, which may be relative; the key is shown to the server alone, and if it asks."""
        client, lost = self.web, LostError("an image of the answer cannot be downloaded")
        for attempt in range(DOWNLOADS):
            try:
                url = urljoin(self.api.url("generations"), address.strip())
                status, _, body = await _read(client, "GET", url)
            except Exception as error:  # libraries raise anything over an address, and other answers must not be lost
                lost = LostError(f"an image of the answer cannot be downloaded: {error}")
            else:
                if status == 200:
                    return await self._decode(body)
                lost = LostError(f"an image of the answer cannot be downloaded: HTTP {status}")
                client = self.server if status in (401, 403) and _origin(url) == _origin(self.api.base_url) else client
            await asyncio.sleep(self.pace.backoff_seconds * attempt)
        raise lost

    async def _decode(self, data: bytes) -> Tensor:
        return await asyncio.to_thread(read_image, data, self.api.shape)


@asynccontextmanager
async def connected(api: ImagesAPI, pace: Pace) -> AsyncIterator[Exchange]:
    """Connections to one server, and to wherever its images are.

    Args:
        api: Where and how to ask.
        pace: How long to wait.
    """
    seconds = httpx.Timeout(pace.read_seconds, connect=pace.connect_seconds, pool=None)
    async with (
        httpx.AsyncClient(timeout=seconds, headers=api.key_headers()) as server,
        httpx.AsyncClient(timeout=seconds, follow_redirects=True) as web,
    ):
        yield Exchange(api, pace, server, web)


async def _read(client: httpx.AsyncClient, method: str, url: str, **content: Any) -> tuple[int, httpx.Headers, bytes]:
    """Status, headers and body of an answer.

    Raises:
        BrokenError: If the connection cannot be made, breaks, is silent for too long, or tells too much.
    """
    try:
        async with client.stream(method, url, **content) as response:
            body = bytearray()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > LARGEST_BYTES:
                    raise BrokenError(f"the answer is larger than {LARGEST_BYTES} bytes")
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError) as error:  # before anything was sent
        raise BrokenError(f"{httpx.URL(url).host} cannot be reached ({type(error).__name__})", outcome="free") from None
    except httpx.HTTPError as error:
        raise BrokenError(f"the connection broke ({type(error).__name__})") from None
    return response.status_code, response.headers, bytes(body)


def _origin(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port."""
    parsed = httpx.URL(url)
    return parsed.scheme, parsed.host, parsed.port
