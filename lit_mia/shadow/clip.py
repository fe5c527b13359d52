"""Trains a CLIP whose training pairs are known: a target of identity inference, or of what a CLIP remembers."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, final

import torch
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor

from lit_mia.errors import TrainingError
from lit_mia.models import OpenClipFiles, shipped
from lit_mia.shadow.clip_parts import (
    LONGEST_TEXT,
    PREPROCESSING,
    ClipSize,
    bound_logit_scale,
    contrast,
    matrices_and_others,
    save_clip,
    text_settings,
)
from lit_mia.shadow.frozen import tokenizer_of
from lit_mia.shadow.one_cycle import one_cycle
from lit_mia.shadow.training import TargetTraining
from lit_mia.training_batch import TrainingBatch


@final
class ClipTraining(TargetTraining):
    """CLIP's contrastive loss on an open_clip model (Radford et al. 2021, figure 3), without augmentation.

    Every process contrasts the pairs of its own batch. Without `start` the model is a small one with random weights.

    Args:
        start: A model of open_clip to go on from: a folder, `shipped:<name>`, a hub id (`hf-hub:...`) or a model tag.
            Sizes and tokenizer are then its own.
        pretrained: For a model tag: the tag of its weights, or a weights file.
        tokenizer: Folder of a tokenizer of transformers, or `shipped:<name>`; null: CLIP's own, of 49,408 tokens.
        image_size: Side of the images in pixels.
        width: Width of the image tower.
        layers: Layers of the image tower.
        head_width: Width of an attention head of the image tower.
        mlp_ratio: Width of the image tower's MLPs over its own.
        text_width: Width of the text tower.
        text_layers: Layers of the text tower.
        dimension: Length of the embeddings.
        lr: Peak learning rate of AdamW; decays along a cosine.
        warmup: Steps over which it rises.
        weight_decay: Weight decay of matrices; gains, biases and the logit scale do not decay.
    """

    def __init__(
        self,
        start: str | None = None,
        pretrained: str | None = None,
        tokenizer: str | None = None,
        image_size: int = 32,
        width: int = 128,
        layers: int = 3,
        head_width: int = 32,
        mlp_ratio: float = 2.0,
        text_width: int = 64,
        text_layers: int = 2,
        dimension: int = 64,
        lr: float = 1.0e-3,
        warmup: int = 50,
        weight_decay: float = 0.1,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        if start is None:
            from open_clip.model import CLIP

            size = ClipSize(
                image_size=image_size,
                width=width,
                layers=layers,
                head_width=head_width,
                mlp_ratio=mlp_ratio,
                text_width=text_width,
                text_layers=text_layers,
                dimension=dimension,
            )
            self._tokenizer, text = reader_of(tokenizer)
            self.architecture, self._preprocessing = size.architecture(text), PREPROCESSING
            self.clip: Any = CLIP(**self.architecture)
        else:
            self.clip, self.architecture, self._tokenizer = started(start, pretrained)
            self._preprocessing = self.clip.visual.preprocess_cfg

    @property
    def image_size(self) -> int:
        """See `TargetTraining`."""
        size = self.architecture["vision_cfg"]["image_size"]
        return int(size[0] if isinstance(size, Sequence) else size)

    def loss(self, batch: TrainingBatch) -> Tensor:
        """Symmetric cross-entropy: which text belongs to an image, and which image to a text."""
        image, text, scale = self._embedded(batch)
        logits = scale * image.float() @ text.float().T
        truth = torch.arange(len(logits), device=logits.device)
        return contrast(logits, truth)

    @property
    def probes(self) -> tuple[str, ...]:
        """How far image and text of a pair are apart; a contrast would depend on the pairs beside it."""
        return ("1 − cosine",)

    @torch.inference_mode()
    def probe_losses(self, batch: TrainingBatch, seeds: Sequence[int]) -> Tensor:
        """1 − cosine of an image and its caption, `[b, 1]`; nothing about it is random."""
        image, text, _ = self._embedded(batch)
        return 1 - (image.float() * text.float()).sum(dim=1, keepdim=True)

    def optimizer_step(self, *args: Any, **kwargs: Any) -> None:
        """Step, then bound the logit scale: before any callback keeps it."""
        super().optimizer_step(*args, **kwargs)
        bound_logit_scale(self.clip)

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """AdamW with a one-cycle schedule."""
        lr, decay = (float(self.hparams[name]) for name in ("lr", "weight_decay"))
        rise = min(int(self.hparams["warmup"]) / self.total_steps, 0.5)
        return one_cycle(matrices_and_others(self.clip.parameters()), lr, self.total_steps, decay, rise)

    def export(self, folder: Path) -> None:
        """Save a folder that `OpenClipTarget` reads; weights in half precision."""
        save_clip(folder, self.clip, self.architecture, self._preprocessing)
        if hasattr(self._tokenizer, "save_pretrained"):  # one of transformers: CLIP's own lies in open_clip
            self._tokenizer.save_pretrained(folder)

    def _embedded(self, batch: TrainingBatch) -> tuple[Tensor, Tensor, Tensor]:
        """Normalised embeddings of images and texts, each `[b, d]`, and the scale of the logits."""
        mean, std = (
            torch.tensor(self._preprocessing[name], device=self.device).view(3, 1, 1) for name in ("mean", "std")
        )
        pixels = (batch.parts["images"].float() / 255 - mean) / std
        image, text, scale = self.clip(pixels, self._tokenizer(batch.captions).to(self.device))[:3]
        return image, text, scale


def reader_of(path: str | None) -> tuple[Any, dict[str, Any]]:
    """A tokenizer as open_clip calls it, from texts to tokens `[b, l]`, and its part in a description of a model.

    Args:
        path: Folder of a tokenizer of transformers, or `shipped:<name>`; None: CLIP's own.

    Raises:
        TrainingError: If there is none.
    """
    from open_clip.tokenizer import HFTokenizer, SimpleTokenizer
    from transformers import AutoTokenizer

    if path is None:
        return SimpleTokenizer(), {"context_length": LONGEST_TEXT, "vocab_size": 49408}
    tokenizer = tokenizer_of(AutoTokenizer, path)
    if tokenizer.eos_token_id is None:
        raise TrainingError(f"The tokenizer {path!r} has no token for the end of a text, which a CLIP looks at.")
    settings = text_settings(tokenizer)
    return HFTokenizer(shipped(path), settings["context_length"]), settings


def started(start: str, pretrained: str | None) -> tuple[Any, dict[str, Any], Any]:
    """Model, description and tokenizer of an open_clip model.

    Args:
        start: As `ClipTraining` takes it.
        pretrained: Likewise.

    Raises:
        TrainingError: If there is no such model, or it is none of CLIP.
    """
    files = OpenClipFiles(start, pretrained, TrainingError)
    model = files.load(torch.device("cpu")).train()
    if getattr(model, "logit_bias", None) is not None or not hasattr(model, "logit_scale"):
        raise TrainingError(
            f"{start!r} is no CLIP but a relative with another loss, such as SigLIP. Start from a CLIP."
        )
    return model, files.architecture, files.tokenizer()
