"""What a network wants to be told beside x_t, the timestep and a text, and the size that it was made for."""

from collections.abc import Callable
from typing import Any

from lit_mia.errors import TargetError
from lit_mia.models.files import Fingerprint
from lit_mia.models.pipeline_source import PipelineSource

Need = Callable[[Any, Any], object]
IMAGES: dict[str, Need] = {
    "the image of a ControlNet": lambda parts, _: parts.get("controlnet"),
    "the image of an adapter": lambda parts, _: parts.get("adapter"),
    "further channels with an image or a mask": lambda _, network: _further_channels(network) > 0,
}
"""Images that somebody has to give, by name: whether the parts and the network of a pipeline want it."""
OTHERS: dict[str, Need] = {
    "class labels": lambda _, network: getattr(network, "class_embedding", None) is not None,
    "added conditions (`addition_embed_type`)": lambda _, network: network.config.get("addition_embed_type"),
    "embeddings of an image (`encoder_hid_dim_type`)": lambda _, network: (
        network.config.get("encoder_hid_dim_type") not in (None, "text_proj")
    ),
}
"""What else some networks are told, likewise; pipelines make it from a prompt, but a denoiser alone is not told it."""
DEPTH = "StableDiffusionDepth2ImgPipeline"
"""The pipeline that makes the further channel itself from an image that it varies."""


def network_part(pipeline: Any) -> Any | None:
    """The network of a pipeline, if it has one that is called so."""
    return pipeline.components.get("unet") or pipeline.components.get("transformer")


def check_images(pipeline: Any, varies: bool = False) -> None:
    """Refuse a pipeline that draws nothing of a text alone, or of an image and a text alone.

    Args:
        pipeline: A loaded pipeline of diffusers.
        varies: Whether it is given an image.

    Raises:
        TargetError: If it wants more images, naming them.
    """
    kind, network = type(pipeline).__name__, network_part(pipeline)
    wanted = [] if network is None else _unmet(pipeline.components, network, IMAGES)
    if wanted and not (varies and kind == DEPTH):
        raise TargetError(
            f"The {type(network).__name__} of this {kind} wants {' and '.join(wanted)}{_channels(network)}, which no "
            "record has. Choose the text-to-image model that it was made from: inpainting, depth, upscaling and "
            "instruction models are others."
        )


def check_told(pipeline: Any, network: Any) -> None:
    """Refuse a network that is told more than x_t, a timestep and a text or nothing.

    Args:
        pipeline: A loaded pipeline of diffusers.
        network: Its network.

    Raises:
        TargetError: Naming what it wants.
    """
    wanted = _unmet(pipeline.components, network, IMAGES | OTHERS)
    if wanted:
        raise TargetError(
            f"The {type(network).__name__} of this {type(pipeline).__name__} wants {' and '.join(wanted)}"
            f"{_channels(network)} beside x_t, t and a text, so its noise prediction cannot be asked. Choose another "
            "model; text-to-image pipelines serve attacks of the level `generate`."
        )


def told_beside(source: PipelineSource) -> Fingerprint:
    """What a denoiser is told that depends on rare files, for the fingerprint of a target; mostly nothing.

    Args:
        source: Where its pipeline is from.

    Raises:
        TargetError: If a file cannot be read.
    """
    words = _added_words(source)
    found = {
        "scale of guidance": source.part_json("unet").get("time_cond_proj_dim") is not None,
        "attention mask": source.part_json("text_encoder").get("use_attention_mask"),
        "words of several vectors": any(f"{word}_1" in words for word in words),
    }
    told = ", ".join(name for name, is_told in found.items() if is_told)
    return {"told": told} if told else {}


def _added_words(source: PipelineSource) -> set[str]:
    """Words that a tokenizer was given later, such as by textual inversion; each release saves them elsewhere."""
    tokens = [
        *source.part_json("tokenizer", "tokenizer.json").get("added_tokens", []),
        *source.part_json("tokenizer", "tokenizer_config.json").get("added_tokens_decoder", {}).values(),
    ]
    return {token["content"] for token in tokens} | source.part_json("tokenizer", "added_tokens.json").keys()


def _unmet(parts: Any, network: Any, needs: dict[str, Need]) -> list[str]:
    """The names of some needs that a network has."""
    return [name for name, is_wanted in needs.items() if is_wanted(parts, network)]


def square_side(network: Any) -> int | None:
    """The side of the square that a network was made for, in its own space; None if it does not tell.

    Raises:
        TargetError: If it was made for images that are not square.
    """
    size = None if network is None else network.config.get("sample_size")
    sides = [size] if isinstance(size, int) else list(size or [])
    if len(set(sides)) > 1:
        raise TargetError(
            f"The {type(network).__name__} was made for samples of {' x '.join(map(str, sides))}, but records are "
            "square images. Choose a model of square images."
        )
    return int(sides[0]) if sides else None


def _further_channels(network: Any) -> int:
    """Channels that a U-Net reads beside those of x_t."""
    taken, given = network.config.get("in_channels"), network.config.get("out_channels")
    return taken - given if hasattr(network, "conv_in") and taken and given else 0


def _channels(network: Any) -> str:
    """The channels of a U-Net that reads others than it predicts."""
    if _further_channels(network) <= 0:
        return ""
    return f" (it reads {network.config.in_channels} channels and predicts {network.config.out_channels})"
