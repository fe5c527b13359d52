"""Where a target has its pipeline from, and what is known of a pipeline before it is loaded."""

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Literal

from lit_mia.errors import TargetError
from lit_mia.models.files import Fingerprint

Kind = Literal["DiffusionPipeline", "AutoPipelineForText2Image", "AutoPipelineForImage2Image"]
"""As what a pipeline is loaded: as it is, or as the one for a task that can be made of the same parts."""


class PipelineSource(ABC):
    """A pipeline of diffusers that can be loaded: its files, or one in the memory of this process.

    Attributes:
        location: What is loaded, as a config names it.
        home: Where the settings of its parts are, for messages.
        name: What logs and reports call it.
    """

    location: str
    home: str
    name: str

    @property
    @abstractmethod
    def index(self) -> Mapping[str, Any]:
        """What is in a `model_index.json`: the class of the pipeline, and library and class of each part.

        Raises:
            TargetError: If it cannot be read, or the pipeline brings code of its own.
        """

    @property
    def class_name(self) -> str:
        """The name of the pipeline's class."""
        return str(self.index["_class_name"])

    @property
    @abstractmethod
    def pipeline_class(self) -> Any:
        """The class of what is loaded.

        Raises:
            TargetError: If there is none.
        """

    @abstractmethod
    def fingerprint(self) -> Fingerprint:
        """What every target made of this pipeline tells of it, and of the libraries that run it.

        Raises:
            TargetError: If a hub id cannot be resolved, or a pipeline in memory has changed.
        """

    @abstractmethod
    def device(self, asked: str) -> str:
        """Where the pipeline runs.

        Args:
            asked: What the target is set to.
        """

    @abstractmethod
    def dtype(self, asked: str) -> str:
        """The number format in which the pipeline runs.

        Args:
            asked: What the target is set to.
        """

    @abstractmethod
    def load(self, kind: Kind, dtype: str, variant: str | None, keep_checker: bool = False) -> Any:
        """The pipeline, without code of its own, as an object that the caller may change.

        Args:
            kind: One of diffusers' automatic pipelines, tried first.
            dtype: Name of the torch type in which the weights are held.
            variant: Weight variant of the files, such as `fp16`.
            keep_checker: Whether to load the pipeline's safety checker.

        Raises:
            TargetError: If the pipeline cannot be loaded.
        """

    def part_json(self, part: str, name: str = "config.json") -> dict[str, Any]:
        """The contents of a settings file of one part; empty if the pipeline has no such file.

        Args:
            part: The folder of the part, such as `unet`.
            name: Name of the file.

        Raises:
            TargetError: If the file cannot be read, or the hub cannot be asked.
        """
        if not (self.index.get(part) or [None])[0]:
            return {}
        try:
            text = self.part_text(part, name)
            contents = {} if text is None else json.loads(text)
        except (OSError, ValueError) as error:
            raise TargetError(f"The {part}/{name} of {self.home!r} cannot be read: {error}.") from error
        if not isinstance(contents, dict):
            raise TargetError(f"The {part}/{name} of {self.home!r} holds no settings by name. Download it again.")
        return contents

    @abstractmethod
    def part_text(self, part: str, name: str) -> str | None:
        """The text of a settings file of one part; None if the pipeline has no such file.

        Args:
            part: The folder of the part, such as `unet`.
            name: Name of the file.

        Raises:
            OSError: If the file cannot be read.
            TargetError: If the hub cannot be asked.
        """
