"""Controls: what can be told without the target, from the record alone, by learners as strong as the attack's."""

from lit_mia.attacks.controls.choice import (
    RECORD_CONTROLS,
    RecordControl,
    controls_of,
    counterpart,
    record_controls,
    unequal,
)
from lit_mia.attacks.controls.learning import Learned, Selection, stronger_learner

__all__ = [
    "RECORD_CONTROLS",
    "Learned",
    "RecordControl",
    "Selection",
    "controls_of",
    "counterpart",
    "record_controls",
    "stronger_learner",
    "unequal",
]
