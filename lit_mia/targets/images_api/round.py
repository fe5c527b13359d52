"""Requests to an Images API: sent side by side, tried again where that may help, never beyond a budget."""

import asyncio
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import final

import tenacity
from anyio.from_thread import start_blocking_portal
from torch import Tensor

from lit_mia.errors import TargetError
from lit_mia.targets.accounts import Accounts
from lit_mia.targets.images_api.exchange import connected
from lit_mia.targets.images_api.failures import (
    BrokenError,
    ClosedError,
    LimitedError,
    NoImageError,
    RefusedError,
    RejectedError,
    UnusableError,
)
from lit_mia.targets.images_api.settings import ImageQuery, ImagesAPI, Pace, Standing

FEW = 3
"""Until the first image, so many requests are under way at most, and so many queries that fail at a price, or because
of a setting, end the round."""
MANY = 10
"""So many queries that fail, with no image for one that was asked later, end the round; after the first image, so many
beyond those that can be under way."""
EARLY_TRIES = 2
"""Most tries of a query whose answers are complete but cannot be used, until the first image."""


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
    api: ImagesAPI, pace: Pace, accounts: Accounts, standing: Standing, *, requests: Sequence[tuple[ImageQuery, int]]
) -> Iterator[Reply]:
    """The replies of one round as they come in; its event loop runs in a thread of its own.

    Args:
        api: Where and how to ask.
        pace: How many requests at once, and how long to try.
        accounts: The account.
        standing: How the server has done so far; is kept up to date.
        requests: Queries, each with the number of images wanted.

    Raises:
        BudgetError: If the budget is used up.
        TargetError: If some got no answer, or nothing can be asked.
    """
    given: SimpleQueue[Reply | None] = SimpleQueue()
    asking = Round(api, pace, accounts, standing, emit=given.put)
    with start_blocking_portal() as portal:
        running = portal.start_task_soon(asking.run, requests)
        running.add_done_callback(lambda _: given.put(None))
        try:
            while (reply := given.get()) is not None:
                yield reply
        finally:
            running.cancel()  # if the caller wants no more
        running.result()


@dataclass(frozen=True)
class _Failure:
    """A request that was given up."""

    number: int
    error: NoImageError
    time: float = field(default_factory=time.monotonic)


class _StoppedError(Exception):
    """The round was ended while this query waited."""


@final
class Round:
    """Asks until each query is answered, refused or given up.

    A query that fails with a complete answer is told as refused once that says something of the query alone: when an
    image has come for another that was asked later, or at the end of a round of few failures if the account knows of
    answers. What fails otherwise, or too often in a row, is an error.

    Args:
        api: Where and how to ask.
        pace: How many requests at once, and how long to try.
        accounts: The account.
        standing: How the server has done so far; is kept up to date.
        emit: Is given every reply as soon as it is there.
    """

    def __init__(
        self, api: ImagesAPI, pace: Pace, accounts: Accounts, standing: Standing, *, emit: Callable[[Reply], None]
    ) -> None:
        self._api, self._pace, self._accounts, self._standing, self._emit = api, pace, accounts, standing, emit
        self._held_back = 0 if standing.images else max(0, pace.concurrency - FEW)
        self._places, self._ending = asyncio.Semaphore(pace.concurrency - self._held_back), asyncio.Event()
        self._end: TargetError | None = None
        self._failed: list[_Failure] = []
        self._not_before, self._last_answer = 0.0, time.monotonic()

    async def run(self, requests: Sequence[tuple[ImageQuery, int]]) -> None:
        """Ask all, as `replies` says.

        Args:
            requests: Queries, each with the number of images wanted.
        """
        self._n = len(requests)
        async with connected(self._api, self._pace) as self._exchange, asyncio.TaskGroup() as group:
            for number, (query, n) in enumerate(requests):
                group.create_task(self._ask(number, query, n))
        if self._end is not None:
            raise self._end
        if self._standing.images or self._accounts.charges().confirmed:
            self._settle()
        if self._failed:
            raise self._failure()

    async def _ask(self, number: int, query: ImageQuery, n: int) -> None:
        """All images of one query, which keeps its place until it has them: what is asked first is answered first."""
        async with self._places:
            try:
                while n:  # a server that gives too few is asked for the rest
                    began = time.monotonic()
                    images = (await self._patiently(query, n))[:n]
                    self._emit(Reply(number, images))
                    self._succeed(len(images), began)
                    n -= len(images)
            except RefusedError as refusal:
                self._emit(Reply(number, refused=str(refusal)))
            except (RejectedError, BrokenError) as error:
                self._fail(number, error)
            except ClosedError as error:
                self._stop(TargetError(f"{self._api.base_url} answered {self._api.hide(str(error))}"))
            except TargetError as error:
                self._stop(error)
            except _StoppedError:
                pass

    def _succeed(self, images: int, began: float) -> None:
        """The server gives images: what failed before it was asked for them has failed alone; all places are open."""
        self._standing.images += images
        self._standing.failures = [moment for moment in self._standing.failures if moment > began]
        self._settle(began)
        while self._held_back:
            self._held_back -= 1
            self._places.release()

    def _fail(self, number: int, error: NoImageError) -> None:
        """A query has no image; end the round if that looks like all will have none."""
        failure, standing = _Failure(number, error), self._standing
        self._failed.append(failure)
        standing.failures.append(failure.time)
        general = not standing.images and (error.advice or not isinstance(error, RejectedError))
        if len(standing.failures) >= (FEW if general else MANY + (self._pace.concurrency if standing.images else 0)):
            self._stop(self._failure(f"; after {len(standing.failures)} in a row the rest was not asked"))
            standing.failures.clear()

    def _settle(self, until: float = math.inf) -> None:
        """Tell what has failed for good, up to some time, as refused."""
        settled = [failure for failure in self._failed if failure.error.lasting and failure.time <= until]
        for failure in settled:
            self._emit(Reply(failure.number, refused=self._api.hide(failure.error.reason)))
        self._failed = [failure for failure in self._failed if failure not in settled]

    def _failure(self, early: str = "") -> TargetError:
        """What to say of queries without an answer, and why the rest was not asked if so."""
        error = self._failed[-1].error
        advice = f" {error.advice}" if error.advice else ""
        otherwise = (
            " If the same comes back, leave those records out; if it is a moderation filter, name what it says in "
            "`refusal_patterns`."
        )
        return TargetError(
            f"{self._api.base_url} gave no answer to {len(self._failed)} of {self._n} requests{early}; the last said: "
            f"{self._api.hide(str(error))}.{advice} Every answer that came in was kept. Run the same command again to "
            f"ask only what is missing.{otherwise if error.lasting or error.outcome != 'free' else ''}"
        )

    async def _patiently(self, query: ImageQuery, n: int) -> list[Tensor]:
        """The first usable answer of several tries; waiting at a rate limit is no try."""
        several = tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception_type(BrokenError),
            stop=self._is_enough,
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

    def _is_enough(self, state: tenacity.RetryCallState) -> bool:
        """Whether a query is given up."""
        error = state.outcome.exception() if state.outcome else None
        early = isinstance(error, UnusableError) and not self._standing.images
        return state.attempt_number >= min(self._pace.attempts, EARLY_TRIES if early else self._pace.attempts)

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
