"""The networks of min-dalle (https://github.com/kuprel/min-dalle, MIT) on local weight files."""

import json
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.machinery import PathFinder
from importlib.util import find_spec, module_from_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from lit_mia.errors import TargetError
from lit_mia.models.contents import check_contents
from lit_mia.models.files import saved_by_torch

TEXT_TOKENS = 64
HEAD_WIDTH = 64
"""Width of an attention head: 1024 / 16 in mini, 2048 / 32 in mega."""
INSTALL = "Install the extra: pip install 'lit-mia[dalle-mini]'."


@dataclass(frozen=True)
class WeightFiles:
    """The files of one model: its tokenizer, its two halves, and the decoder of the image codes."""

    vocabulary: Path
    merges: Path
    encoder: Path
    decoder: Path
    detokenizer: Path


def weight_files(path: str, size: str) -> WeightFiles:
    """The files of a folder with the layout of the hub repository `kuprel/min-dalle`.

    Args:
        path: The folder.
        size: `mini` or `mega`.

    Raises:
        TargetError: If a file is missing.
    """
    folder = Path(path).expanduser()
    suffix = "" if size == "mega" else f"_{size}"
    files = WeightFiles(
        folder / f"vocab{suffix}.json",
        folder / f"merges{suffix}.txt",
        folder / f"encoder{suffix}.pt",
        folder / f"decoder{suffix}.pt",
        folder / "detoker.pt",
    )
    missing = [file.name for file in vars(files).values() if not file.is_file()]
    if missing:
        raise TargetError(
            f"The folder {path!r} lacks {', '.join(missing)}. DALL·E {size} needs these files of the hub repository "
            "kuprel/min-dalle in one folder."
        )
    return files


def require_min_dalle() -> None:
    """Refuse to go on without the package.

    Raises:
        TargetError: If it is not installed.
    """
    if find_spec("min_dalle") is None:
        raise TargetError(f"DALL·E mini needs the package min-dalle. {INSTALL}")


def load_tokenizer(files: WeightFiles) -> Any:
    """The text tokenizer of a model.

    Raises:
        TargetError: If a file cannot be read, or the vocabulary lacks a special token.
    """
    for file in (files.vocabulary, files.merges):
        check_contents(file, TargetError)
    try:
        vocabulary = json.loads(files.vocabulary.read_text(encoding="utf-8"))
        merges = files.merges.read_text(encoding="utf-8").split("\n")[1:-1]  # after a line with the version
    except ValueError as error:
        raise TargetError(f"The tokenizer beside {str(files.vocabulary)!r} cannot be read: {error}.") from error
    lacking = [token for token in ("<s>", "</s>", "<unk>") if token not in vocabulary]
    if lacking:
        raise TargetError(
            f"The vocabulary {str(files.vocabulary)!r} is of another model: it lacks {' '.join(lacking)}."
        )
    return _part("text_tokenizer").TextTokenizer(vocabulary, merges)


def load_encoder(file: Path, dtype: torch.dtype, device: torch.device) -> Any:
    """The text encoder, for any number of texts.

    Raises:
        TargetError: If the file is unsafe, damaged or of another model.
    """
    weights = _read(file)
    sizes = _sizes(weights, file)
    encoder = _unfilled(
        "DalleBartEncoder",
        text_vocab_count=len(weights["embed_tokens.weight"]),
        text_token_count=TEXT_TOKENS,
        device=device,
        **sizes,
    )
    encoder.pose_tokens = encoder.pose_tokens[:1]  # made for two texts; one row serves any number
    return _filled(encoder, weights, file).to(device, dtype)


def load_decoder(file: Path, dtype: torch.dtype, device: torch.device) -> Any:
    """The decoder of image codes.

    Raises:
        TargetError: If the file is unsafe, damaged or of another model.
    """
    weights = _read(file)
    sizes = _sizes(weights, file)
    decoder = _unfilled(
        "DalleBartDecoder", image_vocab_count=len(weights["embed_tokens.weight"]) - 1, device=device, **sizes
    )
    return _filled(decoder, weights, file).to(device, dtype)


def load_detokenizer(file: Path, device: torch.device) -> Any:
    """The VQGAN decoder from codes to pixels, in float32 as its upsampling asks for.

    Raises:
        TargetError: If the file is unsafe, damaged or of another model.
    """
    return _filled(_unfilled("VQGanDetokenizer"), _read(file), file).to(device, torch.float32)


def _part(name: str) -> ModuleType:
    """A module of min-dalle, without running its package: that turns gradients off and sets the number of threads."""
    package = find_spec("min_dalle")
    full_name = f"min_dalle.{name}"
    if full_name in sys.modules:
        return sys.modules[full_name]
    spec = PathFinder.find_spec(full_name, package.submodule_search_locations if package else None)
    if spec is None or spec.loader is None:
        raise TargetError(f"The installed min-dalle has no module {name}. {INSTALL}")
    module = module_from_spec(spec)
    sys.modules[full_name] = module  # its own relative imports look it up
    spec.loader.exec_module(module)
    return module


def _read(file: Path) -> dict[str, Tensor]:
    weights = saved_by_torch(file, TargetError)
    if not isinstance(weights, Mapping) or not all(isinstance(value, Tensor) for value in weights.values()):
        raise TargetError(f"The file {str(file)!r} holds no weights by name.")
    return dict(weights)


def _sizes(weights: Mapping[str, Tensor], file: Path) -> dict[str, int]:
    """What the constructors of encoder and decoder have in common."""
    lacking = {"embed_tokens.weight", "layers.0.glu.fc0.weight"} - weights.keys()
    if lacking:
        raise TargetError(f"The weights {str(file)!r} are of another model: they lack {' '.join(sorted(lacking))}.")
    width = weights["embed_tokens.weight"].shape[-1]
    if width % HEAD_WIDTH:
        raise TargetError(
            f"The weights {str(file)!r} are of another model: their width {width} is no multiple of {HEAD_WIDTH}, that "
            "of an attention head."
        )
    layers = [int(found[1]) for name in weights if (found := re.match(r"layers\.(\d+)\.", name))]
    return {
        "layer_count": max(layers) + 1,
        "embed_count": width,
        "attention_head_count": width // HEAD_WIDTH,
        "glu_embed_count": len(weights["layers.0.glu.fc0.weight"]),
    }


def _unfilled(kind: str, **options: object) -> Any:
    """A network whose weights have no values: those of a file take their place, so that none are drawn."""
    build = getattr(_part("models"), kind)
    with torch.device("meta"):
        return build(**options)


def _filled(network: nn.Module, weights: dict[str, Tensor], file: Path) -> nn.Module:
    """A network with the weights of a file; weights that it does not know are left out, as min-dalle does."""
    # A layer norm before a linear layer has no scale in these models (Flax' `use_scale=False`).
    norms = {name: part for name, part in network.named_modules() if isinstance(part, nn.LayerNorm)}
    scales = {f"{name}.weight": torch.ones(part.normalized_shape) for name, part in norms.items()}
    known = network.state_dict().keys()
    given = scales | {name: value for name, value in weights.items() if name in known}
    try:
        network.load_state_dict(given, assign=True)
    except RuntimeError as error:
        raise TargetError(f"The weights {str(file)!r} are of another model: {error}") from error
    return network.eval().requires_grad_(False)
