"""What two results must have in common to be about the same audit."""

from collections.abc import Mapping
from typing import Any

from lit_mia.files import key_digest
from lit_mia.report.fields import spell_non_finite
from lit_mia.report.membership.schema import AuditReport

PLACES = ("store", "placebo_store", "base_store")
"""Keys of a config that say where answers are kept."""


def without_places(config: Any) -> Any:
    """A config without the folders of its answers, which make no other one."""
    if isinstance(config, Mapping):
        return {key: without_places(value) for key, value in config.items() if key not in PLACES}
    return [without_places(value) for value in config] if isinstance(config, list) else config


def configuration_key(
    config: Mapping[str, Any], *, answers: str, splits: str, models: Mapping[str, Any], version: str
) -> str:
    """SHA-256 of all that changes a number of an audit.

    Args:
        config: The configuration, defaults filled in.
        answers: Digest of the target's answers.
        splits: Digest of the splits.
        models: Fingerprints of target, placebo and base.
        version: Of this package.
    """
    plain = spell_non_finite(without_places(config))  # as a file holds it
    held = {"config": plain, "answers": answers, "splits": splits, "models": dict(models)}
    return key_digest({**held, "version": version})


def key_of(report: AuditReport) -> str:
    """The same of a report."""
    return configuration_key(
        report.config,
        answers=report.store_digest,
        splits=report.splits["digest"],
        models={"target": report.target, "placebo": report.placebo, "base": report.base},
        version=report.versions.get("lit-mia", ""),
    )
