"""What callers of Python give for an audit: understood, or refused before anything is asked."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from datamodules import RecordSource
from datamodules.sources.given import records_from, sides_from
from lit_mia.api.attack_names import allowed, attack_block
from lit_mia.api.described import block_of
from lit_mia.api.designs import DesignResult
from lit_mia.api.models_asked import askable
from lit_mia.api.places import place
from lit_mia.attacks import AuditedAttack
from lit_mia.audits.making import OPTIONS, object_keys
from lit_mia.blocks import placed
from lit_mia.errors import ConfigError, RecordError
from lit_mia.ranges import SIDE, check
from lit_mia.targets.base import Target

_AN_ATTACK = (str, Mapping, AuditedAttack)


def check_arguments(image_size: object, store: object, name: object) -> None:
    """Refuse what is told nowhere else, or too late.

    Args:
        image_size: See `lit_mia.audit`.
        store: See there.
        name: See there.

    Raises:
        LitMiaError: If one of them is not what it has to be.
    """
    if isinstance(image_size, bool) or not isinstance(image_size, int | np.integer):
        raise RecordError(f"`image_size` must be a whole number of pixels, but is {image_size!r}.")
    check(RecordError, SIDE(image_size=int(image_size)))
    if store is not None:
        place(store, "store")
    if name is not None and (not isinstance(name, str) or name in ("", ".", "..") or set("/\\\0") & set(name)):
        raise ConfigError(
            f"`name` is also that of a folder, so it must be a text without slashes, but is {name!r}. Where results go "
            "is said by `output`."
        )


def source_of(members: Any, non_members: Any, records: Any) -> RecordSource:
    """The records of an audit.

    Args:
        members: See `lit_mia.audit`.
        non_members: See there.
        records: See there.

    Raises:
        RecordError: If both sides and one table are given, or neither; or see `records_from`.
    """
    sides = [side is not None for side in (members, non_members)]
    if not all(sides) if records is None else any(sides):
        raise RecordError(
            "An audit needs images of both sides: give `members` and `non_members`, or `records` alone, one table with "
            "a label for each."
        )
    if records is None:
        return sides_from(members, non_members)
    return records.source() if isinstance(records, DesignResult) else records_from(records)


def blocks_of(attacks: object, targets: Sequence[Target], source: RecordSource) -> list[Any]:
    """The blocks of the attacks of an audit.

    Args:
        attacks: See `lit_mia.audit`.
        targets: The model, in each way in which it can be asked.
        source: The records.

    Raises:
        ConfigError: If it is no attack, nor several.
        RecordError: If all that the model can be asked need captions, and there are none.
    """
    if isinstance(attacks, str) and attacks == "all":
        names = allowed(askable(targets), captions=any(source.load().captions))
        if not names:
            raise RecordError(
                f"All attacks on {targets[0].name} ask by captions, but the records have none. Add captions, or give "
                "the pipeline itself or its path, which attacks without captions can ask."
            )
        return list(map(attack_block, names))
    named = attacks if isinstance(attacks, Iterable) and not isinstance(attacks, _AN_ATTACK) else [attacks]
    each_of = list(named)
    if not all(isinstance(each, _AN_ATTACK) for each in each_of):
        raise ConfigError(f"`attacks` must be names, blocks or attacks, or a list of these, but is {attacks!r}.")
    return [attack_block(each) if isinstance(each, str) else block_of(each) for each in each_of]


def laid_over(config: dict[str, Any], given: object) -> dict[str, Any]:
    """A config with some values replaced, by dotted key; `init_args` may be left out, as on the command line.

    Args:
        config: The config, which is changed.
        given: The settings; None: none.

    Raises:
        ConfigError: If they are no settings, or one leads nowhere.
    """
    settings = {} if given is None else given
    if not isinstance(settings, Mapping) or not all(isinstance(key, str) for key in settings):
        raise ConfigError(f"`settings` must be values by dotted key, as {{'budget.seeds': 1}}, but is {given!r}.")
    if options := sorted(OPTIONS & settings.keys()):
        raise ConfigError(
            f"{', '.join(options)} are options of the command, and change nothing here. See the arguments of `run`, "
            "and `log` of the result."
        )
    for key, value in settings.items():
        *way, last = key.split(".")
        at = config
        for name in way:
            at = _arguments(at.setdefault(name, {}), key)
        at[last] = placed(block_of(value), object_keys(), key)
    return config


def _arguments(block: Any, key: str) -> dict[str, Any]:
    if not isinstance(block, dict):
        raise ConfigError(f"The setting {key!r} leads into {block!r}, which holds no values.")
    arguments: dict[str, Any] = block.setdefault("init_args", {}) if "class_path" in block else block
    return arguments
