"""Small results of simulated scores, drawn once."""

import pytest
from simulated_results import simulated

from lit_mia.report.membership import MembershipResult


@pytest.fixture(scope="session")
def audit() -> MembershipResult:
    """Two attacks with trained heads and their controls."""
    return simulated({"I-P": 0.1, "II-S": 1.0})


@pytest.fixture(scope="session")
def small() -> MembershipResult:
    """One attack: its page is drawn faster."""
    return simulated({"II-S": 1.0})


@pytest.fixture(scope="session")
def statistics() -> MembershipResult:
    """Training-free attacks under a threshold; the first has a long name."""
    return simulated({"FreMIA ReDiffuse pixel SSIM": 0.1, "SecMI": 1.0}, "threshold")


@pytest.fixture(scope="session")
def family() -> MembershipResult:
    """Three training-free attacks under the protocol `threshold`."""
    return simulated({"Loss": 0.3, "SimA": 1.2, "PIA": 0.8}, "threshold")


@pytest.fixture(scope="session")
def mixed() -> MembershipResult:
    """A trained head beside a training-free attack."""
    return simulated({"II-S": 1.0, "PIA": 0.8}, {"II-S": "heads", "PIA": "threshold"})
