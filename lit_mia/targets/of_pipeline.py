"""What the targets that are made of a pipeline of diffusers have in common: they can be made of one in memory."""

import inspect
from abc import ABC, abstractmethod
from typing import Any, Self

from lit_mia.errors import TargetError
from lit_mia.models import LEFT_OUT, PIPELINES, LivePipeline


class OfPipeline(ABC):
    """A target that is made of a pipeline of diffusers."""

    @abstractmethod
    def __init__(self, path: str) -> None:
        """Name the pipeline."""

    @classmethod
    def from_pipeline(cls, pipeline: Any, **settings: Any) -> Self:
        """A target of a pipeline that is loaded already, as of a training or a notebook.

        It answers as the target of the saved pipeline does, but has a fingerprint of its own: the digest of all in the
        pipeline that changes an answer, also in the `path` by which configs name it in this process. Answers are thus
        never taken for those of the files, nor the other way round.

        The pipeline is never altered. It runs where it is and in its own number format, with the adapters that it has;
        only a `DenoiserTarget` of another `precision` makes a copy of the weights. One that has changed since it was
        given is refused, whenever the fingerprint is asked for and before the first answer. Its safety checker is left
        out unless `safety_checker` keeps it.

        Args:
            pipeline: A loaded pipeline of diffusers.
            **settings: Arguments of the target but `path` and those that say how files are loaded: `device`, `dtype`,
                `offload`, `attention_slicing`, `compile`, `lora`, `lora_scale`, `config`, `prior`, `revision` and
                `variant`.

        Raises:
            TargetError: If it is no pipeline, one that cannot be told from others, or a setting is not known, or out of
                range.

        Example:
            >>> import torch
            >>> from diffusers import DiffusionPipeline
            >>> from lit_mia.models import shipped
            >>> from lit_mia.targets import DiffusersTarget
            >>> folder = shipped("shipped:openmoji-demo")
            >>> pipeline = DiffusionPipeline.from_pretrained(folder).to(torch.float32)
            >>> target = DiffusersTarget.from_pipeline(pipeline, steps=2)
            >>> target.generate(["red apple"], seeds=[0]).shape
            torch.Size([1, 3, 64, 64])
        """
        known = inspect.signature(cls.__init__).parameters.keys() - LEFT_OUT.keys() - {"self", "path"}
        refused = sorted(settings.keys() - known)
        if refused:
            raise TargetError(
                f"`{cls.__name__}.from_pipeline` does not take {', '.join(refused)}, but {', '.join(sorted(known))}. "
                "The pipeline runs as it is and where it is: change it before it is given."
            )
        live = LivePipeline(pipeline)
        return cls(path=PIPELINES.keep(live.digest, live), **settings)
