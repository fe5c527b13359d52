"""Any text-to-image pipeline of diffusers as a target."""

import inspect
import logging
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, final

import numpy as np
import torch
from torch import Tensor

from lit_mia.errors import TargetError
from lit_mia.targets.arguments import check_arguments
from lit_mia.targets.base import AccessLevel, Fingerprint, GenerateTarget
from lit_mia.targets.loading import load_pipeline, resolve_device
from lit_mia.targets.pipeline_files import PipelineFiles

logger = logging.getLogger(__name__)
Scheduler = Literal["pipeline", "ddim", "ddpm", "dpmsolver", "euler", "euler_a"]
SCHEDULER_CLASSES = {
    "ddim": "DDIMScheduler",
    "ddpm": "DDPMScheduler",
    "dpmsolver": "DPMSolverMultistepScheduler",
    "euler": "EulerDiscreteScheduler",
    "euler_a": "EulerAncestralDiscreteScheduler",
}


@final
class DiffusersTarget(GenerateTarget):
    """A text-to-image pipeline of diffusers, loaded at the first query."""

    def __init__(
        self,
        path: str,
        steps: int = 50,
        guidance: float = 5.0,
        scheduler: Scheduler = "pipeline",
        height: int | None = None,
        width: int | None = None,
        negative_prompt: str | None = None,
        dtype: Literal["float32", "bfloat16", "float16"] = "float32",
        device: str = "auto",
        batch_size: int = 32,
        revision: str | None = None,
        variant: str | None = None,
        name: str | None = None,
    ) -> None:
        """Name the pipeline and how it is sampled.

        Args:
            path: A local folder with a `model_index.json`, a Hugging Face hub id, or `shipped:<name>`.
            steps: Sampling steps.
            guidance: Scale of classifier-free guidance; above 1 each step evaluates the denoiser twice.
            scheduler: The sampler; `pipeline` keeps the one that the pipeline was saved with.
            height: Height of the images in pixels; None is the pipeline's own.
            width: Width of the images in pixels; None is the pipeline's own.
            negative_prompt: The text to steer away from.
            dtype: Number format in which the model runs, whatever format its weights are stored in.
            device: A torch device such as `cuda:1`, or `auto` for the current accelerator or else the CPU.
            batch_size: Images per call of the pipeline; does not change the images.
            revision: Branch, tag or commit of a hub id.
            variant: Weight variant of the files, such as `fp16`.
            name: What logs and reports call this target; the last part of `path` if None.

        Raises:
            TargetError: If an argument is out of range, or a local folder is missing or holds no pipeline.
        """
        check_arguments(guidance, steps=steps, batch_size=batch_size, height=height, width=width)
        self._files = PipelineFiles(path, revision)
        self._steps, self._guidance, self._scheduler = steps, float(guidance), scheduler
        self._height, self._width, self._negative_prompt = height, width, negative_prompt
        self._dtype, self._device = dtype, device
        self._variant = variant
        self._name = name or Path(self._files.location).name
        self.batch_size = batch_size

    @property
    def name(self) -> str:
        """The given name, or the last part of the path."""
        return self._name

    @property
    def nfe_per_image(self) -> int:
        """Steps, twice where guidance is on.

        A saved sampler of higher order (`scheduler: pipeline` with PNDM or Heun) makes more evaluations, and a model
        with distilled guidance makes half.
        """
        return self._steps * (2 if self._guidance > 1 else 1)

    def fingerprint(self) -> Fingerprint:
        """Weights, sampler and library versions; not the device, the batch size or the name.

        Raises:
            TargetError: If a hub id cannot be resolved.
        """
        return {
            "access": AccessLevel.GENERATE.value,
            **self._files.fingerprint(),
            "variant": self._variant,
            "steps": self._steps,
            "guidance": self._guidance,
            "scheduler": self._scheduler,
            "height": self._height,
            "width": self._width,
            "negative_prompt": self._negative_prompt,
            "dtype": self._dtype,
        }

    def generate(self, prompts: Sequence[str], seeds: Sequence[int]) -> Tensor:
        """Draw one image per prompt, each from a CPU generator with its own seed.

        Raises:
            TargetError: If the pipeline cannot be loaded, is not text-to-image or returns no images.
        """
        self._report_cut(prompts)
        starts = range(0, len(prompts), self.batch_size)
        chunks = [slice(start, start + self.batch_size) for start in starts]
        return torch.cat([self._generate_batch(prompts[chunk], seeds[chunk]) for chunk in chunks])

    def _report_cut(self, prompts: Sequence[str]) -> None:
        """Say how many captions are longer than what the text encoder reads."""
        tokenizer = self._pipeline.components.get("tokenizer")
        if tokenizer is None:
            return
        lengths = [len(tokens) for tokens in tokenizer(list(prompts))["input_ids"]]
        cut = sum(length > tokenizer.model_max_length for length in lengths)
        if cut:
            limit = tokenizer.model_max_length
            logger.warning("%d of %d captions are cut: the target reads %d tokens.", cut, len(prompts), limit)

    @torch.inference_mode()
    def _generate_batch(self, prompts: Sequence[str], seeds: Sequence[int]) -> Tensor:
        generators = [torch.Generator("cpu").manual_seed(seed) for seed in seeds]
        # "np" is in [0, 1] in every pipeline; "pt" is not in some (DeepFloyd IF).
        texts: dict[str, object] = {"prompt": list(prompts)}
        if self._negative_prompt is not None:
            texts["negative_prompt"] = [self._negative_prompt] * len(prompts)
        output = self._pipeline(**texts, generator=generators, output_type="np", **self._call_arguments)
        images = output.get("images")
        if not isinstance(images, np.ndarray):
            raise TargetError(
                f"The pipeline {self._files.class_name} of {self._files.location!r} returned no images but "
                f"{sorted(output)}. Choose a text-to-image pipeline."
            )
        pixels = torch.from_numpy(images).permute(0, 3, 1, 2).float()
        return (pixels.clamp(0, 1) * 255).round().to(torch.uint8).contiguous()

    @cached_property
    def _call_arguments(self) -> dict[str, object]:
        size = {"height": self._height, "width": self._width}
        chosen = {name: value for name, value in size.items() if value is not None}
        arguments: dict[str, object] = {"num_inference_steps": self._steps, "guidance_scale": self._guidance, **chosen}
        sent = [*arguments, *(["negative_prompt"] if self._negative_prompt is not None else [])]
        allowed = inspect.signature(type(self._pipeline).__call__).parameters
        refused = [argument for argument in sent if argument not in allowed]
        if refused:
            raise TargetError(
                f"{type(self._pipeline).__name__} does not take {', '.join(refused)}. Leave these options of the "
                "target out, or choose another pipeline."
            )
        return arguments

    @cached_property
    def _pipeline(self) -> Any:
        import diffusers

        name, location = self._files.class_name, self._files.location
        pipeline_class = getattr(diffusers, name, None)
        if pipeline_class is None:
            raise TargetError(f"diffusers {diffusers.__version__} has no {name}, which {location!r} needs.")
        if "prompt" not in inspect.signature(pipeline_class.__call__).parameters:
            raise TargetError(f"The pipeline {name} of {location!r} is not text-to-image: it takes no prompt.")
        pipeline = load_pipeline(self._files, diffusers.AutoPipelineForText2Image, self._dtype, self._variant)
        if self._scheduler != "pipeline":
            pipeline.scheduler = _swap_scheduler(
                pipeline.scheduler, getattr(diffusers, SCHEDULER_CLASSES[self._scheduler])
            )
        pipeline.set_progress_bar_config(disable=True)
        return pipeline.to(resolve_device(self._device))


def _swap_scheduler(current: Any, wanted: Any) -> Any:
    if wanted not in current.compatibles:
        raise TargetError(
            f"{wanted.__name__} cannot replace the pipeline's {type(current).__name__}. Use `scheduler: pipeline`."
        )
    return wanted.from_config(current.config)
