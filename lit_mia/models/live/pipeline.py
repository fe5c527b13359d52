"""A pipeline of diffusers in the memory of this process, as a target has it: under a name that configs can hold."""

from typing import Any, final

import torch

from lit_mia.errors import TargetError
from lit_mia.files import key_digest
from lit_mia.in_memory import PREFIX
from lit_mia.models.files import Fingerprint, readable, versions
from lit_mia.models.live.checks import check_pipeline, check_whole
from lit_mia.models.live.outline import Outline
from lit_mia.models.live.settings import settings_of, told_by
from lit_mia.models.live.weights import digests, networks_of, parts_of, sharing_weights, sums, weights_of
from lit_mia.models.pipeline_files import CHECKER
from lit_mia.models.pipeline_source import Kind, PipelineSource


@final
class LivePipeline(PipelineSource):
    """A pipeline in memory, looked at once and never altered.

    Attributes:
        digest: SHA-256 of all in it that changes an answer: its weights, classes, settings, tokenizers and sampler; not
            the device, nor where it was loaded from.
    """

    def __init__(self, pipeline: Any) -> None:
        """Look at a pipeline, which takes a second or so per gigabyte.

        Args:
            pipeline: A loaded pipeline of diffusers.

        Raises:
            TargetError: If it is none, or one that cannot be told from others.
        """
        check_pipeline(pipeline)
        self._given = pipeline
        with readable(TargetError, f"This {self.class_name} cannot be told from others"):
            check_whole(pipeline)
            outline, weights = Outline(pipeline), weights_of(pipeline)
            networks = networks_of(pipeline)
            files = told_by({name: part for name, part in parts_of(pipeline).items() if name not in networks})
            self._state = outline.text, sums(weights)
            self.digest = key_digest([outline.text, outline.code(), files, digests(weights)])
        self.location = self.home = f"{PREFIX}{self.digest}"
        self.name = f"{self.class_name} in memory"

    @property
    def index(self) -> dict[str, Any]:
        """As `save_pretrained` would write it."""
        pairs = {name: list(value) if isinstance(value, tuple) else value for name, value in self._given.config.items()}
        return {**pairs, "_class_name": self.pipeline_class.__name__}

    @property
    def pipeline_class(self) -> Any:
        """The class of the pipeline."""
        return type(self._given)

    def fingerprint(self) -> Fingerprint:
        """The digest and the releases of the libraries.

        Raises:
            TargetError: If the pipeline has changed since it was given.
        """
        self._check()
        return {"pipeline": self.class_name, "weights": self.digest, **versions("diffusers", "torch", "transformers")}

    def device(self, asked: str) -> str:
        """Where the weights are."""
        return str(self._given.device)

    def dtype(self, asked: str) -> str:
        """The types of the weights."""
        kinds = {weight.dtype for weight in weights_of(self._given).values() if weight.is_floating_point()}
        return ", ".join(sorted(str(kind).removeprefix("torch.") for kind in kinds))

    def part_text(self, part: str, name: str) -> str | None:
        """What `save_pretrained` would write into a file of one part."""
        written = settings_of(parts_of(self._given)[part]).get(name)
        return None if written is None else written.decode()

    def load(self, kind: Kind, dtype: str, variant: str | None, keep_checker: bool = False) -> Any:
        """Another pipeline of the same weights in the same memory; in another number format a copy of them.

        Args:
            kind: One of diffusers' automatic pipelines, tried first.
            dtype: Name of the torch type, or what `dtype` tells.
            variant: No matter.
            keep_checker: Whether to keep the pipeline's safety checker.

        Raises:
            TargetError: If the pipeline has changed since it was given, or cannot be copied.
        """
        self._check()
        with readable(TargetError, f"The objects of this {self.class_name} cannot be copied"):
            pipeline = _as(kind, sharing_weights(self._given))
        if CHECKER in pipeline.components and not keep_checker:
            setattr(pipeline, CHECKER, None)
        if "watermark" in vars(pipeline):
            pipeline.watermark = None
        if dtype != self.dtype(dtype):
            for network in networks_of(pipeline).values():
                network.to(getattr(torch, dtype))
        return pipeline

    def _check(self) -> None:
        check_whole(self._given)
        if self._state != (Outline(self._given).text, sums(weights_of(self._given))):
            raise TargetError(
                f"The {self.class_name} in memory has changed since it was given to `from_pipeline`: its weights, its "
                "adapters, its sampler or other settings. Make a new target of it, whose answers are kept apart from "
                "those of this one."
            )


def _as(kind: Kind, pipeline: Any) -> Any:
    """A pipeline as that for a task, if diffusers knows one of the same parts."""
    import diffusers

    if kind == "DiffusionPipeline":
        return pipeline
    try:
        other = getattr(diffusers, kind).from_pipe(pipeline)
    except ValueError:  # not every pipeline is in the automatic class's table
        return pipeline
    return pipeline if type(other) is type(pipeline) else other
