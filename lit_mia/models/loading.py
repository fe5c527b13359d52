"""Loads a diffusers pipeline from its files, quietly and without code of its own."""

import inspect
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

import torch
from safetensors import SafetensorError

from lit_mia.errors import TargetError
from lit_mia.models.pipeline_files import PipelineFiles
from lit_mia.models.single_file import SingleFile


def load_pipeline(
    files: PipelineFiles, auto_class: Any, dtype: str, variant: str | None, keep_checker: bool = False
) -> Any:
    """The pipeline of some files.

    Args:
        files: Where they are.
        auto_class: One of diffusers' automatic pipelines, tried first.
        dtype: Name of the torch type in which the weights are held.
        variant: Weight variant of the files, such as `fp16`.
        keep_checker: Whether to load the pipeline's safety checker.

    Raises:
        TargetError: If the pipeline cannot be loaded.
    """
    options: dict[str, object] = {
        "torch_dtype": getattr(torch, dtype),
        "use_safetensors": True,
        "variant": variant,
        "revision": files.commit,
        "low_cpu_mem_usage": find_spec("accelerate") is not None,  # else diffusers warns at every load
        "local_files_only": files.folder is not None,
        **_left_out(files, keep_checker),
    }
    with quietly(files.location):
        return _from_pretrained(auto_class, files.location, options)


def load_single_file(file: SingleFile, dtype: str) -> Any:
    """The pipeline of a single file.

    Args:
        file: The file and the configurations that go with it.
        dtype: Name of the torch type in which the weights are held.

    Raises:
        TargetError: If the pipeline cannot be loaded.
    """
    wanted = pipeline_class(file.class_name, file.location)
    if not hasattr(wanted, "from_single_file"):
        raise TargetError(f"diffusers reads no {file.class_name} from a single file. Give a folder or a hub id.")
    options = {
        "torch_dtype": getattr(torch, dtype),
        "config": file.config.location,
        "revision": file.config.commit,
        "local_files_only": file.config.folder is not None,
        **_left_out(file.config, keep_checker=False),
    }
    with quietly(file.location):
        return wanted.from_single_file(file.location, **options)


def pipeline_class(name: str, location: str) -> Any:
    """The class of diffusers that a pipeline asks for.

    Raises:
        TargetError: If there is none.
    """
    import diffusers

    if not hasattr(diffusers, name):
        raise TargetError(f"diffusers {diffusers.__version__} has no {name}, which {location!r} needs.")
    return getattr(diffusers, name)


def _left_out(files: PipelineFiles, keep_checker: bool) -> dict[str, object]:
    """Parts that would change images by what is shown on them, or by what else is installed."""
    options: dict[str, object] = {}
    if "safety_checker" in files.index and not keep_checker:
        options |= {"safety_checker": None, "requires_safety_checker": False}
    if "add_watermarker" in inspect.signature(pipeline_class(files.class_name, files.location).__init__).parameters:
        options["add_watermarker"] = False
    return options


@contextmanager
def quietly(location: str) -> Iterator[None]:
    """Load a model without bars, without a line per cut caption (targets count those), and with errors of one kind.

    Raises:
        TargetError: If the model cannot be loaded.
    """
    import diffusers.utils.logging
    import transformers.utils.logging
    from diffusers.loaders.single_file_utils import SingleFileComponentError

    for logging_of in (diffusers.utils.logging, transformers.utils.logging):
        logging_of.disable_progress_bar()
        logging_of.set_verbosity_error()
    unreadable = (OSError, ValueError, KeyError, RuntimeError, ImportError, SafetensorError, SingleFileComponentError)
    with warnings.catch_warnings():
        # diffusers renamed it to `dtype` after 0.35, our lower bound
        warnings.filterwarnings("ignore", "`torch_dtype` is deprecated", FutureWarning)
        try:
            yield
        except unreadable as error:
            raise TargetError(f"The model {location!r} cannot be loaded: {error}") from error


def _from_pretrained(auto_class: Any, path: str, options: dict[str, object]) -> Any:
    from diffusers import DiffusionPipeline

    try:
        return auto_class.from_pretrained(path, **options)
    except ValueError:  # not every pipeline is in the automatic class's table
        return DiffusionPipeline.from_pretrained(path, **options)
