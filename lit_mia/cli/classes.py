"""What configs may name and packages outside may add to; once this is imported, short class names resolve."""

from functools import cache

from lightning.pytorch import Callback, LightningDataModule

import datamodules
import lit_mia.attacks
import lit_mia.attacks.statistics
import lit_mia.audits.kinds
import lit_mia.callbacks
import lit_mia.features
import lit_mia.targets
from datamodules.finding_inputs import FINDING_INPUTS
from datamodules.pair_inputs import PAIR_INPUTS
from lit_mia.attacks.data import AuditedAttack
from lit_mia.audits.membership.scoring import WAYS_OF_SCORING
from lit_mia.audits.registry import AUDIT_KINDS
from lit_mia.plugins import Plugin, load_plugins
from lit_mia.report.membership.columns import COLUMNS
from lit_mia.row_kinds import ROW_KINDS

BASES = {
    "head": lit_mia.attacks.Attack,
    "training-free attack": lit_mia.attacks.statistics.StatisticAttack,
    "attack": AuditedAttack,
    "target": lit_mia.targets.Target,
    "encoder": lit_mia.features.Encoder,
    "captioner": lit_mia.features.Captioner,
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
