"""Trains the projections that bring two frozen towers into one space, like a CLIP."""

from collections.abc import Sequence
from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lit_mia.features.projections import Projections
from lit_mia.features.towers import Towers
from lit_mia.metrics.retrieval import Retrieval, closer_keys, retrieval
from lit_mia.models import in_batches, resolve_device
from lit_mia.shadow.clip_parts import LARGEST_LOGIT_SCALE
from lit_mia.tools.captioner import distorted
from lit_mia.tools.clip import contrast_by_name
from lit_mia.tools.training import CaptionedBatch, CaptionedImages, FeatureBatch, FeaturePairs, ToolTraining


def see(towers: Towers, data: CaptionedImages, views: int, batch_size: int = 64) -> FeaturePairs:
    """What frozen towers make of captioned images, once for a whole training.

    Args:
        towers: Both towers.
        data: The images, and what is said of them.
        views: How often each is seen: the first time as it is, with its caption alone; then distorted, so that a
            drawing's style matters less, with another draw of its keywords each time.
        batch_size: Images per forward pass. It changes speed and memory, and which distortions are drawn.
    """
    plain = CaptionedImages(data.images, data.captions)
    seen = torch.stack([_features(towers, view, batch_size) for view in (plain, *[data] * (views - 1))])
    width = towers.image.width
    return FeaturePairs(seen[..., :width], seen[..., width:], data.captions)


def _features(towers: Towers, data: CaptionedImages, batch_size: int) -> Tensor:
    """Image and text features of one view, side by side, `[n, 1280 + 384]`."""
    device = resolve_device(towers.image.device)
    batches = (data[list(range(len(data)))[i : i + batch_size]] for i in range(0, len(data), batch_size))

    def encode(batch: CaptionedBatch) -> Tensor:
        images = batch.images if data.keywords is None else distorted(batch.images)
        pixels = (images * 255).round().to(torch.uint8).to(device)
        return torch.cat([towers.image(pixels), towers.text(batch.captions)], dim=-1)

    return in_batches(encode, batches, device, "float32")


def held_out(names: Sequence[str], share: float, seed: int) -> set[str]:
    """Names that a training leaves out, with all their images, to be tried on.

    Args:
        names: One name per image.
        share: Share of the different names.
        seed: Seed of the choice.
    """
    different = sorted(set(names))
    order = torch.randperm(len(different), generator=torch.Generator().manual_seed(seed)).tolist()
    return {different[place] for place in order[: round(share * len(different))]}


def of_names(pairs: FeaturePairs, names: set[str], *, left: bool) -> FeaturePairs:
    """The rows whose names are among some, or those of all others.

    Args:
        pairs: All rows.
        names: The names.
        left: Whether the rows of these names are left, or left out.
    """
    rows = [row for row, name in enumerate(pairs.names) if (name in names) == left]
    return FeaturePairs(pairs.images[:, rows], pairs.texts[:, rows], [pairs.names[row] for row in rows])


@final
class TowersTraining(ToolTraining):
    """Two linear maps with the CLIP loss (arXiv 2103.00020) on features of frozen towers.

    Images of one name share their right answers.

    Args:
        dimension: Length of an embedding.
        lr: Peak learning rate of AdamW; decays along a cosine.
        steps: Optimiser steps of the schedule.
    """

    weight_decay, rise = 0.1, 0.1

    def __init__(self, dimension: int = 256, lr: float = 1.0e-3, steps: int = 1500) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.projections = Projections(dimension)
        self.log_scale = nn.Parameter(torch.tensor(2.66))

    def training_step(self, batch: FeatureBatch, batch_idx: int) -> Tensor:
        """Symmetric cross-entropy; the truth is shared by all images of one name."""
        image, text = self._embeddings(batch.images, batch.texts)
        return contrast_by_name(self, self.log_scale.exp() * image @ text.T, batch.names)

    @torch.no_grad()
    def on_train_batch_end(self, *_: object) -> None:
        """Keep the logit scale below its limit."""
        self.log_scale.clamp_(max=LARGEST_LOGIT_SCALE)

    @torch.no_grad()
    def found(self, pairs: FeaturePairs) -> Retrieval:
        """How often a name finds its first drawing among the 10 nearest, as drawn.

        Args:
            pairs: Features of more than 10 names.
        """
        first = list({name: row for row, name in reversed(list(enumerate(pairs.names)))}.values())
        image, text = self._embeddings(pairs.images[0, first], pairs.texts[0, first])
        return retrieval(closer_keys(text, image))

    def _embeddings(self, images: Tensor, texts: Tensor) -> tuple[Tensor, Tensor]:
        image, text = self.projections.of_images(images), self.projections.of_texts(texts)
        return F.normalize(image.float(), dim=-1), F.normalize(text.float(), dim=-1)
