"""All in a pipeline but the values of its weights: classes, settings, scales of adapters, processors, hooks."""

import inspect
import json
import sys
from collections.abc import Mapping
from enum import Enum
from types import ModuleType
from typing import Any, final

import numpy as np
import torch
from torch import Tensor, nn

from lit_mia.files import code_digest
from lit_mia.models.live.weights import digest_of, parts_of

BLANK = vars(nn.Module()).keys()
"""What every module has: its mode, its hooks, and what is listed by itself here."""
HOOKS = ("_forward_pre_hooks", "_forward_hooks")
HOOKED = "_diffusers_hook"
"""Where diffusers keeps its own hooks, which are refused, and what it remembers of its last call."""
TABLES = ("betas", "alphas_cumprod")
"""What a sampler makes of its settings once, so that another may have been put in its place."""
TOKENIZING = (
    "add_bos_token",
    "add_eos_token",
    "clean_up_tokenization_spaces",
    "model_max_length",
    "padding_side",
    "split_special_tokens",
    "truncation_side",
)
"""Settings of tokenizers, not all of which are in their files."""
VERSIONED = {"diffusers", "numpy", "torch", "transformers"} | sys.stdlib_module_names
"""Packages whose code is told by their release."""
BY_SAVING = {"architectures", "dtype", "model_type"}
"""What transformers writes into the settings of a network that is saved or loaded; class and weights are listed."""
ORIGIN = {
    "_class_name",
    "_commit_hash",
    "_compile_kwargs",
    "_diffusers_version",
    "_is_hf_initialized",
    "_is_torch_compile",
    "_name_or_path",
    "_use_default_values",
    "_weight_conversions",
    "base_model_name_or_path",
    "is_local",
    "local_files_only",
    "name_or_path",
    "transformers_version",
}
"""Names of what tells where a copy is from, how it was loaded or whether it is compiled, which changes no answer."""


@final
class Outline:
    """What is in a pipeline, part by part.

    Attributes:
        text: JSON of it.

    Args:
        pipeline: A pipeline of diffusers.
    """

    def __init__(self, pipeline: Any) -> None:
        self._around: list[object] = []
        self._makers: set[Any] = set()
        parts = parts_of(pipeline)
        own = {name: value for name, value in vars(pipeline).items() if name not in parts and name[0] != "_"}
        told = [self._class(pipeline), self._told(pipeline.config), self._told(own), self._told(parts)]
        self.text = json.dumps(told, sort_keys=True)

    def code(self) -> str:
        """SHA-256 of the code that no release of a library tells; another one each time if it is in no file."""
        return code_digest(*self._makers)

    def _told(self, value: object) -> Any:
        match value:
            case Enum():
                return [self._class(value), value.name]
            case None | bool() | int() | float() | str():
                return value
            case torch.device():
                return None
            case torch.dtype() | torch.layout() | complex() | bytes():
                return str(value)
            case np.ndarray() | np.generic():
                return self._told(torch.from_numpy(np.atleast_1d(value)))
            case Tensor():
                return [str(value.dtype), list(value.shape), digest_of(value)]
            case type() | np.ufunc():
                return self._made_by(value)
            case _ if inspect.isroutine(value):
                return self._made_by(value)
        if any(value is other for other in self._around):
            return "around"
        self._around.append(value)
        try:
            return self._inside(value)
        finally:
            self._around.pop()

    def _inside(self, value: Any) -> Any:
        from diffusers import ConfigMixin, DiffusionPipeline
        from transformers import PreTrainedConfig, PreTrainedTokenizerBase

        if isinstance(value, Mapping):
            return {str(key): self._told(item) for key, item in value.items() if key not in ORIGIN}
        if isinstance(value, list | tuple):
            return [self._told(item) for item in value]
        if isinstance(value, set | frozenset):
            return sorted((self._told(item) for item in value), key=json.dumps)
        if isinstance(value, DiffusionPipeline):  # within another, which has its parts too
            return self._class(value)
        if isinstance(value, nn.Module):
            return self._module(value)
        if isinstance(value, ConfigMixin):
            tables = {name: table for name, table in vars(value).items() if name in TABLES}
            return [self._class(value), self._told(value.config), self._told(tables)]
        if isinstance(value, PreTrainedTokenizerBase):  # its words are in its files
            special = {name: str(word) for name, word in value.special_tokens_map.items()}
            return [self._class(value), len(value), special, [getattr(value, name, None) for name in TOKENIZING]]
        inside = getattr(value, "__dict__", {})
        if isinstance(value, PreTrainedConfig):
            inside = {name: item for name, item in inside.items() if name not in BY_SAVING}
        return [self._class(value), self._told(inside)]

    def _module(self, module: nn.Module) -> list[Any]:
        from transformers import PreTrainedModel

        remembered = "_" if isinstance(module, PreTrainedModel) else HOOKED  # of its loading and its last call
        own = {
            name: value
            for name, value in vars(module).items()
            if name not in BLANK and not name.startswith(remembered) and not is_method(module, name, value)
        }
        hooks = [hook for kind in HOOKS for hook in vars(module)[kind].values()]
        weights = [*module._parameters.items(), *module._buffers.items()]
        return [
            self._class(module),
            self._told(own),
            [self._told(hook) for hook in hooks if not _is_versioned(_module_of(hook))],
            {name: weight if weight is None else [str(weight.dtype), [*weight.shape]] for name, weight in weights},
            {name: self._told(part) for name, part in module._modules.items()},
        ]

    def _class(self, value: object) -> str:
        return self._made_by(type(value))

    def _made_by(self, maker: Any) -> str:
        """The name of a class or function, whose code is remembered if no release tells it."""
        module = _module_of(maker)
        if not _is_versioned(module):
            known = sys.modules.get(module, ModuleType(module))
            self._makers.add(maker if isinstance(maker, type) and module in sys.modules else known)
        return f"{module}.{getattr(maker, '__qualname__', type(maker).__qualname__)}"


def is_method(thing: object, name: str, value: object) -> bool:
    """Whether an attribute is a method that the class has anyway, as hooks leave it that were taken off."""
    return inspect.ismethod(value) and value.__func__ is getattr(type(thing), name, None)


def _module_of(thing: Any) -> str:
    """Where a class, a function or the class of an object is from."""
    return getattr(thing, "__module__", None) or type(thing).__module__


def _is_versioned(module: str) -> bool:
    return module.partition(".")[0] in VERSIONED
