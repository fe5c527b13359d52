"""Loads a diffusers pipeline from its files, quietly and without code of its own."""

import warnings
from importlib.util import find_spec
from typing import Any

import torch

from lit_mia.errors import TargetError
from lit_mia.targets.pipeline_files import PipelineFiles


def load_pipeline(files: PipelineFiles, auto_class: Any, dtype: str, variant: str | None) -> Any:
    """The pipeline of some files.

    Args:
        files: Where they are.
        auto_class: One of diffusers' automatic pipelines, tried first.
        dtype: Name of the torch type in which the weights are held.
        variant: Weight variant of the files, such as `fp16`.

    Raises:
        TargetError: If the pipeline cannot be loaded.
    """
    _silence()
    options: dict[str, object] = {
        "torch_dtype": getattr(torch, dtype),
        "use_safetensors": True,
        "variant": variant,
        "revision": files.commit,
        "low_cpu_mem_usage": find_spec("accelerate") is not None,  # else diffusers warns at every load
        "local_files_only": files.folder is not None,
    }
    if "safety_checker" in files.index:
        options |= {"safety_checker": None, "requires_safety_checker": False}
    with warnings.catch_warnings():
        # diffusers renamed it to `dtype` after 0.35, our lower bound
        warnings.filterwarnings("ignore", "`torch_dtype` is deprecated", FutureWarning)
        try:
            return _from_pretrained(auto_class, files.location, options)
        except (OSError, ValueError, ImportError) as error:
            raise TargetError(f"The pipeline {files.location!r} cannot be loaded: {error}") from error


def resolve_device(device: str) -> torch.device:
    """The named device; for `auto` the current accelerator, or else the CPU."""
    if device != "auto":
        return torch.device(device)
    return torch.accelerator.current_accelerator(check_available=True) or torch.device("cpu")


def _silence() -> None:
    """No loading bars, and no line per cut caption: `generate` counts those."""
    import diffusers.utils.logging
    import transformers.utils.logging

    for logging_of in (diffusers.utils.logging, transformers.utils.logging):
        logging_of.disable_progress_bar()
        logging_of.set_verbosity_error()


def _from_pretrained(auto_class: Any, path: str, options: dict[str, object]) -> Any:
    from diffusers import DiffusionPipeline

    try:
        return auto_class.from_pretrained(path, **options)
    except ValueError:  # not every pipeline is in the automatic class's table
        return DiffusionPipeline.from_pretrained(path, **options)
