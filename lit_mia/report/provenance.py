"""Where a report comes from, and what it does not say."""

import subprocess
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from lit_mia.metrics.verdict import Design

PACKAGES = ("lit-mia", "lightning", "torch", "diffusers", "transformers", "open_clip_torch", "torchmetrics")


def versions() -> dict[str, str]:
    """Installed versions of what computes the numbers."""
    return {package: version(package) for package in PACKAGES}


def git_commit() -> str | None:
    """Commit of the working tree that the package runs from; None outside one."""
    here = Path(__file__).parent
    try:
        run = subprocess.run(["git", "rev-parse", "HEAD"], cwd=here, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return run.stdout.strip() or None


def limits_of(design: Design, placebo: bool, test: Mapping[str, int], shift: str | None = None) -> list[str]:
    """Sentences that qualify every result.

    Args:
        design: How the members came to be members.
        placebo: Whether a placebo target was asked.
        test: Records of each class in the test split.
        shift: How the classes differ by construction in more than membership.
    """
    limits = [
        "Rates are averages over the test records; they are no statement about one record.",
        "A difference to a control is not an exact amount of leakage: one head can use both kinds of signal.",
        f"The test split holds {test['member']} members and {test['non_member']} non-members; "
        "rates below 10 / non-members are not reported.",
        "A stronger attack may exist. An audit can show a leak; it cannot show that there is none.",
    ]
    if not placebo:
        limits.append("placebo: none. What any generator's answers to these captions betray is not excluded.")
    if design == "post_hoc":
        limits.append(
            "Members and non-members were put together afterwards, so no number here is evidence of training use."
        )
    if shift is not None:
        limits.append(shift)
    return limits
