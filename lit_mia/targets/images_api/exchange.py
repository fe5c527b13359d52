"""One request to an Images API and its answer, over pooled connections."""

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Self, final

from torch import Tensor

from lit_mia.targets.images_api.answers import BrokenError, Kind, check_status, read_answer, read_base64, read_image
from lit_mia.targets.images_api.pace import Pace
from lit_mia.targets.images_api.settings import ImageQuery, ImagesAPI

if TYPE_CHECKING:
    import httpx

LARGEST_BYTES = 2**28
"""A longer answer is not read to its end."""
DOWNLOADS = 4
"""Tries to fetch an image by its URL: it is paid already."""


@final
class Exchange:
    """The connections to one server; entered and left with `async with`.

    Args:
        api: Where and how to ask.
        pace: How long to wait.
    """

    def __init__(self, api: ImagesAPI, pace: Pace) -> None:
        self._api, self._pace, self._stack = api, pace, AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Open the two pools: of the server, and of wherever the URLs of images lead, which is not shown the key."""
        import httpx

        seconds = httpx.Timeout(self._pace.read_seconds, connect=self._pace.connect_seconds, pool=None)
        key = self._api.key()
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        server = httpx.AsyncClient(timeout=seconds, headers=headers)
        web = httpx.AsyncClient(timeout=seconds, follow_redirects=True)
        self._server, self._web = [await self._stack.enter_async_context(client) for client in (server, web)]
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close all connections."""
        await self._stack.aclose()

    async def ask(self, query: ImageQuery, n: int) -> list[Tensor]:
        """Send one request for `n` images.

        Returns:
            At least one image, maybe fewer or more than `n`.

        Raises:
            BrokenError: If no usable answer came in time.
            NoImageError: As `check_status` says.
        """
        try:
            async with asyncio.timeout(self._pace.total_seconds):
                request = self._server.build_request("POST", self._api.url(query.endpoint), **self._api.body(query, n))
                status, headers, body = await self._read(self._server, request)
                check_status(self._api, status, headers, body)
                for kind, text in read_answer(body):
                    try:
                        images.append(await self._fetch(kind, text))
                    except BrokenError as error:
                        broken = error
        except TimeoutError:
            broken = BrokenError(f"no complete answer within {self._pace.total_seconds:g} seconds")
        if images or broken is None:
            return images
        raise broken

    async def _fetch(self, kind: Kind, text: str) -> Tensor:
        return await (self._download(text) if kind == "url" else self._decode(read_base64(text)))

    async def _download(self, url: str) -> Tensor:
        import httpx

        for attempt in range(DOWNLOADS):
            try:
                status, _, body = await self._read(self._web, self._web.build_request("GET", url))
                if status == 200:
                    return await self._decode(body)
                reason = f"HTTP {status}"
            except (BrokenError, httpx.InvalidURL) as error:
                reason = str(error)
            await asyncio.sleep(self._pace.backoff_seconds * attempt)
        raise BrokenError(f"an image of the answer cannot be downloaded: {reason}")

    async def _decode(self, data: bytes) -> Tensor:
        return await asyncio.to_thread(read_image, data, self._api.shape)

    async def _read(self, client: "httpx.AsyncClient", request: "httpx.Request") -> tuple[int, "httpx.Headers", bytes]:
        """Status, headers and body of an answer.

        Raises:
            BrokenError: If the connection cannot be made, breaks, is silent for too long, or tells too much.
        """
        import httpx

        try:
            response = await client.send(request, stream=True)
            try:
                body = bytearray()
                async for chunk in response.aiter_bytes():
                    body += chunk
                    if len(body) > LARGEST_BYTES:
                        raise BrokenError(f"the answer is larger than {LARGEST_BYTES} bytes")
            finally:
                await response.aclose()
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError) as error:  # before anything was sent
            raise BrokenError(f"{request.url.host} cannot be reached ({type(error).__name__})", "free") from None
        except httpx.HTTPError as error:
            raise BrokenError(f"the connection broke ({type(error).__name__})") from None
        return response.status_code, response.headers, bytes(body)
