"""How a head can fail, as the errors that say so."""

import torch
from torch import Tensor

from lit_mia.errors import HeadError


def not_trained(name: str, max_epochs: int | None, max_steps: int, batches: float) -> HeadError:
    """The error of a head that made no step.

    Args:
        name: The head.
        max_epochs: Most epochs; None or -1 where steps are counted.
        max_steps: Most steps; -1 where epochs are counted.
        batches: Batches of an epoch, or most of them.
    """
    return HeadError(
        f"{name} was not trained at all: max_epochs is {max_epochs}, max_steps {max_steps}, and there are {batches} "
        "batches an epoch. Raise what is 0."
    )


def diverged(name: str, loss: float, epoch: int) -> HeadError:
    """The error of a head whose training loss is not finite.

    Args:
        name: The head.
        loss: What it is.
        epoch: Where.
    """
    return HeadError(
        f"The loss of {name} became {loss} in epoch {epoch}: the head diverged. Lower `lr`, or train in another "
        "precision; what the target answered stays in the store."
    )


def check_finite(name: str, scores: Tensor) -> None:
    """Refuse scores that are no numbers: sorted among others, they would look like the strongest.

    Raises:
        HeadError: If one is not finite.
    """
    odd = int((~torch.isfinite(scores)).sum())
    if odd:
        raise HeadError(
            f"{odd} of {len(scores)} scores of {name} in one batch are not finite numbers: its inputs or its weights "
            "are not. Look at what the encoder and the target say of these records, or train the head anew."
        )
