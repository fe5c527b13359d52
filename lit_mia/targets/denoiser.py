"""The denoiser of any diffusers pipeline as a target: pixel, latent, text- or class-conditional."""

import copy
from collections.abc import Sequence
from functools import cached_property
from typing import Any, Literal, final

import torch
from torch import Tensor

from lit_mia.batches import slices
from lit_mia.errors import TargetError
from lit_mia.models import (
    PARAMETERIZATIONS,
    VARIANCE_PRESERVING,
    AdaptedPipeline,
    Autoencoder,
    Condition,
    DenoisingNetwork,
    Fingerprint,
    Lora,
    Schedule,
    full_float32,
    pipeline_at,
    preserving_levels,
    resolve_device,
    square_side,
    told_beside,
    way_back,
    way_back_settings,
)
from lit_mia.targets.base import AccessLevel, DenoiseTarget, check_arguments
from lit_mia.targets.of_pipeline import OfPipeline


@final
class DenoiserTarget(OfPipeline, DenoiseTarget):
    """The noise prediction and the image variations of a diffusers pipeline, loaded at the first query."""

    def __init__(
        self,
        path: str,
        prompt: Literal["caption", "none"] = "caption",
        guidance: float = 1.0,
        latent: Literal["mean", "sample"] = "mean",
        precision: Literal["float64", "float32", "bfloat16", "float16"] = "float32",
        vary_t: int = 200,
        vary_k: int = 100,
        lora: str | None = None,
        lora_scale: float = 1.0,
        channels_last: bool = False,
        compile: bool = False,
        device: str = "auto",
        batch_size: int = 64,
        revision: str | None = None,
        variant: str | None = None,
        name: str | None = None,
    ) -> None:
        """Name the pipeline and how its denoiser is asked.

        Args:
            path: A local folder with a `model_index.json`, a Hugging Face hub id, or `shipped:<name>`.
            prompt: Whether the denoiser is told the caption of a record; no matter for an unconditional model.
            guidance: Scale of classifier-free guidance; any value but 1 evaluates the denoiser twice, unless it was
                distilled with guidance: such a network is told the scale.
            latent: For a latent target: the mean of the autoencoder's posterior, or a draw from it.
            precision: Number format of the denoiser. `bfloat16` and `float16` are autocast: its first layer, its
                norms and everything outside it stay in float32.
            vary_t: Timestep to which a variation is noised.
            vary_k: Timesteps between the steps on the way back, by the pipeline's own scheduler if it is DDIM or DDPM.
            lora: LoRA weights to add: a `.safetensors` file, a folder with one, a hub id, a hub id followed by `/` and
                the name of a file, or `shipped:<name>`; LoHa and LoKr files too. Needs the package `peft`. A file of
                which a tensor belongs to no layer is refused.
            lora_scale: Factor of the LoRA weights.
            channels_last: Memory layout of the network; changes speed only.
            compile: Compile the network with `torch.compile` for batches of `batch_size`, to which the last ones are
                filled up; changes speed only, and pays from some hundred records on.
            device: A torch device such as `cuda:1`, or `auto` for the current accelerator or else the CPU.
            batch_size: Images per call of the denoiser; does not change the answers beyond rounding.
            revision: Branch, tag or commit of a hub id.
            variant: Weight variant of the files, such as `fp16`.
            name: What logs and reports call this target; the last part of `path` if None.

        Raises:
            TargetError: If an argument is out of range, or a local folder is missing or holds no pipeline.
        """
        check_arguments(guidance=guidance, batch_size=batch_size, vary_t=vary_t, vary_k=vary_k, device=device)
        if vary_t % vary_k:
            raise TargetError(f"`vary_t` must be a multiple of `vary_k`, but got {vary_t} and {vary_k}.")
        self._source = pipeline_at(
            path,
            revision=revision,
            variant=variant,
            lora=lora,
            lora_scale=lora_scale,
            device=device,
            compile=compile,
        )
        self._prompt, self._guidance, self._latent, self._precision = prompt, float(guidance), latent, precision
        self._vary_t, self._vary_k = vary_t, vary_k
        self._channels_last, self._compile, self._variant = channels_last, compile, variant
        self.device = self._source.device(device)
        self._lora = Lora(lora, lora_scale) if lora is not None else None
        self._adapted = AdaptedPipeline(
            source=self._source,
            lora=self._lora,
            variant=variant,
            dtype=str(self._type).removeprefix("torch."),
            autocast=precision if precision in ("bfloat16", "float16") else None,
            device=self.device,
            guidance=self._guidance,
            channels_last=channels_last,
            compile=compile,
        )
        self.name = name or self._source.name
        self.batch_size = batch_size
        self.nfe = 0

    @property
    def needs_captions(self) -> bool:
        """Whether the denoiser is told captions."""
        return self._prompt == "caption" and self._network.takes_captions

    @property
    def evaluations_per_call(self) -> int:
        """2 under guidance, else 1; also 1 if the network was distilled with guidance and is told its scale."""
        network = self._network
        return 2 if self._guidance != 1 and network.takes_captions and not network.reads_guidance else 1

    @property
    def evaluations_per_variation(self) -> int:
        """One prediction for each step of the way back."""
        return self._vary_t // self._vary_k * self.evaluations_per_call

    @property
    def is_latent(self) -> bool:
        """Whether the pipeline has an autoencoder; its files say so without being loaded."""
        return bool({"vae", "vqvae"} & self._source.index.keys())

    @property
    def image_size(self) -> int:
        """Side in pixels of what the pipeline was trained on.

        Raises:
            TargetError: If its files do not tell it, or it was trained on images that are not square.
        """
        side = square_side(self._network.module)
        if side is None:
            raise TargetError(
                f"The network of {self._source.location!r} does not tell the size of its images. Write `sample_size` "
                "into its config.json."
            )
        return side if self._autoencoder is None else side * self._autoencoder.factor

    def check_kind(self) -> None:
        """Refuse a pipeline of which no noise prediction can be asked.

        Raises:
            TargetError: If its network cannot be asked, or its schedule is none that attacks are defined by.
        """
        _ = self._network, self.schedule

    def fingerprint(self) -> Fingerprint:
        """Weights, what the denoiser is told, and library versions; not the device or the batch size.

        Raises:
            TargetError: If a hub id cannot be resolved.
        """
        return {
            "access": AccessLevel.DENOISE.value,
            **self._source.fingerprint(),
            "variant": self._variant,
            "prompt": self._prompt,
            "guidance": self._guidance,
            "latent": self._latent,
            "precision": self._precision,
            "vary_t": self._vary_t,
            "vary_k": self._vary_k,
            **(self._lora.fingerprint() if self._lora else {}),
            **self._rare_facts,
        }

    def before_adapter(self) -> "DenoiserTarget | None":
        """The base without the LoRA weights, asked in the same way; None where there are none.

        Both are of one pipeline, which is loaded once and holds only the layers twice that the LoRA weights change; so
        they can be asked in any order, but not by two threads at once.
        """
        if self._lora is None:
            return None
        base = copy.copy(self)
        base._lora, base.nfe, base.name = None, 0, f"{self.name} without LoRA"
        return base

    @cached_property
    def _rare_facts(self) -> Fingerprint:
        return told_beside(self._source) | way_back_settings(self._source)

    @cached_property
    def schedule(self) -> Schedule:
        """ᾱ of the pipeline's scheduler.

        Raises:
            TargetError: If the scheduler has none, as those of flow matching.
        """
        alphas = getattr(self._pipeline.scheduler, "alphas_cumprod", None)
        if alphas is None:
            raise TargetError(
                f"The scheduler {type(self._pipeline.scheduler).__name__} of {self._source.location!r} has no betas "
                "(flow matching has none), and these attacks are defined by them. Use attacks of the level `generate`."
            )
        known = alphas.double().tolist()
        if self._pipeline.scheduler.config.get("rescale_betas_zero_snr"):
            known[-1] = 0.0  # some samplers put the least number that they can divide by in its place
        return Schedule(known)

    # ------------------------------------------------------------------ the denoiser

    def condition(self, captions: Sequence[str | None]) -> Condition:
        """What the network is told about these captions."""
        return self._network.condition(captions)

    def reduced_condition(self, captions: Sequence[str], share: float) -> Condition:
        """What the network is told without the most important words."""
        return self._network.reduced_condition(captions, share)

    @full_float32()
    @torch.inference_mode()
    def predict_noise(self, x: Tensor, t: Tensor, condition: Condition) -> Tensor:
        """ε(x_t, t), converted from what the network predicts."""
        return self._to_noise(x, t, self._predict(x, t, condition))

    def _predict(self, x: Tensor, t: Tensor, condition: Condition) -> Tensor:
        """The network's own prediction, guided if the target is set so."""
        if self.evaluations_per_call == 1:
            return self._forward(x, t, condition)
        both = Condition.join([self._network.condition([None] * len(x)), condition])
        empty, full = self._forward(torch.cat([x, x]), torch.cat([t, t]), both).chunk(2)
        return empty + self._guidance * (full - empty)

    def _forward(self, x: Tensor, t: Tensor, condition: Condition) -> Tensor:
        device, count = self._resolved_device, len(x)
        if self._compile and count % (whole := self.batch_size * self.evaluations_per_call):
            rows = torch.arange(-(-count // whole) * whole).clamp(max=count - 1)
            x, t, condition = x[rows], t[rows], condition.rows(rows)
        moved = Condition({name: part.to(device) for name, part in condition.parts.items()})
        layout = torch.channels_last if self._channels_last else torch.contiguous_format
        inputs = x.to(device).contiguous(memory_format=layout)
        self.nfe += count
        low = self._adapted.autocast is not None
        with torch.autocast(device.type, dtype=getattr(torch, self._precision), enabled=low):
            output = self._network.predict(inputs, t.to(device), moved)
        return output[:count].to(x)

    def _to_noise(self, x: Tensor, t: Tensor, output: Tensor) -> Tensor:
        scheduler = self._pipeline.scheduler
        kind = scheduler.config.get("prediction_type", "epsilon")
        if kind not in VARIANCE_PRESERVING:
            raise TargetError(
                f"The network of {self._source.location!r} predicts {kind!r}; known are epsilon, v_prediction and "
                "sample."
            )
        return PARAMETERIZATIONS[kind].noise(x, output, preserving_levels(scheduler.alphas_cumprod, t, like=x))

    # ------------------------------------------------------------------ images

    @full_float32()
    @torch.inference_mode()
    def encode(self, images: Tensor, seeds: Sequence[int], sample: bool = False) -> Tensor:
        """Images to pixels in [−1, 1], or to scaled latents."""
        self.check_images(images)
        pixels = images.to(self._resolved_device, self._type) / 127.5 - 1
        encoder = self._autoencoder
        if encoder is None:
            return pixels
        drawn = seeds if sample or self._latent == "sample" else None
        return torch.cat([encoder.encode(pixels[p], drawn and drawn[p]) for p in slices(len(pixels), self.batch_size)])

    @full_float32()
    @torch.inference_mode()
    def decode(self, x: Tensor) -> Tensor:
        """Pixels in [−1, 1], not clipped."""
        if self._autoencoder is None:
            return x
        return torch.cat([self._autoencoder.decode(chunk) for chunk in torch.split(x, self.batch_size)])

    @full_float32()
    @torch.inference_mode()
    def vary(self, images: Tensor, captions: Sequence[str | None], seeds: Sequence[int]) -> Tensor:
        """Noise to `vary_t` and sample back with the pipeline's own scheduler, or with DDIM.

        Raises:
            TargetError: If `vary_t` is outside the schedule, or has no step of `vary_k` below it.
        """
        scheduler, steps = self._way_back()
        x = self.encode(images, seeds)
        random = [torch.Generator().manual_seed(seed + 1) for seed in seeds]  # `encode` draws with the seed itself
        noise = torch.stack([torch.randn(x.shape[1:], generator=generator) for generator in random]).to(x)
        x = scheduler.add_noise(x, noise, torch.full((len(x),), steps[0]))
        condition = self.condition(captions if self.needs_captions else [None] * len(x))
        for t in steps:
            predicted = self._predict(x, torch.full((len(x),), t), condition)
            x = scheduler.step(predicted, t, x, generator=random).prev_sample
        return ((self.decode(x).clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).cpu()

    def check_variation(self) -> None:
        """Refuse a `vary_t` or `vary_k` that does not fit the schedule."""
        self._way_back()

    def _way_back(self) -> tuple[Any, list[int]]:
        self.schedule.check(self._vary_t)
        scheduler, steps = way_back(self._pipeline.scheduler, self._vary_t, self._vary_k)
        self.schedule.check(*steps)  # which an offset may lift
        return scheduler, steps

    # ------------------------------------------------------------------ the pipeline

    @cached_property
    def _resolved_device(self) -> torch.device:
        return resolve_device(self.device)

    @property
    def _type(self) -> torch.dtype:
        return torch.float64 if self._precision == "float64" else torch.float32

    @cached_property
    def _autoencoder(self) -> Autoencoder | None:
        parts = self._pipeline.components
        model = parts.get("vae") or parts.get("vqvae")
        return None if model is None else Autoencoder(model)

    @property
    def _network(self) -> DenoisingNetwork:
        """The network in this target's state; asked for anew before each use, as the base may have been asked since."""
        return self._adapted.network(adapted=self._lora is not None)

    @property
    def _pipeline(self) -> Any:
        return self._adapted.pipeline
