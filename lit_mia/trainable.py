"""What `lit-mia fit` trains: a head, or a target whose members are known."""

import inspect
from abc import ABC
from dataclasses import replace
from typing import Any, ClassVar

import lightning as L

from lit_mia.errors import LitMiaError, TrainingError
from lit_mia.ranges import ABOVE_ZERO, SHARE, SHARE_BELOW_ONE, SIDE, at_least, check

RANGES = {
    "lr": ABOVE_ZERO,
    "weight_decay": at_least(0),
    "dropout": SHARE_BELOW_ONE,
    "caption_dropout": SHARE,
    "warmup": at_least(0),
    "ema_decay": SHARE_BELOW_ONE,
    "mlp_ratio": ABOVE_ZERO,
    "widths": replace(SIDE, may_be_empty=True),
    **dict.fromkeys(("size", "image_size", "width", "head_width", "text_width", "dimension"), SIDE),
    **dict.fromkeys(("layers", "text_layers", "encoder_layers", "decoder_layers", "layers_per_block", "heads"), SIDE),
    **dict.fromkeys(("rank", "lora_alpha"), SIDE),
}
"""Where the settings of these names must be, in everything that is trained and has them."""


class Trainable(L.LightningModule, ABC):
    """A LightningModule that `lit-mia fit` takes as `model`; it keeps its settings by `save_hyperparameters`.

    Attributes:
        mistaken: What is raised for settings out of range.
    """

    mistaken: ClassVar[type[LitMiaError]] = TrainingError

    def save_hyperparameters(self, *args: Any, **kwargs: Any) -> None:
        """Keep the settings as Lightning does.

        Raises:
            LitMiaError: If one is out of range (see `RANGES`).
        """
        here = inspect.currentframe()
        super().save_hyperparameters(*args, **{"frame": here and here.f_back, **kwargs})
        given = {name: value for name, value in self.hparams.items() if name in RANGES}
        check(self.mistaken, *(RANGES[name](**{name: value}) for name, value in given.items()))
