"""What two targets have in common, by their fingerprints: the model, or how it is asked."""

from collections.abc import Mapping
from typing import Any

from lit_mia.errors import TargetError
from lit_mia.targets.base import Target

Told = Mapping[str, Any]

_FILES = ("weights", "lora")
_SERVED = ("base_url", "model")
_OF_THE_MODEL = frozenset({*_FILES, *_SERVED, "lora_scale", "variant", "prior", "vq", "pipeline", "config", "access"})
"""Fields that say which model it is; all others say how it is asked."""


def holds(model: Told, other: Told) -> bool:
    """Whether a model holds the weights of another, so that it has seen whatever that one has.

    The same weights are the same model wherever they lie, whatever of them is asked and however they are sampled. LoRA
    weights hold what they learned on every base, and a base stays what it is below LoRA weights; but a base is another
    model than itself with LoRA weights on it. A model behind an API is the same under one address and name.

    Args:
        model: Fingerprint of the one.
        other: Fingerprint of the other.
    """
    if dict(model) == dict(other):
        return True
    if other.get("lora") is not None:
        return bool(model.get("lora") == other["lora"])
    fields = _FILES[:1] if "weights" in other else _SERVED
    return all(other.get(name) is not None and model.get(name) == other[name] for name in fields)


def model_of(target: Told) -> dict[str, Any]:
    """What of a fingerprint says which weights it has, or which model behind which API; all of it where that is unsaid.

    Args:
        target: The fingerprint.
    """
    return {name: target[name] for name in (*_FILES, *_SERVED) if target.get(name) is not None} or dict(target)


def settings_apart(a: Told, b: Told) -> list[str]:
    """Names of the settings in which two models are asked differently, such as `steps`; not what tells the models.

    Args:
        a: Fingerprint of the one.
        b: Fingerprint of the other; what only one tells differs.
    """
    names = [name for name in {**a, **b} if name not in _OF_THE_MODEL]
    return [name for name in names if name not in a or name not in b or a[name] != b[name]]


def refuse_as_placebo(placebo: Target, target: Target) -> None:
    """Refuse a placebo that holds the target's weights: it has seen the members.

    Raises:
        TargetError: If it does.
    """
    if holds(placebo.fingerprint(), target.fingerprint()):
        raise TargetError(
            f"The placebo {placebo.name!r} holds the weights of the target {target.name!r}, so it has seen the members "
            "too, and what its answers betray says nothing. Give a model that was trained on neither side, such as the "
            "target before its training, or none."
        )
