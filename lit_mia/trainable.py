"""What `lit-mia fit` trains: a head, or a target whose members are known."""

from abc import ABC

import lightning as L


class Trainable(L.LightningModule, ABC):
    """A LightningModule that `lit-mia fit` takes as `model`."""
