"""Where and when a result was made, and by which versions."""

import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self

PACKAGES = ("lit-mia", "lightning", "torch", "diffusers", "transformers", "open_clip_torch", "torchmetrics")
"""What computes the numbers."""


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where a result comes from.

    Attributes:
        name: Name of the audit.
        created: ISO date.
        config: Its configuration as YAML values.
        seconds_total: Time of the whole audit.
        versions: Package → version.
        git: Commit of the working tree, or None.
    """

    name: str
    created: str
    config: Mapping[str, Any]
    seconds_total: float
    versions: dict[str, str]
    git: str | None

    @classmethod
    def here(cls, name: str, config: Mapping[str, Any], began: float) -> Self:
        """The origin of what is being made now, by what is installed here.

        Args:
            name: Name of the audit.
            config: Its configuration.
            began: What `time.perf_counter` said at its beginning.
        """
        return cls(
            name=name,
            created=datetime.now(UTC).date().isoformat(),
            config=dict(config),
            seconds_total=time.perf_counter() - began,
            versions={package: version(package) for package in PACKAGES},
            git=_git_commit(),
        )


def _git_commit() -> str | None:
    """Commit of the working tree that the package runs from; None outside one."""
    here = Path(__file__).parent
    try:
        run = subprocess.run(["git", "rev-parse", "HEAD"], cwd=here, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return run.stdout.strip() or None
