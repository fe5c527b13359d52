"""Requests to an Images API: sent side by side, tried again where that may help, never beyond a budget."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any, final

import httpx
import tenacity
from anyio.from_thread import start_blocking_portal
from torch import Tensor

from lit_mia.errors import TargetError
from lit_mia.targets.accounts import Accounts
from lit_mia.targets.images_api.answers import (
    BrokenError,
    ClosedError,
    LimitedError,
    NoImageError,
    RefusedError,
    RejectedError,
    check_status,
    read_answer,
    read_base64,
    read_image,
)
from lit_mia.targets.images_api.settings import ImageQuery, ImagesAPI, Pace

LARGEST_BYTES = 2**28
"""A longer answer is not read to its end."""
DOWNLOADS = 4
"""Tries to fetch an image by its URL: it is paid already."""
HOPELESS = 3
"""So many queries that fail for good before any is answered end the round."""


@final
@dataclass(frozen=True)
class Reply:
    """Something that came back for one request.

    Attributes:
        number: Number of the request in its round.
        images: Some of its images, uint8 `[3, h, w]` each.
        refused: Why the rest of its images is refused.
    """

    number: int
    images: list[Tensor] = field(default_factory=list)
    refused: str | None = None


def replies(
    api: ImagesAPI, pace: Pace, accounts: Accounts, requests: Sequence[tuple[ImageQuery, int]]
) -> Iterator[Reply]:
    """The replies of one round as they come in; its event loop runs in a thread of its own.

    Args:
        api: Where and how to ask.
        pace: How many requests at once, and how long to try.
        accounts: The account.
        requests: Queries, each with the number of images wanted.

    Raises:
        BudgetError: If the budget is used up.
        TargetError: If some got no answer, or nothing can be asked.
    """
    given: SimpleQueue[Reply | None] = SimpleQueue()
    asking = Round(api, pace, accounts, given.put)
    with start_blocking_portal() as portal:
        running = portal.start_task_soon(asking.run, requests)
        running.add_done_callback(lambda _: given.put(None))
        try:
            while (reply := given.get()) is not None:
                yield reply
        finally:
            running.cancel()  # if the caller wants no more
        running.result()


class _StoppedError(Exception):
    """The round was ended while this query waited."""


@final
class Round:
    """Asks until each query is answered, refused or given up.

    Args:
        api: Where and how to ask.
        pace: How many requests at once, and how long to try.
        accounts: The account.
        emit: Is given every reply as soon as it is there.
    """

    def __init__(self, api: ImagesAPI, pace: Pace, accounts: Accounts, emit: Callable[[Reply], None]) -> None:
        self._api, self._pace, self._accounts, self._emit = api, pace, accounts, emit
        self._places, self._ending = asyncio.Semaphore(pace.concurrency), asyncio.Event()
        self._end: TargetError | None = None
        self._failures: list[str] = []
        self._answered, self._not_before, self._last_answer = 0, 0.0, time.monotonic()

    async def run(self, requests: Sequence[tuple[ImageQuery, int]]) -> None:
        """Ask all, as `replies` says.

        Args:
            requests: Queries, each with the number of images wanted.
        """
        async with connected(self._api, self._pace) as self._exchange, asyncio.TaskGroup() as group:
            for number, (query, n) in enumerate(requests):
                group.create_task(self._ask(number, query, n))
        if self._end is not None:
            raise self._end
        if self._failures:
            raise TargetError(
                f"{self._api.base_url} gave no answer to {len(self._failures)} of {len(requests)} requests; the last "
                f"said: {self._failures[-1]}. Every answer that came in was kept. Run the same command again to ask "
                "only what is missing, or leave the records out that the server rejects."
            )

    async def _ask(self, number: int, query: ImageQuery, n: int) -> None:
        """All images of one query, which keeps its place until it has them: what is asked first is answered first."""
        async with self._places:
            try:
                while n:  # a server that gives too few is asked for the rest
                    images = (await self._patiently(query, n))[:n]
                    self._answered += 1
                    self._emit(Reply(number, images))
                    n -= len(images)
            except RefusedError as refusal:
                self._answered += 1
                self._emit(Reply(number, refused=str(refusal)))
            except (RejectedError, BrokenError) as error:
                self._failures.append(self._api.hide(str(error)))
                if not self._answered and len(self._failures) >= HOPELESS:
                    self._ending.set()
            except ClosedError as error:
                self._stop(TargetError(f"{self._api.base_url} answered {self._api.hide(str(error))}"))
            except TargetError as error:
                self._stop(error)
            except _StoppedError:
                pass

    async def _patiently(self, query: ImageQuery, n: int) -> list[Tensor]:
        """The first usable answer of several tries; waiting at a rate limit is no try."""
        several = tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception_type(BrokenError),
            stop=tenacity.stop_after_attempt(self._pace.attempts),
            wait=self._wait,
            sleep=self._sleep,
            reraise=True,
        )
        until_let_in = several.copy(retry=tenacity.retry_if_exception_type(LimitedError), stop=tenacity.stop_never)
        images: list[Tensor] = await several(until_let_in, self._account, query, n)
        return images

    async def _account(self, query: ImageQuery, n: int) -> list[Tensor]:
        """One request, put down before it is sent, and its outcome after."""
        while (wait := self._not_before - time.monotonic()) > 0 and not self._ending.is_set():
            await self._sleep(wait)
        if self._ending.is_set():
            raise _StoppedError
        attempt = self._accounts.begin(n)
        try:
            images = await self._exchange.ask(query, n)
        except NoImageError as error:
            self._accounts.end(attempt, error.outcome)
            self._hold(error)
            raise
        self._accounts.end(attempt, "confirmed")
        self._last_answer = time.monotonic()
        return images

    def _hold(self, error: NoImageError) -> None:
        """Let all requests wait where the server asks for it.

        Raises:
            ClosedError: If it asks for more than is allowed.
        """
        wait = max(error.wait, self._pace.backoff_seconds) if isinstance(error, LimitedError) else error.wait
        now, longest = time.monotonic(), self._pace.longest_wait
        self._not_before = max(self._not_before, now + wait)
        silent = now - self._last_answer > longest * self._pace.attempts
        if wait > longest or (silent and isinstance(error, LimitedError)):
            asked = f"asks to wait {wait:g} seconds" if wait > longest else "has let nothing in for a long time"
            raise ClosedError(
                f"{error} It {asked}; `longest_wait` is {longest:g} seconds. Raise it, or run the same command again "
                "later: it asks only what is missing."
            ) from None

    def _wait(self, state: tenacity.RetryCallState) -> float:
        """Seconds before the next try: random, longer each time, and not before the server allows."""
        error = state.outcome.exception() if state.outcome else None
        asked = error.wait if isinstance(error, NoImageError) else 0.0
        return asked + tenacity.wait_random_exponential(self._pace.backoff_seconds, self._pace.longest_wait)(state)

    async def _sleep(self, seconds: float) -> None:
        """Wait, but no longer than until the round is ended."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._ending.wait(), seconds)

    def _stop(self, error: TargetError) -> None:
        """End the round; what is under way is still waited for."""
        self._end = self._end or error
        self._ending.set()


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
                for kind, text in read_answer(body):
                    try:
                        images.append(
                            await (self._download(text) if kind == "url" else self._decode(read_base64(text)))
                        )
                    except BrokenError as error:
                        broken = error
        if not images:
            raise broken
        return images

    async def _download(self, url: str) -> Tensor:
        for attempt in range(DOWNLOADS):
            try:
                status, _, body = await _read(self.web, "GET", url)
                if status == 200:
                    return await self._decode(body)
                reason = f"HTTP {status}"
            except (BrokenError, httpx.InvalidURL) as error:
                reason = str(error)
            await asyncio.sleep(self.pace.backoff_seconds * attempt)
        raise BrokenError(f"an image of the answer cannot be downloaded: {reason}")

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
    key = api.key()
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    async with (
        httpx.AsyncClient(timeout=seconds, headers=headers) as server,
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
