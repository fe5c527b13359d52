"""What goes wrong with servers."""

from dataclasses import dataclass
from typing import Literal, final, get_args

from lit_mia import ranges
from lit_mia.errors import CommandError

Fault = Literal["limit", "error", "hang", "truncated", "no_image", "wrong_size", "fewer", "one_broken", "drip"]
ALL_FAULTS: tuple[Fault, ...] = get_args(Fault)


@final
@dataclass(frozen=True)
class Faults:
    """What goes wrong.

    Attributes:
        rate: Share of the requests that fail.
        kinds: In which ways, equally often: 429, 500, no answer, half the JSON, bytes that are no image, an image of
            another size, one image of several, several of which the first is no image, an answer that drips in.
        refused: Share of the prompts and images that moderation refuses, always the same ones.
        seed: Seed of both.
        retry_after: What a 429 says in `Retry-After`.
        hang_seconds: How long an answer takes that hangs or drips.

    Raises:
        CommandError: If a value is out of its range.
    """

    rate: float = 0.0
    kinds: tuple[Fault, ...] = ALL_FAULTS
    refused: float = 0.0
    seed: int = 0
    retry_after: str = "1"
    hang_seconds: float = 3600.0

    def __post_init__(self) -> None:
        shares = ranges.SHARE(rate=self.rate, refused=self.refused)
        ranges.check(CommandError, shares, ranges.at_least(0)(hang_seconds=self.hang_seconds))
        if not self.kinds:
            raise CommandError("`kinds` names no kind of fault. Leave it out for all, or name some.")
