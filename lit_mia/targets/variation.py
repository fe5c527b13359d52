"""The image-to-image call of any diffusers pipeline as a target, as an image-variation API would answer."""

import inspect
from collections.abc import Sequence
from functools import cached_property
from typing import Any, Literal, final

import torch
from PIL import Image
from torch import Tensor

from lit_mia.errors import TargetError
from lit_mia.models import (
    Fingerprint,
    Precision,
    check_images,
    enough_memory,
    formats_that_fit,
    full_float32,
    network_part,
    pipeline_at,
    resolve_device,
    square_side,
)
from lit_mia.ranges import POSITIVE_SHARE
from lit_mia.targets.base import AccessLevel, VaryTarget, check_arguments
from lit_mia.targets.of_pipeline import OfPipeline


@final
class VariationTarget(OfPipeline, VaryTarget):
    """The image variations of a diffusers pipeline, loaded at the first query."""

    def __init__(
        self,
        path: str,
        strength: float = 0.2,
        steps: int = 50,
        guidance: float = 1.0,
        prompt: Literal["caption", "none"] = "caption",
        height: int | None = None,
        dtype: Precision = "float32",
        device: str = "auto",
        batch_size: int = 32,
        revision: str | None = None,
        variant: str | None = None,
        name: str | None = None,
    ) -> None:
        """Name the pipeline and how it varies an image.

        Args:
            path: A local folder with a `model_index.json`, a Hugging Face hub id, or `shipped:<name>`.
            strength: Share of the diffusion to which an image is noised, in (0, 1].
            steps: Sampling steps of the whole diffusion; a variation makes `strength * steps` of them.
            guidance: Scale of classifier-free guidance; above 1 each step evaluates the denoiser twice.
            prompt: Whether the pipeline is told the caption of a record, or the empty text.
            height: Side of the square images in pixels; None is the pipeline's own.
            dtype: Number format in which the model runs, whatever format its weights are stored in.
            device: A torch device such as `cuda:1`, or `auto` for the current accelerator or else the CPU.
            batch_size: Images per call of the pipeline; does not change the answers.
            revision: Branch, tag or commit of a hub id.
            variant: Weight variant of the files, such as `fp16`.
            name: What logs and reports call this target; the last part of `path` if None.

        Raises:
            TargetError: If an argument is out of range, or a local folder is missing or holds no pipeline.
        """
        mistakes = _strength_mistakes(strength, steps)
        sizes = {"steps": steps, "batch_size": batch_size, "height": height}
        check_arguments(*mistakes, guidance=guidance, device=device, **sizes)
        self._source = pipeline_at(path, revision=revision, variant=variant, device=device, dtype=dtype)
        self._strength, self._steps, self._guidance = float(strength), steps, float(guidance)
        self._prompt, self._height = prompt, height
        self._dtype, self.device = self._source.dtype(dtype), self._source.device(device)
        self._variant = variant
        self.name = name or self._source.name
        self.batch_size = batch_size

    @property
    def told_captions(self) -> bool:
        """As `prompt` says."""
        return self._prompt == "caption"

    @cached_property
    def image_size(self) -> int:
        """The given height, or the side in pixels of what the pipeline was trained on.

        Raises:
            TargetError: If the pipeline does not tell, or was trained on images that are not square.
        """
        if self._height is not None:
            return self._height
        side = square_side(network_part(self._pipeline))
        if side is None:
            raise TargetError(
                f"The pipeline {type(self._pipeline).__name__} of {self._source.location!r} does not tell the size of "
                "its images. Set `height`."
            )
        return side * int(getattr(self._pipeline, "vae_scale_factor", 1))  # a pixel pipeline has none

    def fingerprint(self) -> Fingerprint:
        """Weights, how an image is varied, and library versions; not the device, the batch size or the name.

        Raises:
            TargetError: If a hub id cannot be resolved.
        """
        return {
            "access": AccessLevel.VARY.value,
            **self._source.fingerprint(),
            "variant": self._variant,
            "strength": self._strength,
            "steps": self._steps,
            "guidance": self._guidance,
            "prompt": self._prompt,
            "height": self._height,
            "dtype": self._dtype,
        }

    @full_float32()
    @torch.inference_mode()
    def vary(self, images: Tensor, captions: Sequence[str | None], seeds: Sequence[int]) -> Tensor:
        """One call of the pipeline, each image with a CPU generator of its own.

        Raises:
            TargetError: If the images are not of the target's form, or the pipeline cannot be loaded, is not
                image-to-image, wants more than an image and a text, or returns another size.
        """
        self.check_images(images)
        asked = {
            "prompt": [(caption or "") if self._prompt == "caption" else "" for caption in captions],
            "image": [Image.fromarray(image.numpy()) for image in images.cpu().permute(0, 2, 3, 1)],
            "generator": [torch.Generator("cpu").manual_seed(seed) for seed in seeds],
        }
        try:
            with formats_that_fit(self._dtype):
                output = self._pipeline(**asked, output_type="np", **self._call_arguments)
        except (ValueError, TypeError) as error:
            raise TargetError(f"{type(self._pipeline).__name__} refuses these settings: {error}") from error
        pixels = torch.from_numpy(output.images).permute(0, 3, 1, 2).float()
        if pixels.shape != images.shape:
            raise TargetError(
                f"The target {self.name!r} answers images of side {self.image_size} with {list(pixels.shape)}. Set "
                "`height` to a size that its pipeline keeps."
            )
        return (pixels.clamp(0, 1) * 255).round().to(torch.uint8).contiguous()

    @cached_property
    def _call_arguments(self) -> dict[str, object]:
        # Some pipelines resize to a default of their own unless told; the others keep the size of the image.
        resizes = "height" in inspect.signature(type(self._pipeline).__call__).parameters
        return {
            "strength": self._strength,
            "num_inference_steps": self._steps,
            "guidance_scale": self._guidance,
            **({"height": self.image_size, "width": self.image_size} if resizes else {}),
        }

    @cached_property
    def _pipeline(self) -> Any:
        if isinstance(size := self._source.part_json("unet").get("sample_size"), list):
            raise TargetError(
                f"The image-to-image pipelines of diffusers do not read a `sample_size` of {size}. Write one number "
                f"into unet/config.json of {self._source.location!r}."
            )
        pipeline = self._source.load("AutoPipelineForImage2Image", self._dtype, self._variant)
        allowed = inspect.signature(type(pipeline).__call__).parameters
        needed = ["prompt", "image", "strength", "num_inference_steps", "guidance_scale"]
        missing = [argument for argument in needed if argument not in allowed]
        if missing:
            raise TargetError(
                f"The pipeline {self._source.class_name} of {self._source.location!r} is not image-to-image: "
                f"{type(pipeline).__name__} does not take {', '.join(missing)}. Choose another pipeline, or "
                "`DenoiserTarget`, which makes variations with the denoiser itself."
            )
        check_images(pipeline, varies=True)
        pipeline.set_progress_bar_config(disable=True)
        with enough_memory():
            return pipeline.to(resolve_device(self.device))


def _strength_mistakes(strength: float, steps: int) -> list[str]:
    """What is wrong with a strength, given the steps of the whole diffusion."""
    if wrong := POSITIVE_SHARE(strength=strength):
        return wrong
    if steps >= 1 and int(strength * steps) < 1:  # as the pipelines round it
        return [
            f"`strength` times `steps` must be at least 1, or no step is made, but got {strength} and {steps}; raise "
            "one of them"
        ]
    return []
