"""An OpenAI-compatible Images API as a target: nothing of the model is seen but its images."""

from abc import ABC
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal, final

import torch
from torch import Tensor

from lit_mia.batches import slices
from lit_mia.errors import TargetError
from lit_mia.models import Fingerprint
from lit_mia.targets.accounts import Accounts, Spending
from lit_mia.targets.base import (
    AccessLevel,
    Answers,
    Charges,
    GenerateTarget,
    Target,
    VaryTarget,
    check_arguments,
)
from lit_mia.targets.images_api.settings import ImageQuery, ImagesAPI, Pace, Standing, write_image


class _ImagesTarget(Target, ABC):
    """What both endpoints share: queries are sent side by side and paid from one account."""

    remote = True

    def __init__(
        self,
        api: ImagesAPI,
        n: int = 1,
        pace: Pace = Pace(),  # noqa: B008 (frozen)
        spending: Spending = Spending(),  # noqa: B008 (frozen)
        batch_size: int = 1024,
        name: str | None = None,
    ) -> None:
        """Name the server and what may be spent; nothing is sent yet.

        Args:
            api: Where and how to ask.
            n: Most images per request: equal queries are asked together, unless each has a seed to send.
            pace: How many requests at once, and how long to try.
            spending: Price and budgets.
            batch_size: Queries that are handed over together; does not change the answers.
            name: What logs and reports call this target; the model if None.

        Raises:
            TargetError: If a setting is out of range.
        """
        check_arguments(*api.mistakes(), *pace.mistakes(), *spending.mistakes(), batch_size=batch_size, n=n)
        self._api, self._n, self._pace, self._spending = api, n, pace, spending
        self._folder: Path | None = None
        self._standing = Standing()
        self.name, self.batch_size, self.price_per_image = name or api.model, batch_size, spending.price_per_image

    def keep_accounts(self, folder: Path) -> None:
        """Keep the account of requests in this folder; before that it is kept as long as this object lives."""
        if folder != self._folder:
            self._folder = folder
            self.__dict__.pop("_accounts", None)

    def charges(self, own: bool = False) -> Charges:
        """What was paid, in all runs that kept their accounts in the same folder, or only by this object."""
        return self._accounts.charges(own)

    def _answers(self, queries: Sequence[ImageQuery]) -> Iterator[Answers]:
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
        for reply in replies(self._api, self._pace, self._accounts, self._standing, requests=requests):
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
        return [rows[part] for rows in equal.values() for part in slices(len(rows), self._n)]

    def _stack(self, images: Sequence[Tensor]) -> Tensor:
        return torch.stack(list(images)) if images else torch.empty(0, *self._api.shape, dtype=torch.uint8)


@final
class HttpTarget(_ImagesTarget, GenerateTarget):
    """Text to image through `/images/generations`."""

    nfe_per_image = 0

    def fingerprint(self) -> Fingerprint:
        """Server, model and what is sent beside prompt and seed; not the key, the pace or the price."""
        return {"access": AccessLevel.GENERATE.value, "endpoint": "generations", **self._api.fingerprint()}

    def generate(self, prompts: Sequence[str], seeds: Sequence[int]) -> Tensor:
        """One image per prompt.

        Raises:
            TargetError: If one is refused, or the server fails.
        """
        return whole(self.name, len(prompts), self.stream(prompts, seeds))

    def stream(self, prompts: Sequence[str], seeds: Sequence[int]) -> Iterator[Answers]:
        """The answers as they come in, refusals among them.

        Raises:
            BudgetError: If the budget does not suffice; every answer that came in was given before.
            TargetError: If the server fails; likewise.
        """
        sent = seeds if self._api.send_seed else [None] * len(prompts)
        return self._answers([ImageQuery("generations", *asked) for asked in zip(prompts, sent, strict=True)])


@final
class HttpVariationTarget(_ImagesTarget, VaryTarget):
    """Image to image through `/images/variations` or `/images/edits`."""

    def __init__(
        self,
        api: ImagesAPI,
        endpoint: Literal["variations", "edits"] = "variations",
        n: int = 1,
        pace: Pace = Pace(),  # noqa: B008 (frozen)
        spending: Spending = Spending(),  # noqa: B008 (frozen)
        batch_size: int = 64,
        name: str | None = None,
    ) -> None:
        """Name the server and what may be spent; nothing is sent yet.

        Args:
            api: Where and how to ask; the images are squares.
            endpoint: `variations` sends the image alone, `edits` also its caption as the prompt.
            n: Most images per request: variations of one image are asked together, unless each has a seed to send.
            pace: How many requests at once, and how long to try.
            spending: Price and budgets.
            batch_size: Images that are handed over together; does not change the answers.
            name: What logs and reports call this target; the model if None.

        Raises:
            TargetError: If a setting is out of range.
        """
        super().__init__(api, n, pace, spending, batch_size, name)
        self._endpoint = endpoint
        if api.shape[1] != api.shape[2]:
            raise TargetError(f"Variations are made of square images, but `size` is {api.size}.")

    @property
    def image_size(self) -> int:
        """The side that is asked for."""
        return self._api.shape[1]

    @property
    def told_captions(self) -> bool:
        """`edits` sends them."""
        return self._endpoint == "edits"

    def fingerprint(self) -> Fingerprint:
        """Server, model, endpoint and what is sent beside image, caption and seed."""
        return {"access": AccessLevel.VARY.value, "endpoint": self._endpoint, **self._api.fingerprint()}

    def vary(self, images: Tensor, captions: Sequence[str | None], seeds: Sequence[int]) -> Tensor:
        """One variation of each image.

        Raises:
            TargetError: If one is refused, or the server fails.
        """
        return whole(self.name, len(images), self.stream_vary(images, captions, seeds))

    def stream_vary(self, images: Tensor, captions: Sequence[str | None], seeds: Sequence[int]) -> Iterator[Answers]:
        """The variations as they come in, refusals among them.

        Raises:
            BudgetError: If the budget does not suffice; every answer that came in was given before.
            TargetError: If images or captions are missing or not of the target's form, or the server fails.
        """
        self.check_images(images)
        if self._endpoint == "edits" and not all(captions):
            raise TargetError("`endpoint: edits` sends captions, but a record has none. Use `variations`, or add one.")
        prompts = captions if self._endpoint == "edits" else [None] * len(images)
        sent = seeds if self._api.send_seed else [None] * len(images)
        contents = [image.numpy().tobytes() for image in images]
        files = {content: write_image(image) for content, image in dict(zip(contents, images, strict=True)).items()}
        rows = zip(prompts, sent, contents, strict=True)
        return self._answers(
            [ImageQuery(self._endpoint, prompt, seed, files[content]) for prompt, seed, content in rows]
        )


def whole(name: str, n: int, parts: Iterator[Answers]) -> Tensor:
    """All answers in order, `[n, 3, h, w]`.

    Raises:
        TargetError: If one is refused.
    """
    images: dict[int, Tensor] = {}
    for part in parts:
        for row, reason in part.refused.items():
            raise TargetError(f"The target {name!r} refuses query {row}: {reason}.")
        images |= dict(zip(part.rows, part.images, strict=True))
    return torch.stack([images[row] for row in range(n)])
