"""Sends requests to an Images API: side by side, again where that may help, and never beyond the budget."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import final

import torch
from torch import Tensor

from lit_mia.targets.accounts import Accounts, Spending
from lit_mia.targets.base import Answers, Charges, check_arguments
from lit_mia.targets.images_api.settings import ImageQuery, ImagesAPI, Pace


@final
class ImagesClient:
    """Asks an Images API, from any thread, and gives the answers as they come in.

    Args:
        api: Where and how to ask.
        n: Most images per request; equal queries are asked together.
        pace: How many requests at once, and how long to try.
        spending: Price and budgets.

    Raises:
        TargetError: If a setting is out of range.
    """

    def __init__(self, api: ImagesAPI, n: int, pace: Pace, spending: Spending) -> None:
        too_few = [] if n >= 1 else [f"`n` must be at least 1, but got {n}"]
        check_arguments(*api.mistakes(), *pace.mistakes(), *spending.mistakes(), *too_few)
        self.api, self._n, self._pace, self._spending = api, n, pace, spending
        self._folder: Path | None = None

    def keep_accounts(self, folder: Path) -> None:
        """Keep what is paid in a folder; before that it is kept as long as this object lives."""
        if folder != self._folder:
            self._folder = folder
            self.__dict__.pop("_accounts", None)

    def charges(self, own: bool = False) -> Charges:
        """What was paid, in all runs that kept their accounts in the same folder, or only by this object."""
        return self._accounts.charges(own)

    def answers(self, queries: Sequence[ImageQuery]) -> Iterator[Answers]:
        """The answer to every query, each at once when it is there.

        Yields:
            Every position exactly once, unless an error follows.

        Raises:
            BudgetError: If the budget does not suffice; all answers that came in were yielded before.
            TargetError: If some queries got no answer, or nothing can be asked; likewise.
        """
        from lit_mia.targets.images_api.round import replies  # its libraries would slow every start down

        waiting = self._groups(queries)
        requests = [(queries[rows[0]], len(rows)) for rows in waiting]
        for reply in replies(self.api, self._pace, self._accounts, requests):
            rows = waiting[reply.number]
            if reply.refused is not None:
                yield Answers([], self._stack([]), dict.fromkeys(rows, reply.refused))
            else:
                answered, waiting[reply.number] = rows[: len(reply.images)], rows[len(reply.images) :]
                yield Answers(answered, self._stack(reply.images))

    @cached_property
    def _accounts(self) -> Accounts:
        return Accounts(self._folder or Path(self._scratch.name), self._spending)

    @cached_property
    def _scratch(self) -> "TemporaryDirectory[str]":
        return TemporaryDirectory(prefix="lit-mia-")

    def _groups(self, queries: Sequence[ImageQuery]) -> list[list[int]]:
        """Rows of equal queries, at most `n` together."""
        equal: dict[ImageQuery, list[int]] = {}
        for row, query in enumerate(queries):
            equal.setdefault(query, []).append(row)
        return [rows[start : start + self._n] for rows in equal.values() for start in range(0, len(rows), self._n)]

    def _stack(self, images: Sequence[Tensor]) -> Tensor:
        return torch.stack(list(images)) if images else torch.empty(0, *self.api.shape, dtype=torch.uint8)
