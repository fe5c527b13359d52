"""What queries cost: estimated before, and counted afterwards."""

from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True)
class Cost:
    """What was spent on a target.

    Attributes:
        queries: Images asked of the target.
        nfe: Denoiser evaluations behind them.
        seconds: Wall time.
        money: Price, in the currency of the target's `price_per_image`.
    """

    queries: int = 0
    nfe: int = 0
    seconds: float = 0.0
    money: float = 0.0

    def __add__(self, other: "Cost") -> Self:
        """The cost of both."""
        return type(self)(
            queries=self.queries + other.queries,
            nfe=self.nfe + other.nfe,
            seconds=self.seconds + other.seconds,
            money=self.money + other.money,
        )


@dataclass(frozen=True)
class Estimate:
    """What a fill would cost; making one asks nothing.

    Attributes:
        records: Records that the queries belong to.
        missing: Distinct queries that the store does not hold yet.
        nfe: Denoiser evaluations for the missing queries.
        seconds: Their wall time on one device, from what earlier fills of the store took; None if unknown.
        money: Their price.
    """

    records: int
    missing: int
    nfe: int
    seconds: float | None
    money: float
