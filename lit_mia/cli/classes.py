"""What configs may name and packages outside may add to; once this is imported, short class names resolve."""

from functools import cache

from lightning.pytorch import Callback, LightningDataModule

import datamodules
from datamodules.inputs import FINDING_INPUTS, PAIR_INPUTS
from lit_mia import attacks, callbacks, features, targets  # noqa: F401 (callbacks have names too)
from lit_mia.attacks.statistics import StatisticAttack
from lit_mia.audits import kinds  # noqa: F401 (adds them)
from lit_mia.audits.base import AUDIT_KINDS
from lit_mia.audits.membership.scorers import WAYS_OF_SCORING
from lit_mia.plugins import Plugin, load_plugins
from lit_mia.report.membership.columns import COLUMNS
from lit_mia.row_kinds import ROW_KINDS

BASES = {
    "head": attacks.Attack,
    "training-free attack": StatisticAttack,
    "attack": attacks.AuditedAttack,
    "target": targets.Target,
    "encoder": features.Encoder,
    "captioner": features.Captioner,
    "source of records": datamodules.RecordSource,
    "source of people": datamodules.PeopleSource,
    "data module": LightningDataModule,
    "callback": Callback,
}
"""What a class that a package outside defines is called → its base, the nearest first."""
REGISTRIES = (ROW_KINDS, COLUMNS, PAIR_INPUTS, FINDING_INPUTS, WAYS_OF_SCORING, AUDIT_KINDS)
"""The registries to which a package outside may add."""


@cache
def plugins() -> tuple[Plugin, ...]:
    """The packages outside that add something, imported once.

    Raises:
        PluginError: If one of them cannot be imported.
    """
    return load_plugins(BASES, REGISTRIES)
