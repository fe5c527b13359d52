"""Where and when a result was made."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

from lit_mia.report.provenance import git_commit, versions


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
            versions=versions(),
            git=git_commit(),
        )
