"""What a paid target was asked, on disk before it is sent: neither a crash nor another process can exceed a budget."""

import json
import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Literal, final

from filelock import FileLock

from lit_mia.errors import BudgetError, TargetError
from lit_mia.ranges import at_least
from lit_mia.targets.base import Charges

Outcome = Literal["confirmed", "uncertain", "free"]
FILE = "attempts.jsonl"


@dataclass(frozen=True)
class Spending:
    """What may be spent on a target, over all runs and processes that share a store.

    Attributes:
        price_per_image: Money per image, in whatever currency the budget is in.
        max_requests: Most requests that may be charged; None is no limit.
        max_money: Most money; None is no limit.
    """

    price_per_image: float = 0.0
    max_requests: int | None = None
    max_money: float | None = None

    def mistakes(self) -> list[str]:
        """What is out of range, in words."""
        given = {name: getattr(self, name) for name in ("price_per_image", "max_requests", "max_money")}
        wrong = at_least(0)(**given)
        if self.max_money is not None and not self.price_per_image:
            wrong.append(f"`max_money` {self.max_money} needs a `price_per_image` above 0")
        return wrong


@final
class Accounts:
    """An append-only account of requests in a folder.

    A request is on the disk before it is sent, and its outcome is added later. One without an outcome, because it is
    under way or its process died, counts as charged, and so does one whose outcome is uncertain: a time-out, a 5xx or
    a broken answer says nothing about the bill.
    """

    def __init__(self, folder: Path, spending: Spending) -> None:
        """Open the account in a folder, which is made with the first request if it does not exist.

        Args:
            folder: The folder; any number of processes may use it at the same time.
            spending: Price and budgets.
        """
        self.path, self.spending = folder / FILE, spending
        self._lock = FileLock(folder / f"{FILE}.lock")
        self._read = 0
        self._asked: dict[str, tuple[int, Decimal]] = {}
        self._spent = Decimal()
        self._confirmed: set[str] = set()
        self._own: set[str] = set()

    def begin(self, images: int) -> str:
        """Put down a request that is about to be sent.

        Args:
            images: How many images it asks for.

        Returns:
            The number under which its outcome is put down.

        Raises:
            BudgetError: If it would exceed a budget; then it must not be sent.
        """
        cost = Decimal(str(self.spending.price_per_image)) * images
        attempt = uuid.uuid4().hex
        with self._locked():
            self._check(cost)
            self._append({"attempt": attempt, "images": images, "money": str(cost), "time": round(time.time(), 3)})
        self._own.add(attempt)
        return attempt

    def end(self, attempt: str, outcome: Outcome) -> None:
        """Put down how a request ended: answered or refused, unknown, or surely not charged."""
        with self._locked():
            self._append({"attempt": attempt, "outcome": outcome})

    def charges(self, own: bool = False) -> Charges:
        """Images and money of requests that were answered or refused, and of those that may have been charged.

        Args:
            own: Count only what this object began, not other processes or earlier runs.
        """
        self._catch_up()  # without the lock: the folder of a complete store may be read-only
        counted = self._asked.keys() & self._own if own else self._asked.keys()
        sides = counted & self._confirmed, counted - self._confirmed
        images = [sum(self._asked[attempt][0] for attempt in side) for side in sides]
        money = [float(sum(self._asked[attempt][1] for attempt in side)) for side in sides]
        return Charges(*images, *money)

    def _check(self, cost: Decimal) -> None:
        requests, money, limits = len(self._asked), self._spent, self.spending
        used_up = []
        if limits.max_requests is not None and requests + 1 > limits.max_requests:
            used_up.append(f"`max_requests` {limits.max_requests}")
        if limits.max_money is not None and money + cost > Decimal(str(limits.max_money)):
            used_up.append(f"`max_money` {limits.max_money}")
        if used_up:
            raise BudgetError(
                f"The budget is used up: {' and '.join(used_up)} allow no further request after {requests} requests "
                f"for {money} ({len(self._confirmed)} answered, {requests - len(self._confirmed)} under way or unclear"
                f"; see {self.path}). Every answer that came in was kept. To go on, raise the budget and run the same "
                "command again: it asks only what is missing."
            )

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Holds the lock, and knows what all processes have put down."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self._lock:
            self._catch_up()
            yield

    def _catch_up(self) -> None:
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            file.seek(self._read)
            whole, end, _ = file.read().rpartition(b"\n")  # a process died while writing the rest: it was not sent
        self._read += len(whole + end)
        for line in whole.splitlines():
            self._note(line)

    def _note(self, line: bytes) -> None:
        try:
            entry = json.loads(line)
        except ValueError:  # a process died while writing, and another went on behind it
            return
        try:
            attempt, asked = str(entry["attempt"]), "outcome" not in entry
            cost = (int(entry["images"]), Decimal(entry["money"])) if asked else None
        except (ValueError, KeyError, TypeError, ArithmeticError) as error:
            raise TargetError(f"{self.path} is damaged: {entry} is no request and no outcome. Restore it.") from error
        if cost is not None:
            self._asked[attempt] = cost
            self._spent += cost[1]
        elif attempt not in self._asked:
            raise TargetError(f"{self.path} is damaged: it tells the outcome of a request that it lacks. Restore it.")
        elif entry["outcome"] == "free":
            self._spent -= self._asked.pop(attempt)[1]
        elif entry["outcome"] == "confirmed":
            self._confirmed.add(attempt)

    def _append(self, entry: dict[str, object]) -> None:
        """One line, on the disk when this returns."""
        with self.path.open("ab") as file:
            torn = b"\n" if file.tell() > self._read else b""
            file.write(torn + json.dumps(entry).encode() + b"\n")
            file.flush()
            if "outcome" not in entry:  # an outcome that is lost with the power counts as uncertain
                os.fsync(file.fileno())
        self._catch_up()
