"""Models as Python holds them, as targets: a pipeline, a path, a hub id, a block or a target."""

from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any, Protocol, TypeAlias

from lit_mia.audits.making import made
from lit_mia.blocks import is_block
from lit_mia.configured import given_to
from lit_mia.errors import TargetError
from lit_mia.targets import DenoiserTarget, DiffusersTarget
from lit_mia.targets.base import AccessLevel, Target


class Pipeline(Protocol):
    """A pipeline of diffusers."""

    @property
    def components(self) -> dict[str, Any]:
        """Its networks, tokenizers and scheduler."""


Model: TypeAlias = Pipeline | Target | str | PurePath | Mapping[str, Any]
"""A pipeline in memory; a target; a folder or a hub id of a pipeline; the name or the content of a target's block."""


def targets_of(model: Model) -> list[Target]:
    """A model as targets: one for each way in which it can be asked.

    Args:
        model: What is given.

    Raises:
        TargetError: If it is no model, or cannot be asked.
    """
    match model:
        case Target():
            return [model]
        case Mapping():
            return [made(Target, model)]
        case str() | PurePath() if is_block(str(model)):
            return [made(Target, str(model))]
        case str() | PurePath():
            return [DiffusersTarget(str(model)), DenoiserTarget(str(model))]
        case _:
            drawing = DiffusersTarget.from_pipeline(model)
            return [drawing, DenoiserTarget(given_to(drawing)["path"])]


def askable(targets: Sequence[Target]) -> list[Target]:
    """Those of the targets of a model that its kind allows: an unconditional one draws no captions, for instance.

    Args:
        targets: One model, in each way in which it might be asked.

    Raises:
        TargetError: If there is none.
    """
    found, reasons = list[Target](), list[str]()
    for target in targets:
        try:
            target.check_kind()
            found.append(target)
        except TargetError as error:
            reasons.append(str(error))
    if not found:
        raise TargetError(" ".join(dict.fromkeys(reasons)))
    return found


def serving(targets: Sequence[Target], level: AccessLevel) -> Target:
    """The target that may be asked at a level.

    Args:
        targets: One model, in each way in which it can be asked.
        level: What is asked.

    Raises:
        TargetError: If it cannot be asked that.
    """
    for target in targets:
        if level in target.offers:
            return target
    offered = sorted({str(level) for target in targets for level in target.offers})
    raise TargetError(
        f"The attacks ask for the access level '{level}', but a {type(targets[0]).__name__} offers only "
        f"{', '.join(offered)}. Give the pipeline itself or its path, which are asked at every level, or other attacks."
    )
