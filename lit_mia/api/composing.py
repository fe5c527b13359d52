"""From what a caller of Python has to the config of an audit: the same values that YAML holds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from datamodules import RecordSource
from lit_mia.api.described import block_of
from lit_mia.api.models_asked import serving
from lit_mia.attacks import AuditedAttack
from lit_mia.errors import HeadError
from lit_mia.files import key_digest
from lit_mia.targets.base import AccessLevel, Target


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is asked of whom about what.

    Attributes:
        targets: The model under audit, in each way in which it can be asked.
        source: The records.
        attacks: The attacks.
        placebo: A model that saw neither members nor non-members, in each way; none if empty.
        base: The model before the fine-tuning, in each way; none if empty.
        encoder: Block of what embeds images and captions.
        image_size: Side in pixels at which query and generated images are compared and embedded.
        fractions: Shares of train, val, calibration and test.
        store: Folder of the answers; one named after the model, the records and the rest if not given.
    """

    targets: Sequence[Target]
    source: RecordSource
    attacks: Sequence[AuditedAttack]
    placebo: Sequence[Target]
    base: Sequence[Target]
    encoder: Any
    image_size: int
    fractions: Sequence[float]
    store: str | None


@dataclass(frozen=True)
class _Part:
    """Attacks that ask one datamodule.

    Attributes:
        data: Its block.
        placebo: Block of the placebo that is asked the same; None without one.
    """

    data: dict[str, Any]
    placebo: Any


def config_of(asked: Asked) -> dict[str, Any]:
    """The config of an audit of records, as YAML values.

    Args:
        asked: What is asked of whom about what.

    Raises:
        HeadError: If there is no attack, or training-free attacks ask for different things.
        TargetError: If the model cannot be asked what an attack needs.
    """
    heads = [attack for attack in asked.attacks if attack.scored_by == "head"]
    formulas = [attack for attack in asked.attacks if attack.scored_by != "head"]
    parts = [*([_pairs(asked)] if heads else []), *([_findings(asked, formulas)] if formulas else [])]
    if not parts:
        raise HeadError("An audit needs at least one attack. Name some, e.g. `attacks=['II-S', 'SimA']`.")
    config = {"data": parts[0].data, "attacks": block_of(asked.attacks), "placebo": parts[0].placebo}
    return config | ({"also": parts[1].data, "also_placebo": parts[1].placebo} if parts[1:] else {})


def _pairs(asked: Asked) -> _Part:
    target = block_of(serving(asked.targets, AccessLevel.GENERATE))
    placebo = block_of(serving(asked.placebo, AccessLevel.GENERATE)) if asked.placebo else None
    return _Part(_module("AuxiliaryDataModule", asked, {"target": target, "image_size": asked.image_size}), placebo)


def _findings(asked: Asked, attacks: Sequence[AuditedAttack]) -> _Part:
    level = _level_of(attacks)
    arguments = {"target": block_of(serving(asked.targets, level)), "convert": True}
    if asked.base:
        arguments["base"] = block_of(serving(asked.base, level))
    placebo = block_of(serving(asked.placebo, level)) if asked.placebo else None
    return _Part(_module("StatisticDataModule", asked, arguments), placebo)


def _level_of(attacks: Sequence[AuditedAttack]) -> AccessLevel:
    levels = {attack.level for attack in attacks if attack.level is not None}
    if len(levels) > 1:
        names = ", ".join(attack.name for attack in attacks)
        raise HeadError(
            f"The training-free attacks {names} ask for {' and '.join(sorted(levels))}, but one audit asks for one of "
            "them. Make an audit of each."
        )
    return levels.pop() if levels else AccessLevel.DENOISE


def _module(name: str, asked: Asked, arguments: Mapping[str, Any]) -> dict[str, Any]:
    values = {
        "source": block_of(asked.source),
        **arguments,
        "encoder": asked.encoder,
        "fractions": block_of(asked.fractions),
    }
    store = asked.store or f"stores/{asked.targets[0].name}-{key_digest(values)[:8]}"
    return {"class_path": f"datamodules.{name}", "init_args": values | {"store": f"{store}/{_FOLDERS[name]}"}}


_FOLDERS = {"AuxiliaryDataModule": "generated", "StatisticDataModule": "found"}
"""Where the answers of each datamodule are in the store."""
