"""What configs may name and packages outside may add to; once this is imported, short class names resolve."""

from functools import cache
from importlib import import_module
from pkgutil import walk_packages
from types import ModuleType

from lightning.pytorch import Callback, LightningDataModule

import datamodules
from datamodules.inputs import FINDING_INPUTS, PAIR_INPUTS
from lit_mia import attacks, callbacks, features, shadow, targets
from lit_mia.attacks.calibration import CalibratedAttack
from lit_mia.attacks.controls import RECORD_CONTROLS
from lit_mia.attacks.statistics import StatisticAttack
from lit_mia.audits import kinds  # noqa: F401 (adds them)
from lit_mia.audits.base import AUDIT_KINDS
from lit_mia.audits.membership.ways import WAYS_OF_SCORING
from lit_mia.designs.layouts import LAYOUTS
from lit_mia.plugins import Plugin, load_plugins
from lit_mia.report.membership.columns import COLUMNS
from lit_mia.report.membership.gate import QUANTITIES
from lit_mia.row_kinds import ROW_KINDS

BASES = {
    "head": attacks.Attack,
    "training-free attack": StatisticAttack,
    "calibrated attack": CalibratedAttack,
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
REGISTRIES = (
    ROW_KINDS,
    COLUMNS,
    QUANTITIES,
    PAIR_INPUTS,
    FINDING_INPUTS,
    RECORD_CONTROLS,
    WAYS_OF_SCORING,
    AUDIT_KINDS,
    LAYOUTS,
)
"""The registries to which a package outside may add."""


def import_modules(*packages: ModuleType) -> None:
    """Import all modules of packages, so that a class has a short name as soon as its file is there."""
    for package in packages:
        for module in walk_packages(package.__path__, f"{package.__name__}."):
            import_module(module.name)


@cache
def plugins() -> tuple[Plugin, ...]:
    """The packages outside that add something, imported once.

    Raises:
        PluginError: If one of them cannot be imported.
    """
    return load_plugins(BASES, REGISTRIES)


import_modules(attacks, callbacks, datamodules, features, shadow, targets)
