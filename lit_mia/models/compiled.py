"""A network that `torch.compile` has made faster for inputs of one size."""

from typing import Any

import torch
from torch import nn

from lit_mia.errors import TargetError


def compile_forward(network: nn.Module, device: torch.device, is_final: bool) -> None:
    """Compile a network's forward when it is called for the first time, which takes up to some minutes.

    On the CPU the weights of a network that is final become constants of the compiled code: they are laid out, and
    under autocast converted, once instead of at each call.

    Args:
        network: The network; each new size of its inputs is compiled anew.
        device: Where it runs.
        is_final: Whether its weights stay as they are.

    Raises:
        TargetError: At the first call, if it cannot be compiled here.
    """
    from torch._dynamo.exc import TorchDynamoException
    from torch._inductor.exc import InductorError

    freezes = is_final and device.type == "cpu"
    fast = torch.compile(network.forward, dynamic=False, options={"freezing": True} if freezes else None)

    def forward(*args: Any, **kwargs: Any) -> Any:
        try:
            return fast(*args, **kwargs)
        except (TorchDynamoException, InductorError) as error:
            said = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise TargetError(
                f"{type(network).__name__} cannot be compiled here ({said}). On the CPU `compile` needs a C++ "
                "compiler, on CUDA Triton. Install it, or leave `compile` out, which changes no answer."
            ) from error

    network.forward = forward
