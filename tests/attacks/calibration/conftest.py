"""How far an AUC of a test split may be from what it must be."""

import pytest
from planted_difficulty import Difficulty

from lit_mia.metrics.auc import null_se


@pytest.fixture(scope="session")
def near():
    """3.5 standard errors of an AUC on the test split of a planted difficulty; away from 0.5 the error is smaller."""
    half = Difficulty().tested // 2
    return 3.5 * null_se(half, half)
