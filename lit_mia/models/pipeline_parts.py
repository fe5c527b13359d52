"""The parts of a diffusers pipeline: what its index says of them, and how its networks are loaded whole."""

import json
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import torch

from lit_mia.errors import TargetError
from lit_mia.models.contents import check_contents
from lit_mia.models.formats import check_formats
from lit_mia.models.whole import check_words, load_whole

OWN_CODE = (
    "The pipeline {!r} needs code of its own, which is never run. Choose a pipeline whose classes are part of "
    "diffusers and transformers."
)
WAY_OUT = "Download it again, or set `config` to a pipeline of the same layout."


def read_index(file: Path, home: str) -> dict[str, Any]:
    """The contents of `model_index.json`.

    Args:
        file: That file.
        home: Folder or hub id of the pipeline, for messages.

    Raises:
        TargetError: If it cannot be read, or the pipeline brings code of its own.
    """
    check_contents(file, TargetError)
    try:
        index = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise TargetError(f"The model_index.json of {home!r} is no JSON: {error}.") from error
    if not isinstance(index, dict):
        raise TargetError(f"The model_index.json of {home!r} holds no names of parts. Download it again.")
    if not isinstance(index.get("_class_name"), str) or _own_code(file.parent, index):
        raise TargetError(OWN_CODE.format(home))
    return index


def parts_of(index: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """Library and class of each part that an index names."""
    pairs = {name: tuple(value) for name, value in index.items() if isinstance(value, list) and len(value) == 2}
    return {name: pair for name, pair in pairs.items() if all(isinstance(word, str) for word in pair)}


def load_networks(folder: Path, parts: Mapping[str, tuple[str, str]], options: Mapping[str, Any]) -> dict[str, Any]:
    """The networks of a pipeline, by part, each refused if its files do not give all of it.

    Args:
        folder: The pipeline's folder.
        parts: Library and class of the parts to load; those that are no networks are left out.
        options: Those of the pipeline's `from_pretrained`.

    Raises:
        TargetError: If the weights of a part are missing or in a format that is not read.
    """
    networks = {}
    for name, (library, kind) in parts.items():
        network = getattr(_module(library, str(folder)), kind, None)
        if isinstance(network, type) and issubclass(network, torch.nn.Module):
            place = folder / name if (folder / name).is_dir() else folder
            check_formats(place, TargetError, options["variant"])
            networks[name] = load_whole(network, place, TargetError, **_options(network, place, options))
    return networks


def check_filled(parts: Mapping[str, Any], location: str) -> None:
    """Refuse parts that lack something: weights without values, as diffusers leaves them, or tokenizers without words.

    Raises:
        TargetError: If there are such weights, or a tokenizer has no words.
    """
    from transformers import PreTrainedTokenizerBase

    for name, part in parts.items():
        if isinstance(part, PreTrainedTokenizerBase):
            check_words(part, f"{location} ({name})", TargetError)
        weights = part.state_dict().items() if isinstance(part, torch.nn.Module) else ()
        empty = [weight for weight, value in weights if value.is_meta]
        if empty:
            raise TargetError(f"{location!r} lacks {len(empty)} weights of its {name}, e.g. {empty[:3]}. {WAY_OUT}")


def _own_code(folder: Path, index: Mapping[str, Any]) -> bool:
    """Whether diffusers would take a class from a file beside the weights of a part."""
    return any((folder / name / f"{library}.py").is_file() for name, (library, _) in parts_of(index).items())


def _module(library: str, home: str) -> Any:
    import diffusers

    if library in ("diffusers", "transformers"):
        return import_module(library)
    if not hasattr(diffusers.pipelines, library):
        raise TargetError(OWN_CODE.format(home))
    return getattr(diffusers.pipelines, library)


def _options(network: type, folder: Path, options: Mapping[str, Any]) -> dict[str, Any]:
    """What diffusers hands on to the networks of each library."""
    from transformers import PreTrainedModel

    variant = options["variant"]
    has_variant = variant is not None and any(folder.glob(f"*.{variant}[.-]*"))
    common = {"use_safetensors": True, "local_files_only": True, **({"variant": variant} if has_variant else {})}
    if issubclass(network, PreTrainedModel):
        return {**common, "dtype": options["torch_dtype"]}
    return {**common, "torch_dtype": options["torch_dtype"], "low_cpu_mem_usage": options["low_cpu_mem_usage"]}
