"""One round of requests to an Images API: sent side by side, tried again where that may help, never beyond a budget."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, final

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
)
from lit_mia.targets.images_api.exchange import Exchange
from lit_mia.targets.images_api.pace import Pace
from lit_mia.targets.images_api.settings import ImageQuery, ImagesAPI

if TYPE_CHECKING:
    from tenacity import RetryCallState
    from tenacity.stop import StopBaseT

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
        """Ask all.

        Args:
            requests: Queries, each with the number of images wanted.

        Raises:
            BudgetError: If the budget is used up.
            TargetError: If some got no answer, or nothing can be asked.
        """
        async with Exchange(self._api, self._pace) as self._exchange, asyncio.TaskGroup() as group:
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
            await self._ask_all(number, query, n)

    async def _ask_all(self, number: int, query: ImageQuery, n: int) -> None:
        while n:  # a server that gives too few is asked for the rest
            try:
                images = (await self._patiently(query, n))[:n]
            except RefusedError as refusal:
                self._answered += 1
                return self._emit(Reply(number, refused=str(refusal)))
            except (RejectedError, BrokenError) as error:
                return self._give_up(self._api.hide(str(error)))
            except ClosedError as error:
                return self._stop(TargetError(f"{self._api.base_url} answered {self._api.hide(str(error))}"))
            except TargetError as error:
                return self._stop(error)
            except _StoppedError:
                return None
            self._answered += 1
            self._emit(Reply(number, images))
            n -= len(images)

    async def _patiently(self, query: ImageQuery, n: int) -> list[Tensor]:
        """The first usable answer of several tries; waiting at a rate limit is no try."""
        from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, stop_never

        def retrying(error: type[NoImageError], stop: "StopBaseT") -> AsyncRetrying:
            retry = retry_if_exception_type(error)
            return AsyncRetrying(retry=retry, stop=stop, wait=self._wait, sleep=self._sleep, reraise=True)

        async def until_let_in() -> list[Tensor]:
            return await retrying(LimitedError, stop_never)(self._account, query, n)

        return await retrying(BrokenError, stop_after_attempt(self._pace.attempts))(until_let_in)

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

    def _wait(self, state: "RetryCallState") -> float:
        """Seconds before the next try: random, longer each time, and not before the server allows."""
        from tenacity import wait_random_exponential

        error = state.outcome.exception() if state.outcome else None
        asked = error.wait if isinstance(error, NoImageError) else 0.0
        return asked + wait_random_exponential(self._pace.backoff_seconds, self._pace.longest_wait)(state)

    async def _sleep(self, seconds: float) -> None:
        """Wait, but no longer than until the round is ended."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._ending.wait(), seconds)

    def _give_up(self, reason: str) -> None:
        self._failures.append(reason)
        if not self._answered and len(self._failures) >= HOPELESS:
            self._ending.set()

    def _stop(self, error: TargetError) -> None:
        """End the round; what is under way is still waited for."""
        self._end = self._end or error
        self._ending.set()
