"""The network of a pipeline that is loaded once, and asked with its LoRA weights or without them."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, final

import torch
from torch import Tensor, nn

from lit_mia.models.compiled import compile_forward
from lit_mia.models.denoising_networks import DenoisingNetwork, network_of
from lit_mia.models.lora import Lora, require_peft
from lit_mia.models.memory import enough_memory
from lit_mia.models.pipeline_source import PipelineSource
from lit_mia.models.placement import in_float32, in_low_precision, resolve_device


@final
@dataclass(kw_only=True, eq=False)
class AdaptedPipeline:
    """A pipeline whose adapter can be taken off and put on again.

    The adapter is added to the weights, and the layers that it changes are kept as they were before too. So both states
    are exact, neither is slower than a model without an adapter, and LoHa and LoKr files can be taken off like LoRA.

    Attributes:
        source: Where the pipeline is from.
        lora: The adapter, or None.
        variant: Weight variant of the files.
        dtype: Name of the torch type of the weights.
        autocast: Name of the torch type of autocast under which the network runs, or None.
        device: Where it runs, or `auto`.
        guidance: The scale that a network distilled with guidance is told.
        channels_last: Memory layout of the network.
        compile: Whether to compile the network.
    """

    source: PipelineSource
    lora: Lora | None
    variant: str | None
    dtype: str
    autocast: str | None
    device: str
    guidance: float
    channels_last: bool
    compile: bool
    _before: dict[nn.Parameter, Tensor] = field(default_factory=dict, init=False)
    _is_adapted: bool | None = field(default=True, init=False)

    def network(self, adapted: bool) -> DenoisingNetwork:
        """The network in one of its states, in which it and the text encoders remain until the other is wanted.

        Args:
            adapted: Whether the adapter is on.

        Raises:
            TargetError: If the pipeline cannot be loaded, the adapter does not fit, or the network cannot be asked.
        """
        network = self._networks[adapted]
        if adapted != self._is_adapted:
            self._turn(adapted)
        return network

    @cached_property
    def pipeline(self) -> Any:
        """The pipeline on its device, with the adapter on until it is wanted off.

        Raises:
            TargetError: If it cannot be loaded, or the adapter does not fit.
        """
        with torch.inference_mode(mode=False):  # whose tensors could not be changed outside of it
            return self._load()

    def _load(self) -> Any:
        if self.lora is not None:
            require_peft()
        pipeline = self.source.load("DiffusionPipeline", self.dtype, self.variant)
        if self.lora is not None:
            self._before.clear()
            self.lora.fuse(pipeline, before=self._keep)
        for part in pipeline.components.values():
            if isinstance(part, nn.Module):
                part.requires_grad_(False).eval()
        with enough_memory():
            return pipeline.to(resolve_device(self.device))

    @cached_property
    def _networks(self) -> dict[bool, DenoisingNetwork]:
        """One for each state: what a network remembers of its text encoder is true in one only."""
        networks = {adapted: network_of(self.pipeline, self.guidance) for adapted in (True, False)}
        module = networks[True].module
        in_float32(networks[True].first_layer)
        if self.autocast is not None:
            in_low_precision(module, getattr(torch, self.autocast), but=networks[True].first_layer)
        if self.channels_last:
            module.to(memory_format=torch.channels_last)
        if self.compile:
            compile_forward(module, resolve_device(self.device), is_final=self.lora is None)
        return networks

    def _keep(self, layer: nn.Module) -> None:
        for weight in layer.parameters():
            self._before.setdefault(weight, weight.detach().clone())

    @cached_property
    def _states(self) -> list[tuple[nn.Parameter, dict[bool, Tensor]]]:
        """The weights that the adapter changes, with it and without it, where and as the network has them."""
        with enough_memory():
            states = [(w, {True: w.data, False: torch.empty_like(w.data).copy_(x)}) for w, x in self._before.items()]
        self._before.clear()
        return states

    @torch.inference_mode(mode=False)
    def _turn(self, adapted: bool) -> None:
        """Turn the adapter on or off; after an interruption neither counts as done."""
        self._is_adapted = None
        for weight, state in self._states:
            weight.data = state[adapted]
        self._is_adapted = adapted
