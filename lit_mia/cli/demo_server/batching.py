"""Questions that arrive at the same time are answered by one call of a target."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import final

from torch import Tensor


@final
@dataclass(frozen=True)
class Question:
    """A request for one image, or for one variation of an image."""

    seed: int
    prompt: str | None
    image: Tensor | None


Answer = tuple["asyncio.Future[Tensor]", int]
"""The call of a target that has answered a question, and the place of its image among the call's."""


@final
class Batcher:
    """Gathers what is asked at the same time into one call of a target.

    Args:
        answer: Makes one image for each of some questions.
        batch_size: Most questions per call.
        wait: Seconds to wait for more of them.
    """

    def __init__(self, answer: Callable[[Sequence[Question]], Tensor], batch_size: int, wait: float = 0.02) -> None:
        self._answer, self._batch_size, self._wait = answer, batch_size, wait
        self._asked: asyncio.Queue[tuple[Question, asyncio.Future[Answer]]] = asyncio.Queue()

    async def ask(self, questions: Sequence[Question]) -> list[Tensor]:
        """One image per question, uint8 `[3, h, w]`."""
        futures = [asyncio.get_running_loop().create_future() for _ in questions]
        for pair in zip(questions, futures, strict=True):
            self._asked.put_nowait(pair)
        answers = await asyncio.gather(*futures)
        return [(await call)[place] for call, place in answers]  # what the call raises, each of its clients is told

    async def serve(self) -> None:
        """Answer until cancelled."""
        while True:
            batch = [await self._asked.get()]
            await asyncio.sleep(self._wait)
            while len(batch) < self._batch_size and not self._asked.empty():
                batch.append(self._asked.get_nowait())
            questions = [question for question, _ in batch]
            call = asyncio.get_running_loop().run_in_executor(None, self._answer, questions)
            await asyncio.wait([call])
            for place, (_, future) in enumerate(batch):
                if not future.done():  # its client may have left
                    future.set_result((call, place))
