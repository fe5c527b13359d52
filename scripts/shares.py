"""Shares of repetitions as the tables of simulations have them."""

from lit_mia.metrics.rates import clopper_pearson


def share(found: int, repetitions: int) -> str:
    """`5.0% [3.7%, 6.5%]`, with the 95 % Clopper-Pearson interval."""
    lo, hi = clopper_pearson(found, repetitions)
    return f"{found / repetitions:.1%} [{lo:.1%}, {hi:.1%}]"
