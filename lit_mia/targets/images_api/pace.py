"""How hard an Images API is asked."""

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Pace:
    """How many requests are under way at once, and how long one is tried.

    Attributes:
        concurrency: Most requests at once.
        attempts: Most tries of a query that may have been charged; waiting at a rate limit does not count.
        connect_seconds: Longest wait for a connection.
        read_seconds: Longest silence of the server.
        total_seconds: Longest time of one try, however slowly its answer drips in.
        backoff_seconds: Random waits between tries are up to this long at first, and twice as long each time.
        longest_wait: Most seconds between two tries; a server that asks for more ends the run.
    """

    concurrency: int = 8
    attempts: int = 6
    connect_seconds: float = 10.0
    read_seconds: float = 180.0
    total_seconds: float = 300.0
    backoff_seconds: float = 1.0
    longest_wait: float = 120.0

    def mistakes(self) -> list[str]:
        """What is out of range, in words."""
        given = asdict(self)
        counts = {name: given.pop(name) for name in ("concurrency", "attempts")}
        wrong = [f"`{name}` must be at least 1, but got {n}" for name, n in counts.items() if n < 1]
        return wrong + [f"`{name}` must be above 0, but got {n}" for name, n in given.items() if n <= 0]
