"""Any text-to-image pipeline of diffusers as a target."""

import copy
import inspect
import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Literal, final, get_args

import numpy as np
import torch
from torch import Tensor

from lit_mia.batches import slices
from lit_mia.errors import TargetError
from lit_mia.models import (
    SHORT_NAMES,
    Fingerprint,
    Lora,
    Offload,
    Precision,
    call_arguments,
    check_images,
    cut_by,
    evaluations_per_image,
    formats_that_fit,
    full_float32,
    own_noise,
    pipeline_at,
    place,
    replace_scheduler,
    replaced_settings,
    require_peft,
    sampler_in_words,
    short_name,
    token_limits,
)
from lit_mia.models.combined import COMBINED
from lit_mia.ranges import FINITE
from lit_mia.targets.base import AccessLevel, Answers, GenerateTarget, check_arguments
from lit_mia.targets.of_pipeline import OfPipeline

logger = logging.getLogger(__name__)


@final
class DiffusersTarget(OfPipeline, GenerateTarget):
    """A text-to-image pipeline of diffusers, loaded at the first query.

    Attributes:
        truncated: Captions so far that at least one text encoder of the pipeline did not read to their end.
    """

    def __init__(
        self,
        path: str,
        steps: int = 50,
        guidance: float | None = 5.0,
        scheduler: str = "pipeline",
        height: int | None = None,
        width: int | None = None,
        negative_prompt: str | None = None,
        call: dict[str, bool | int | float | str] | None = None,
        safety_checker: Literal["none", "pipeline"] = "none",
        lora: str | None = None,
        lora_scale: float = 1.0,
        dtype: Precision = "float32",
        device: str = "auto",
        offload: Offload = "none",
        attention_slicing: bool = False,
        compile: bool = False,
        batch_size: int = 32,
        config: str | None = None,
        prior: str | None = None,
        revision: str | None = None,
        variant: str | None = None,
        name: str | None = None,
    ) -> None:
        """Name the pipeline and how it is sampled.

        Args:
            path: A local folder with a `model_index.json`, a Hugging Face hub id, `shipped:<name>`, or together with
                `config` a single `.safetensors` file.
            steps: Sampling steps.
            guidance: Scale of guidance; in most pipelines each step evaluates the denoiser twice above 1. None leaves
                it to the pipeline, as for those that take no `guidance_scale`.
            scheduler: The sampler: `ddim`, `ddpm`, `dpmsolver`, `euler`, `euler_a`, or the name of any class of
                diffusers that fits the pipeline; `pipeline` keeps the one that the pipeline was saved with. Another
                one keeps its noise schedule, prediction type, clipping and spacing of timesteps.
            height: Height of the images in pixels; None is the pipeline's own.
            width: Width of the images in pixels; None is the pipeline's own.
            negative_prompt: The text to steer away from.
            call: Further arguments of the pipeline's call, such as `max_sequence_length` or `true_cfg_scale`.
            safety_checker: `none` does not load the checker of a pipeline; `pipeline` keeps it, and then what it
                flags is counted as refused and never scored.
            lora: LoRA weights to add: a `.safetensors` file, a folder with one, a hub id, a hub id followed by `/` and
                the name of a file, or `shipped:<name>`; LoHa and LoKr files too. Needs the package `peft`. A file of
                which a tensor belongs to no layer is refused.
            lora_scale: Factor of the LoRA weights.
            dtype: Number format in which the model runs, whatever format its weights are stored in.
            device: A torch device such as `cuda:1`, or `auto` for the current accelerator or else the CPU.
            offload: For models larger than the accelerator's memory: `model` keeps only the part at work there,
                `sequential` only the layer at work, which is much slower. Needs the package `accelerate`.
            attention_slicing: Compute attention in slices: less memory, slower; without effect on pipelines whose
                denoiser cannot (most transformers).
            compile: Compile the denoiser with `torch.compile`; changes speed only.
            batch_size: Images per call of the pipeline; does not change the images.
            config: For a single file: a local folder or hub id of a pipeline of the same layout, with its
                `model_index.json`, the `config.json` of each part and the tokenizers.
            prior: For a decoder that is saved without its prior (Kandinsky 2.1 and 2.2): the local folder or hub id of
                the prior, which `call: {prior_num_inference_steps: ...}` and the like set.
            revision: Branch, tag or commit of a hub id.
            variant: Weight variant of the files, such as `fp16`.
            name: What logs and reports call this target; the last part of `path` if None.

        Raises:
            TargetError: If an argument is out of range, or local files are missing or hold no pipeline.
        """
        known = get_args(Precision)
        mistakes = [] if dtype in known else [f"`dtype` must be one of {', '.join(known)}, but got {dtype!r}"]
        sizes = {"steps": steps, "batch_size": batch_size, "height": height, "width": width}
        numbers = {name: value for name, value in (call or {}).items() if isinstance(value, int | float)}
        mistakes += FINITE("`call`", **numbers)
        check_arguments(*mistakes, guidance=guidance, device=device, **sizes)
        self._source = pipeline_at(
            path,
            config=config,
            prior=prior,
            revision=revision,
            variant=variant,
            lora=lora,
            lora_scale=lora_scale,
            dtype=dtype,
            device=device,
            offload=offload,
            attention_slicing=attention_slicing,
            compile=compile,
        )
        self._lora = Lora(lora, lora_scale) if lora is not None else None
        self._steps, self._guidance = steps, None if guidance is None else float(guidance)
        self._scheduler, self._height, self._width = short_name(scheduler), height, width
        self._negative_prompt, self._call = negative_prompt, dict(call or {})
        self._safety_checker = safety_checker
        self._dtype, self.device = self._source.dtype(dtype), self._source.device(device)
        self._offload, self._attention_slicing, self._compile = offload, attention_slicing, compile
        self._variant = variant
        self.name = name or self._source.name
        self.batch_size = batch_size

    @property
    def nfe_per_image(self) -> int:
        """Denoiser evaluations behind one image, as far as the names of pipeline and sampler tell."""
        true_scale = self._call.get("true_cfg_scale", 1.0) if self._negative_prompt is not None else 1.0
        scheduler = SHORT_NAMES.get(self._scheduler, self._scheduler)
        if scheduler == "pipeline":
            scheduler = (self._source.index.get("scheduler") or [None, ""])[1]
        return evaluations_per_image(self._source.class_name, scheduler, self._steps, self._guidance, float(true_scale))

    def fingerprint(self) -> Fingerprint:
        """Weights, sampler and library versions; not the device, the means against too little memory or the name.

        Raises:
            TargetError: If a hub id cannot be resolved, or `scheduler` does not fit the pipeline.
        """
        return {
            "access": AccessLevel.GENERATE.value,
            **self._source.fingerprint(),
            "variant": self._variant,
            "steps": self._steps,
            "guidance": self._guidance,
            "scheduler": self._scheduler,
            "height": self._height,
            "width": self._width,
            "negative_prompt": self._negative_prompt,
            "dtype": self._dtype,
            **(self._lora.fingerprint() if self._lora else {}),
            **({"call": json.dumps(self._call, sort_keys=True)} if self._call else {}),
            **({"safety_checker": self._safety_checker} if self._safety_checker != "none" else {}),
            **self._replaced_settings,
        }

    def before_adapter(self) -> "DiffusersTarget | None":
        """The pipeline without the LoRA weights, sampled in the same way; None where there are none."""
        if self._lora is None:
            return None
        base = copy.copy(self)
        base._lora, base.truncated, base.name = None, 0, f"{self.name} without LoRA"
        base.__dict__.pop("_pipeline", None)  # the weights are fused into it
        return base

    @property
    def facts(self) -> Fingerprint:
        """The sampler that draws the images."""
        sampler = sampler_in_words(self._source, self._scheduler)
        return {"sampler": sampler} if sampler else {}

    @cached_property
    def _replaced_settings(self) -> Fingerprint:
        return {} if self._scheduler == "pipeline" else replaced_settings(self._source, self._scheduler)

    def generate(self, prompts: Sequence[str], seeds: Sequence[int]) -> Tensor:
        """Draw one image per prompt, each from a CPU generator with its own seed.

        Raises:
            TargetError: As `stream`, or if a prompt gets no image.
        """
        parts = list(self.stream(prompts, seeds))
        refused = {row: reason for part in parts for row, reason in part.refused.items()}
        if refused:
            raise TargetError(
                f"{len(refused)} of {len(prompts)} prompts got no image: {', '.join(sorted(set(refused.values())))}. "
                "Use another `dtype` or `safety_checker: none`, or ask through `stream`, which passes refusals on."
            )
        return torch.cat([part.images for part in parts])

    def stream(self, prompts: Sequence[str], seeds: Sequence[int]) -> Iterator[Answers]:
        """Draw one image per prompt, each from a CPU generator with its own seed, a batch at a time.

        What the safety checker has flagged, what is not a number and what is black is refused.

        Raises:
            TargetError: If the pipeline cannot be loaded, is not text-to-image, wants more than a text or returns no
                images.
        """
        self._count_cut(prompts)
        for part in slices(len(prompts), self.batch_size):
            images, flagged = self._draw(prompts[part], seeds[part])
            yield screen(images, flagged, part.start)

    @full_float32()
    @torch.inference_mode()
    def _draw(self, prompts: Sequence[str], seeds: Sequence[int]) -> tuple[np.ndarray, Sequence[bool]]:
        generators = [torch.Generator("cpu").manual_seed(seed) for seed in seeds]
        arguments: dict[str, object] = {**self._call_arguments, "prompt": list(prompts)}
        if self._negative_prompt is not None:
            arguments["negative_prompt"] = [self._negative_prompt] * len(prompts)
        try:
            with own_noise(self._pipeline.components.get("scheduler"), generators), formats_that_fit(self._dtype):
                # "np" is in [0, 1] in every pipeline; "pt" is not in some (DeepFloyd IF).
                output = self._pipeline(**arguments, generator=generators, output_type="np")
        except (ValueError, TypeError) as error:
            raise TargetError(f"{type(self._pipeline).__name__} refuses these settings: {error}") from error
        images = output.get("images")
        if not isinstance(images, np.ndarray):
            raise TargetError(
                f"The pipeline {self._source.class_name} of {self._source.location!r} returned no images but "
                f"{sorted(output)}. Choose a text-to-image pipeline."
            )
        height, width = images.shape[1:3]
        if (self._height or height, self._width or width) != (height, width):
            raise TargetError(
                f"The pipeline answers a size of {self._height} x {self._width} with {height} x {width} pixels. Set "
                "`height` and `width` to a size that it keeps."
            )
        flagged = output.get("nsfw_content_detected") or output.get("nsfw_detected")  # the second: DeepFloyd IF
        return images, flagged or [False] * len(images)

    def _count_cut(self, prompts: Sequence[str]) -> None:
        """Count captions that are longer than what the text encoders read; only the first is reported."""
        cut = cut_by(self._pipeline, self._token_limits, prompts)
        count = sum(map(any, zip(*cut.values(), strict=True)))
        if count and not self.truncated:
            by = ", ".join(f"{name}: {self._token_limits[name]} tokens" for name, lines in cut.items() if any(lines))
            logger.warning("The target %s cuts long captions (%s); they are counted.", self.name, by)
        self.truncated += count

    @cached_property
    def _token_limits(self) -> Mapping[str, int]:
        return token_limits(self._pipeline, self._call)

    @cached_property
    def _call_arguments(self) -> dict[str, object]:
        chosen: dict[str, object] = {
            "num_inference_steps": self._steps,
            "guidance_scale": self._guidance,
            "height": self._height,
            "width": self._width,
            "negative_prompt": self._negative_prompt,
        }
        return call_arguments(type(self._pipeline), chosen | self._call)

    def check_kind(self) -> None:
        """Refuse a pipeline that is not text-to-image.

        Raises:
            TargetError: If it takes no prompt.
        """
        name, location = self._source.class_name, self._source.location
        if "prompt" not in inspect.signature(self._source.pipeline_class.__call__).parameters:
            advice = " Give its prior as `prior`." if name in COMBINED else ""
            raise TargetError(f"The pipeline {name} of {location!r} is not text-to-image: it takes no prompt.{advice}")

    @cached_property
    def _pipeline(self) -> Any:
        location = self._source.location
        self.check_kind()
        if self._lora is not None:
            require_peft()
        keep = self._safety_checker == "pipeline"
        pipeline = self._source.load("AutoPipelineForText2Image", self._dtype, self._variant, keep)
        if keep and pipeline.components.get("safety_checker") is None:
            raise TargetError(f"{location!r} holds no safety checker. Leave `safety_checker` out.")
        check_images(pipeline)
        if self._scheduler != "pipeline":
            if hasattr(pipeline, "decoder_pipe"):  # it keeps a sampler of its own
                raise TargetError(f"The sampler of a {type(pipeline).__name__} cannot be replaced. Leave it out.")
            replace_scheduler(pipeline, self._scheduler)
        if self._lora is not None:
            self._lora.fuse(pipeline)
        pipeline.set_progress_bar_config(disable=True)
        return place(pipeline, self.device, self._offload, self._attention_slicing, self._compile)


def screen(images: np.ndarray, flagged: Sequence[bool], first: int) -> Answers:
    """The images as answers, and the others as refusals: nothing that a filter or an overflow blackened is scored.

    An image that is black in every pixel is always a refusal, also if no checker has flagged it: it may be a filter
    of the pipeline's own, or an overflow in half precision. A truly black image is thus counted instead of scored.

    Args:
        images: What the pipeline returned, `[n, h, w, 3]`, in [0, 1].
        flagged: Whether the pipeline's safety checker has replaced the image.
        first: Position of the first image in the batch of queries.
    """
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2).float()
    answers = pixels.clamp(0, 1).mul_(255).round_().to(torch.uint8)  # in place: these are hundreds of megabytes
    signs: dict[str, Any] = {
        "safety checker": flagged,
        "not a number": ~np.isfinite(images).all(axis=(1, 2, 3)),
        "black image": answers.flatten(1).amax(1) == 0,
    }
    reasons = [next((reason for reason, sign in signs.items() if sign[row]), None) for row in range(len(images))]
    rows = [row for row, reason in enumerate(reasons) if reason is None]
    refused = {first + row: reason for row, reason in enumerate(reasons) if reason is not None}
    return Answers([first + row for row in rows], answers[rows].contiguous(), refused)
