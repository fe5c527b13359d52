"""Attacks by their names in the literature, and those that a target allows."""

import re
from collections.abc import Iterable

from lit_mia.attacks import AuditedAttack
from lit_mia.attacks.statistics import StatisticAttack
from lit_mia.audits.making import made
from lit_mia.blocks import is_block, shipped_names
from lit_mia.errors import ConfigError
from lit_mia.targets.base import AccessLevel, Target

FOLDERS = ("attack", "statistic", "calibration")
"""Where the shipped blocks of attacks are."""
PLAIN = ("I-P", "I-S", "II-P", "II-S", "III", "IV", "Loss", "SecMI", "PIA", "PIAN", "SimA", "ReDiffuse", "CLiD")
"""The attacks of the papers as they stand there, each at the settings of its shipped block."""
VARIED = ("ReDiffuse-API",)
"""Those that need image variations, and nothing else."""


def attack_block(name: str) -> str:
    """The shipped block of an attack.

    Args:
        name: As in the literature, however it is spelled (`II-S`, `SimA`, `Pang & Wang`), the name of a shipped block
            (`statistic/sima`), or a YAML file.

    Raises:
        ConfigError: If there is none.

    >>> attack_block("II-S"), attack_block("SimA"), attack_block("Pang & Wang")
    ('attack/ii_s', 'statistic/sima', 'statistic/pang_wang')
    """
    if is_block(name):
        return name
    shipped = shipped_names()
    key = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    found = [f"{folder}/{key}" for folder in FOLDERS if f"{folder}/{key}" in shipped]
    if not found:
        known = [block for block in shipped if block.startswith(tuple(f"{folder}/" for folder in FOLDERS))]
        raise ConfigError(
            f"There is no attack {name!r}. Give one of {', '.join((*PLAIN, *VARIED))}, a shipped block "
            f"({', '.join(known)}), a YAML file, or an attack of your own."
        )
    return found[0]


def allowed(targets: Iterable[Target], *, captions: bool = True) -> list[str]:
    """Names of the attacks, in their plain forms, that may be asked of a model.

    Args:
        targets: The model at each access level at which it can be asked.
        captions: Whether the records have captions, without which some attacks ask nothing.
    """
    levels = {level for target in targets for level in target.offers}
    plain = [name for name in PLAIN if _fits(name, levels, captions=captions)]
    return plain or [name for name in VARIED if _fits(name, levels, captions=captions)]


def _fits(name: str, levels: set[AccessLevel], *, captions: bool) -> bool:
    attack = made(AuditedAttack, attack_block(name))
    reads_captions = attack.needs_captions if isinstance(attack, StatisticAttack) else True
    return attack.level in levels and (captions or not reads_captions)
