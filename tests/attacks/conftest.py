"""Heads of the tests: small, and quick to learn."""

import pytest
from planted_pairs import PlantedPairs

from lit_mia.attacks.budgets import Budget

BUDGET = Budget(seeds=1, max_epochs=12, patience=12, accelerator="cpu")


@pytest.fixture
def budget() -> Budget:
    """One seed and few epochs."""
    return BUDGET


@pytest.fixture(scope="session")
def pairs():
    """Makes a datamodule of planted or null pairs, once for each setting."""
    made: dict[tuple[str | None, int], PlantedPairs] = {}

    def make(signal: str | None = None, k: int = 1) -> PlantedPairs:
        return made.setdefault((signal, k), PlantedPairs(signal, k))

    return make
