"""Where a result comes from: versions and commit."""

import subprocess
from importlib.metadata import version
from pathlib import Path

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
