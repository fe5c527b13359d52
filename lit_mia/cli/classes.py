"""Imports every class that a config may name, so that its short name is enough."""

import datamodules
import lit_mia.attacks
import lit_mia.attacks.statistics
import lit_mia.callbacks
import lit_mia.features
import lit_mia.targets

MODULES = (
    datamodules,
    lit_mia.attacks,
    lit_mia.attacks.statistics,
    lit_mia.callbacks,
    lit_mia.features,
    lit_mia.targets,
)
