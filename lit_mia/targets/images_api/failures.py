"""Why a request brought no image, and what follows: who is asked again, what is kept for good, what may be charged."""

from typing import ClassVar, final

from lit_mia.targets.accounts import Outcome


class NoImageError(Exception):
    """A request brought no image.

    Args:
        said: What the server said, or what happened.
        wait: Seconds that the server asks to wait; 0 where it does not.
        outcome: What the account is told; None for the usual of the kind.
        reason: The same as `said` in few words that queries of the same fate share.
        advice: The setting that the server seems to mean, and how to mend it; empty where it means none.

    Attributes:
        lasting: Whether the server has answered completely, so that the same can be expected again: such a query may
            be kept as one without an image. A time-out or a broken connection says nothing of the kind.
    """

    outcome: Outcome = "free"
    lasting: ClassVar[bool] = False

    def __init__(
        self, said: str, wait: float = 0.0, outcome: Outcome | None = None, *, reason: str = "", advice: str = ""
    ) -> None:
        super().__init__(said)
        self.wait, self.outcome, self.reason, self.advice = wait, outcome or self.outcome, reason or said, advice


@final
class RefusedError(NoImageError):
    """A moderation filter refuses this query; asking again is no use."""

    outcome = "confirmed"
    lasting = True


@final
class RejectedError(NoImageError):
    """The server rejects this query, however often it is asked; others may succeed."""

    lasting = True


@final
class ClosedError(NoImageError):
    """Nothing can succeed before the user has mended key, model, URL or account."""


@final
class LimitedError(NoImageError):
    """A rate limit: the same request may be let in later."""


class BrokenError(NoImageError):
    """No usable answer this time, and maybe a bill."""

    outcome = "uncertain"


class LostError(BrokenError):
    """A complete answer that holds images, none of which could be had."""


@final
class UnusableError(LostError):
    """A complete answer with images that are none, or of another size: likely all answers are like that."""

    lasting = True
