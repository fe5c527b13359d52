"""The kinds of request: predicted noise, and images that a target makes of captions or of images.

Each paid image is stored before it is used, because findings come only at the end of a batch.
"""

import hashlib
from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Self, TypeVar, final

import torch
from torch import Tensor

from lit_mia.batches import slices
from lit_mia.files import key_digest
from lit_mia.models import Condition
from lit_mia.queries.generate import GenerateQuery
from lit_mia.queries.requests.base import Answer, Request, Subject
from lit_mia.queries.store import Store, StoreEntry
from lit_mia.targets.base import AccessLevel, Answers, GenerateTarget, VaryTarget

Query = TypeVar("Query", bound=StoreEntry)


@final
@dataclass(frozen=True, eq=False)
class NoisePrediction(Request):
    """A request for ε(x, t) of `b` records.

    Two are equal if timestep, condition and input agree bit by bit, so sharing changes scores by no more than the
    rounding of other batches.

    Attributes:
        x: `[b, c, h, w]` in the denoiser's space.
        t: Timestep.
        condition: What the denoiser is told, such as `Subject.condition`.
    """

    level = AccessLevel.DENOISE

    x: Tensor
    t: int
    condition: Condition

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, NoisePrediction)
            and self.t == other.t
            and self.condition is other.condition
            and (self.x is other.x or torch.equal(self.x, other.x))
        )

    def __hash__(self) -> int:
        return hash((self.t, id(self.condition), float(self.x.sum())))

    @classmethod
    def answer(cls, subject: Subject, requests: Sequence[Self]) -> list[Answer]:
        """All predictions of a round, cut into the batches that the denoiser likes best."""
        target, b = subject.denoiser, len(subject.ids)
        x = torch.cat([request.x for request in requests])
        t = torch.tensor([request.t for request in requests]).repeat_interleave(b)
        condition = Condition.join([request.condition for request in requests])
        parts = slices(len(x), target.batch_size)
        noise = torch.cat([target.predict_noise(x[part], t[part], condition.rows(part)) for part in parts])
        return [Answer(values) for values in torch.split(noise, b)]

    def rehearse(self, subject: Subject) -> Tensor:
        """Random noise."""
        return torch.randn_like(self.x)


@dataclass(frozen=True)
class Drawing(Request):
    """A request for an image that the target makes for each record: in [−1, 1], from integer pixels, `[b, 3, h, w]`.

    The image of a record that is refused one is grey.

    Attributes:
        index: Number of the image among those of a record, from which its seed is drawn.
    """

    makes_image = True

    index: int

    @classmethod
    @abstractmethod
    def stream(cls, subject: Subject, times: int, seeds: Sequence[int]) -> Iterator[Answers]:
        """Draw images for all records, again and again, and give them as they come in.

        Args:
            subject: The `b` records.
            times: How often.
            seeds: One seed per image, `times · b`.

        Yields:
            Every position exactly once.
        """

    @classmethod
    def answer(cls, subject: Subject, requests: Sequence[Self]) -> list[Answer]:
        """The images of all requests together."""
        b, n, refused = len(subject.ids), len(requests), set[int]()
        seeds = [seed for request in requests for seed in subject.seeds(cls.level, request.index)]
        images = torch.zeros(n * b, *subject.images.shape[1:], dtype=subject.pixels.dtype)
        for part in cls.stream(subject, n, seeds):
            refused.update(part.refused)
            if part.rows:
                if images.shape[1:] != part.images.shape[1:]:  # generated at the target's own size
                    images = images.new_zeros(len(images), *part.images.shape[1:])
                images[list(part.rows)] = part.images.to(images.dtype) / 127.5 - 1
        gone = [[row - i * b for row in sorted(refused) if row // b == i] for i in range(n)]
        return [Answer(values, rows) for values, rows in zip(torch.split(images, b), gone, strict=True)]


@final
@dataclass(frozen=True)
class Generation(Drawing):
    """A request for image number `index` that the target makes of each record's caption, at its own size."""

    level = AccessLevel.GENERATE

    @classmethod
    def stream(cls, subject: Subject, times: int, seeds: Sequence[int]) -> Iterator[Answers]:
        """One image for each caption, from the store or from the target."""
        target = GenerateTarget.of(subject.target)
        prompts = [str(caption) for caption in subject.captions]
        rows = zip(subject.ids * times, prompts * times, seeds, strict=True)
        return kept_answers(
            subject.kept,
            [GenerateQuery(*row) for row in rows],
            lambda queries: target.stream([query.prompt for query in queries], [query.seed for query in queries]),
        )

    def rehearse(self, subject: Subject) -> Tensor:
        """Black images of the records' size."""
        return torch.full_like(subject.pixels, -1)


@final
@dataclass(frozen=True)
class VariationQuery:
    """A request for one variation of an image.

    Attributes:
        record_id: The record that it is made for; not part of what is asked.
        image: The image, uint8 `[3, s, s]`.
        caption: Its caption, or None.
        seed: The seed of the variation.
    """

    record_id: str
    image: Tensor
    caption: str | None
    seed: int

    @property
    def prompt(self) -> str:
        """The caption, or the empty text."""
        return self.caption or ""

    @property
    def key(self) -> str:
        """What the answer is found by in the store: SHA-256 of image, caption and seed."""
        pixels = hashlib.sha256(self.image.numpy().tobytes()).hexdigest()
        return key_digest([pixels, self.prompt, self.seed])


@final
@dataclass(frozen=True)
class Variation(Drawing):
    """A request for variation number `index` of each record."""

    level = AccessLevel.VARY

    @classmethod
    def stream(cls, subject: Subject, times: int, seeds: Sequence[int]) -> Iterator[Answers]:
        """One variation of each image, from the store or from the target."""
        target = VaryTarget.of(subject.target)
        rows = zip(subject.ids * times, [*subject.images] * times, subject.captions * times, seeds, strict=True)
        return kept_answers(
            subject.kept,
            [VariationQuery(*row) for row in rows],
            lambda queries: target.stream_vary(
                torch.stack([query.image for query in queries]),
                [query.caption for query in queries],
                [query.seed for query in queries],
            ),
        )

    def rehearse(self, subject: Subject) -> Tensor:
        """The images themselves."""
        return subject.pixels


def kept_answers(
    store: Store | None, queries: Sequence[Query], ask: Callable[[Sequence[Query]], Iterator[Answers]]
) -> Iterator[Answers]:
    """Answers and refusals from the store, and what it lacks from the target: stored as it comes in, and then given.

    Args:
        store: Where the images are kept; None keeps none.
        queries: What is asked.
        ask: Asks the target some of them; the rows of its answers count in what it was given.

    Yields:
        Every position exactly once.
    """
    if store is None:
        yield from ask(queries)
        return
    keys, held, refused = [query.key for query in queries], store.keys(), store.refused()
    here = [row for row, key in enumerate(keys) if key in held]
    gone = {row: refused[key] for row, key in enumerate(keys) if key in refused}
    yield Answers(here, store.read([keys[row] for row in here]), gone)
    missing = [row for row, key in enumerate(keys) if key not in held and row not in gone]
    asked = [queries[row] for row in missing]
    for part in ask(asked) if missing else ():
        store.keep(asked, part)
        rows, reasons = [missing[row] for row in part.rows], {missing[row]: why for row, why in part.refused.items()}
        yield Answers(rows, part.images, reasons)
    store.compact(mine=True)
