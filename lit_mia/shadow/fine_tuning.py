"""Fine-tunes an existing text-to-image pipeline on known members, whole or by LoRA."""

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, final

import torch
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torch.nn import functional as F

from lit_mia.errors import TrainingError
from lit_mia.models import Autoencoder, PipelineFiles, Precision, require_peft, square_side
from lit_mia.shadow.adapters import add_adapter, check_ends, save_adapter
from lit_mia.shadow.diffusion import follow, probed, warm_adamw
from lit_mia.shadow.layouts import Told, layout_of
from lit_mia.shadow.noising import Density
from lit_mia.shadow.training import TargetTraining
from lit_mia.training_batch import TrainingBatch


@final
class PipelineFineTuning(TargetTraining):
    """Fine-tunes Stable Diffusion 1, 2, XL or 3, or a model in their layout, by the loss of diffusers' own scripts.

    Nothing but the network is trained. It answers whatever the pipeline's scheduler says that it predicts: noise, image
    or velocity. A caption that is left out becomes what the pipeline itself takes for none in guidance.
    """

    average: nn.ParameterList

    def __init__(
        self,
        base: str,
        rank: int | None = 16,
        lora_alpha: int | None = None,
        target_modules: list[str] | None = None,
        lr: float = 1.0e-4,
        warmup: int = 0,
        caption_dropout: float = 0.1,
        ema_decay: float | None = None,
        timesteps: Density | None = None,
        gradient_checkpointing: bool = False,
        frozen_dtype: Precision = "float32",
        size: int | None = None,
        revision: str | None = None,
        variant: str | None = None,
    ) -> None:
        """Load the pipeline that is fine-tuned.

        Args:
            base: A local folder with a `model_index.json`, a Hugging Face hub id, or `shipped:<name>`. It should not
                have seen the records in question.
            rank: Rank of the LoRA matrices, which needs the package `peft`; null trains the whole network.
            lora_alpha: The product of the LoRA matrices is multiplied by `lora_alpha / rank`; null: by 1.
            target_modules: Ends of the names of the layers that LoRA is added to; null: the projections of attention.
            lr: Learning rate of AdamW after the warm-up; over the last quarter of the steps it falls to a tenth.
            warmup: Steps of linear warm-up.
            caption_dropout: Share of captions left out, for classifier-free guidance.
            ema_decay: Decay of the exponential moving average of the trained weights, which is then what is kept;
                starts lower, at (step + 1) / (step + 10). Null: the weights themselves.
            timesteps: How timesteps are drawn; null: `uniform`, or for flow matching `logit_normal`.
            gradient_checkpointing: Compute activations twice instead of keeping them: less memory, slower.
            frozen_dtype: Number format of text encoders and, under LoRA, of the network's own weights. The autoencoder
                and all that is trained are in float32. Half precision goes with a `trainer.precision` of its kind.
            size: Side of the images in pixels; null: what the pipeline was made for.
            revision: Branch, tag or commit of a hub id.
            variant: Weight variant of the files, such as `fp16`.

        Raises:
            TrainingError: If an argument is out of range, or the pipeline is none that can be fine-tuned.
            TargetError: If the pipeline cannot be loaded.
        """
        super().__init__()
        self.save_hyperparameters()
        self._check_settings()
        self._files = PipelineFiles(base, revision)
        kind = layout_of(self._files.class_name)
        self.pipeline = self._files.load("DiffusionPipeline", "float32", variant)
        self.layout = kind(self.pipeline)
        self.noising = kind.noising(self.pipeline.scheduler)
        self.network: Any = self.pipeline.components[kind.network]
        self.frozen = [p for p in self.pipeline.components.values() if isinstance(p, nn.Module) and p != self.network]
        self._autoencoder = Autoencoder(self.pipeline.vae)
        self._size = self._checked_size(size)
        self._prepare(getattr(torch, frozen_dtype))
        self.strict_loading = False  # checkpoints hold what is trained

    def _check_settings(self) -> None:
        """Refuse what cannot be meant, before anything is loaded."""
        if self.hparams["rank"] is not None:
            require_peft()
        elif self.hparams["lora_alpha"] or self.hparams["target_modules"]:
            raise TrainingError("`lora_alpha` and `target_modules` are of LoRA: give a `rank` too.")

    def _prepare(self, dtype: torch.dtype) -> None:
        """Freeze what is not trained, and add what is."""
        for part in self.frozen:
            part.requires_grad_(False).eval().to(torch.float32 if part is self.pipeline.vae else dtype)
        rank = self.hparams["rank"]
        if rank is not None:
            self.network.requires_grad_(False).to(dtype)
            check_ends(self.network, self.hparams["target_modules"] or ())
            ends = self.hparams["target_modules"] or list(self.layout.adapted)
            add_adapter(self.network, rank, alpha=self.hparams["lora_alpha"] or rank, ends=ends)
        self.network.train()
        if self.hparams["gradient_checkpointing"]:
            self.network.enable_gradient_checkpointing()
        kept = self.trained if self.hparams["ema_decay"] is not None else []
        self.average = nn.ParameterList([nn.Parameter(p.detach().clone(), requires_grad=False) for p in kept])

    def _checked_size(self, asked: int | None) -> int:
        factor = self._autoencoder.factor
        unit = factor * int(self.network.config.get("patch_size") or 1)
        size = factor * (square_side(self.network) or 0) if asked is None else asked
        if size < unit or size % unit:
            raise TrainingError(f"`size` must be a multiple of {unit} for this pipeline, but got {asked}.")
        return size

    @property
    def image_size(self) -> int:
        """See `TargetTraining`."""
        return self._size

    @property
    def trained(self) -> list[nn.Parameter]:
        """What the optimiser moves."""
        return [p for p in self.network.parameters() if p.requires_grad]

    # ------------------------------------------------------------------ records

    @torch.no_grad()  # not inference mode: gradients flow through what these are multiplied by
    def encode(self, images: Tensor, captions: list[str]) -> dict[str, Tensor]:
        """Scaled latent means, and what the pipeline makes of the captions."""
        self._move_frozen(self.device)
        pixels = images.to(self.device).float() / 127.5 - 1
        return {"latents": self._autoencoder.encode(pixels, None), **self.layout.read(captions, self.device)}

    @cached_property
    def _untold(self) -> Told:
        """What the network is told of a record whose caption is left out."""
        self._move_frozen(self.device)
        with torch.no_grad(), torch.autocast(self.device.type, enabled=False):
            return self.layout.read(None, self.device)

    def on_train_start(self) -> None:
        """Let networks that have encoded everything wait in the CPU's memory; `encode` brings them back."""
        super().on_train_start()
        _ = self._untold
        self._move_frozen(torch.device("cpu"))

    def _move_frozen(self, device: torch.device) -> None:
        for part in self.frozen:
            part.to(device)

    def _split(self, batch: TrainingBatch) -> tuple[Tensor, Told]:
        """Latents, and what the network is told."""
        told = dict(self.encoded(batch).parts)
        return told.pop("latents").float(), told

    def _dropped(self, told: Told) -> Told:
        """Some of the captions are left out."""
        share = float(self.hparams["caption_dropout"])
        if share == 0:
            return told
        count = len(next(iter(told.values())))
        out = torch.rand(count).to(self.device) < share
        return {
            name: torch.where(out.view(-1, *[1] * (part.ndim - 1)), self._untold[name].to(part), part)
            for name, part in told.items()
        }

    # ------------------------------------------------------------------ losses

    def predict(self, x: Tensor, t: Tensor, told: Told) -> Tensor:
        """What the network answers, in float32."""
        dtype = next(self.network.parameters()).dtype
        return self.layout.predict(x.to(dtype), t, {name: part.to(dtype) for name, part in told.items()}).float()

    def loss(self, batch: TrainingBatch) -> Tensor:
        """Mean squared error of what the network predicts, at drawn timesteps."""
        x0, told = self._split(batch)
        e = torch.randn_like(x0)
        t = self.noising.drawn(len(x0), self.hparams["timesteps"]).to(x0.device)
        at = self.noising.levels(t, like=x0)
        output = self.predict(at.noised(x0, e), t, self._dropped(told))
        return F.mse_loss(output, self.noising.form.target(x0, e, at))

    @property
    def probes(self) -> tuple[str, ...]:
        """Fixed timesteps."""
        return tuple(f"t={t}" for t in self.noising.probed)

    @torch.no_grad()
    def probe_losses(self, batch: TrainingBatch, seeds: Sequence[int]) -> Tensor:
        """Squared error of the noise, or for flow matching of the velocity; for each timestep another noise, `[b, k]`.

        Args:
            batch: The records.
            seeds: A seed for each.
        """
        x0, told = self._split(batch)

        def errors(e: Tensor, t: Tensor) -> Tensor:
            at = self.noising.levels(t, like=x0)
            return self.noising.errors(self.predict(at.noised(x0, e), t, told), x0, e, at)

        with self.kept_weights():
            return probed(x0, seeds, self.noising.probed, errors=errors)

    # ------------------------------------------------------------------ weights

    @contextmanager
    def kept_weights(self) -> Iterator[None]:
        """The network in evaluation, with the averaged weights if there are any."""
        was_training = self.network.training
        self.network.eval()
        self._exchange()
        try:
            yield
        finally:
            self._exchange()
            self.network.train(was_training)

    def _exchange(self) -> None:
        """Let weights and average change places."""
        if len(self.average):
            for own, other in zip(self.trained, self.average, strict=True):
                own.data, other.data = other.data, own.data

    def optimizer_step(self, *args: Any, **kwargs: Any) -> None:
        """Step, then move the averaged weights: before any callback keeps them."""
        super().optimizer_step(*args, **kwargs)
        if len(self.average):
            follow(self.average, self.trained, float(self.hparams["ema_decay"]), self.global_step + 1)

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """AdamW with linear warm-up, a constant part, and a linear decay over the last quarter."""
        lr, warmup = float(self.hparams["lr"]), int(self.hparams["warmup"])
        return warm_adamw(self.trained, lr, warmup, steps=self.total_steps)

    def recipe(self) -> dict[str, Any]:
        """See `TargetTraining`; with what tells the weights of the base from all others."""
        return {**super().recipe(), "base": self._files.weights}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep what is trained, and its average."""
        super().on_save_checkpoint(checkpoint)
        kept = self._kept_names
        checkpoint["state_dict"] = {k: value for k, value in checkpoint["state_dict"].items() if k in kept}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Refuse to go on without something that is trained.

        Raises:
            TrainingError: If it is not in the checkpoint.
        """
        super().on_load_checkpoint(checkpoint)
        missing = sorted(self._kept_names - checkpoint["state_dict"].keys())
        if missing:
            raise TrainingError(f"The checkpoint lacks {len(missing)} trained weights, e.g. {missing[:3]}. Begin anew.")

    @property
    def _kept_names(self) -> set[str]:
        return {name for name, p in self.named_parameters() if p.requires_grad or name.startswith("average.")}

    def export(self, folder: Path) -> None:
        """Save the pipeline in half precision, or `pytorch_lora_weights.safetensors`."""
        with self.kept_weights():
            if self.hparams["rank"] is None:
                copy.deepcopy(self.pipeline).to("cpu").to(torch.float16).save_pretrained(folder)
            else:
                save_adapter(self.pipeline, self.layout.network, folder)
