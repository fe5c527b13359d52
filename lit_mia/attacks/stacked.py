"""MLP heads of one shape as one model: each layer of all heads is one batched product."""

import copy
from collections.abc import Sequence
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lit_mia.attacks.data import HeadDataModule
from lit_mia.attacks.semantic import MlpAttack
from lit_mia.attacks.trained import TrainedHeads


@final
class StackedHeads(TrainedHeads):
    """h heads that are alike in everything but the values of their weights.

    Attributes:
        weights: Of each linear layer the weight `[h, in, out]` and the bias `[h, 1, out]`, leaves of autograd.

    Args:
        heads: Built heads, with the same normalisation of their inputs.
        places: Which of them each of the h begins as, `[h]`.
    """

    def __init__(self, heads: Sequence[MlpAttack], places: Tensor) -> None:
        self._template = heads[0]
        self.weights = [
            torch.stack([weight.detach() for weight in same])[places].requires_grad_(same[0].requires_grad)
            for same in zip(*map(_weights, heads), strict=True)
        ]

    def normalised(self, features: Tensor) -> Tensor:
        """Features as the heads read them."""
        return (features - self._template.center) / self._template.spread

    def logits(self, features: Tensor, kept: Tensor | None = None) -> Tensor:
        """Logits `[h, b, 2]`, averaged over the generated images of a record.

        Args:
            features: Normalised, `[h, b, k, d]`.
            kept: What dropout multiplies the units with that it may drop, `[h, b k, units]`; None drops none.
        """
        b, k = features.shape[1:3]
        x, weights = features.flatten(1, 2), iter(self.weights)
        for layer in _layers(self._template):
            if isinstance(layer, nn.Linear):
                weight, bias = next(weights), next(weights)
                x = torch.baddbmm(bias, x, weight)
            elif isinstance(layer, nn.ReLU):
                x = x.relu()
            elif isinstance(layer, nn.Dropout) and kept is not None:
                x = x * kept
        return x.view(len(x), b, k, 2).mean(dim=2)

    @torch.inference_mode()
    def scores(self, data: HeadDataModule) -> NDArray[np.float64]:
        """Raw scores `[h, n]` of all records of the table, in its order."""
        found = []
        for batch in data.batches():
            features = self._template.features(batch.to(self._template.device))
            logits = self.logits(self.normalised(features).expand(len(self.weights[0]), *features.shape))
            found.append(logits[..., 1] - logits[..., 0])
        return torch.cat(found, dim=1).double().cpu().numpy()

    def keep(self, which: Tensor, optimizer: torch.optim.Optimizer) -> None:
        """Leave the other heads out, of the optimiser's memory too.

        Args:
            which: True for those that stay, `[h]`.
            optimizer: It trains `weights`.
        """
        for weight in self.weights:
            memory = optimizer.state.get(weight, {})
            memory.update({name: values[which] for name, values in memory.items() if values.dim()})
            weight.data, weight.grad = weight.data[which], None

    @torch.no_grad()
    def head(self, number: int) -> MlpAttack:
        """One of them, alone."""
        head = copy.deepcopy(self._template)
        for own, weight in zip(_weights(head), self.weights, strict=True):
            own.copy_(weight[number])
        return head


def _layers(head: MlpAttack) -> list[nn.Module]:
    return [*head.trunk.children(), head.classifier]


def _weights(head: MlpAttack) -> list[Tensor]:
    """Views of all weights and biases in the layout of batched products."""
    linear = [layer for layer in _layers(head) if isinstance(layer, nn.Linear)]
    return [view for layer in linear for view in (layer.weight.T, layer.bias[None])]
