"""Which controls an attack has: what can be told without the target, by what the attack is given.

The placebo and the round trip, which ask a target, are not among them; see `docs/controls.md`.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lit_mia.attacks.base import Attack
from lit_mia.attacks.controls.metadata import metadata_scores
from lit_mia.attacks.controls.ngrams import ngram_scores
from lit_mia.attacks.semantic import BlindJoint, BlindText
from lit_mia.records import Records
from lit_mia.registry import Registry

OF_CAPTIONS: Mapping[str, type[Attack]] = {"caption": BlindText, "joint": BlindJoint}
"""The heads that control whatever is given captions, by kind, where embeddings are at hand."""


@dataclass(frozen=True)
class RecordControl:
    """A control that is fitted on the records themselves, not on inputs of heads.

    Attributes:
        name: Its kind, see `lit_mia.row_kinds`.
        reads_captions: Whether it reads captions alone, so that only what is given captions has it.
        score: From all records, the rows that it is fitted on and a folder for what it keeps to scores `[n]`.
    """

    name: str
    reads_captions: bool
    score: Callable[[Records, Sequence[int], Path], NDArray[np.float64]]


RECORD_CONTROLS: Registry[RecordControl] = Registry(
    "control of records",
    (RecordControl("n-grams", True, ngram_scores), RecordControl("metadata", False, metadata_scores)),
)
"""All of them; a package outside adds one with `RECORD_CONTROLS.add`."""


def record_controls(captioned: bool) -> list[RecordControl]:
    """The controls of an attack that are fitted on records.

    Args:
        captioned: Whether the target, or the attack, is given captions.
    """
    return [control for control in RECORD_CONTROLS if captioned or not control.reads_captions]


def controls_of(attack: Attack, captioned: bool) -> dict[str, Attack]:
    """The heads that an attack has to beat, which do without the target.

    Every hyper-parameter that a control shares with the attack has the attack's value. A control of an attack that
    starts from a trained head starts from its own counterpart beside that one's file, where that was kept, so that both
    have seen the same records; else it is trained from scratch.

    Args:
        attack: The attack.
        captioned: Whether the target, or the attack, is given captions, and there is an encoder that embeds them.

    Returns:
        Kind → control, not built.
    """
    heads = {**attack.controls, **(OF_CAPTIONS if captioned else {})}
    return {kind: _with_settings_of(attack, kind, head) for kind, head in heads.items()}


def counterpart(checkpoint: Path, kind: str) -> Path:
    """Where the control of a trained head is kept: `II-S blind.ckpt` beside `II-S.ckpt`."""
    return checkpoint.with_name(f"{checkpoint.stem} {kind}{checkpoint.suffix}")


def unequal(attack: Attack, controls: Mapping[str, Attack]) -> str | None:
    """What an attack has seen more than its controls; None if they have seen the same.

    Args:
        attack: The attack.
        controls: Its heads without the target, of `controls_of`.
    """
    start = attack.hparams.get("init_from")
    fresh = [kind for kind, control in controls.items() if not control.hparams.get("init_from")]
    if not start or not fresh:
        return None
    missing = ", ".join(str(counterpart(Path(start), kind)) for kind in fresh)
    return (
        f"{attack.name} starts from {start} and has seen more records than its controls {', '.join(fresh)}, which are "
        f"trained from scratch because {missing} is not there. Audits keep these files beside the head's."
    )


def _with_settings_of(attack: Attack, kind: str, control: type[Attack]) -> Attack:
    names = set(inspect.signature(control).parameters)
    start = attack.hparams.get("init_from")
    kept = counterpart(Path(start).expanduser(), kind) if start else None
    if kept is None or not kept.is_file():
        names -= {"init_from", "freeze_trunk"}
    shared = {name: value for name, value in attack.hparams.items() if name in names}
    return control(**shared | ({"init_from": str(kept)} if "init_from" in shared else {}))
