"""A target that answers in parts, refuses some prompts, and keeps accounts."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from small_records import hash_of

from lit_mia.targets.base import Answers, Charges, GenerateTarget

PART = 3


class StreamingTarget(GenerateTarget):
    """Answers from the last prompt to the first, three at a time, and charges for refusals too.

    Args:
        refuses: Prompt → reason of what it never answers.
        ink: Another ink is another target.
        breaks_after: Answers and refusals after which it breaks down.
        error: What it breaks down with.
        batch_size: Prompts that it takes at once.
        longest: Characters of a prompt that it sees.
    """

    name = "stream"
    nfe_per_image = 2
    price_per_image = 0.5

    def __init__(
        self,
        refuses: Mapping[str, str] | None = None,
        ink: int = 0,
        breaks_after: int | None = None,
        error: type[BaseException] = RuntimeError,
        batch_size: int = 1000,
        longest: int = 1000,
    ) -> None:
        self.refuses, self.ink, self.breaks_after, self.error = dict(refuses or {}), ink, breaks_after, error
        self.batch_size, self.longest, self.truncated = batch_size, longest, 0
        self.asked: list[tuple[str, int]] = []
        self.accounts = Path()
        self.own: list[str] = []

    def fingerprint(self):
        return {"kind": "stream", "weights": self.ink}

    def keep_accounts(self, folder):
        self.accounts = folder / "paid.txt"

    def charges(self, own=False):
        held = self.accounts.read_text().splitlines() if self.accounts.is_file() else []
        confirmed, uncertain = ((self.own if own else held).count(what) for what in ("paid", "unknown"))
        return Charges(confirmed, uncertain, confirmed * self.price_per_image, uncertain * self.price_per_image)

    def generate(self, prompts, seeds):
        return torch.stack([self.draw(prompt, seed) for prompt, seed in zip(prompts, seeds, strict=True)])

    def stream(self, prompts, seeds) -> Iterator[Answers]:
        rows = list(range(len(prompts)))[::-1]
        for part in (rows[start : start + PART] for start in range(0, len(rows), PART)):
            if self.breaks_after is not None and self.breaks_after < len(part):
                self._pay("unknown")
                raise self.error("the line is dead")
            if self.breaks_after is not None:
                self.breaks_after -= len(part)
            for row in part:
                self._pay("paid")
                self.asked.append((prompts[row], seeds[row]))
                self.truncated += len(prompts[row]) > self.longest
            kept = [row for row in part if prompts[row] not in self.refuses]
            images = [self.draw(prompts[row], seeds[row]) for row in kept]
            refused = {row: self.refuses[prompts[row]] for row in part if prompts[row] in self.refuses}
            yield Answers(kept, torch.stack(images) if images else torch.empty(0), refused)

    def draw(self, prompt, seed):
        generator = torch.Generator().manual_seed(hash_of(f"{prompt}/{seed}/{self.ink}"))
        return torch.randint(0, 256, (3, 8, 8), dtype=torch.uint8, generator=generator)

    def _pay(self, what):
        self.own.append(what)
        if self.accounts != Path():
            with self.accounts.open("a") as file:
                file.write(f"{what}\n")
