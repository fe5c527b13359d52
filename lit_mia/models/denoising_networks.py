"""The noise networks of diffusers behind one call, what each is told beside x_t and t, and the autoencoder."""

import inspect
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Self, final

import torch
from torch import Tensor, nn

from lit_mia.errors import TargetError
from lit_mia.models.draws import normal
from lit_mia.models.network_needs import check_told, network_part
from lit_mia.models.pipeline_calls import as_read


@final
@dataclass(frozen=True, eq=False)
class Condition:
    """What a denoiser is told about each of `b` records beside x_t and t: named tensors `[b, ...]`, maybe none.

    Two conditions are the same question only if they are the same object.
    """

    parts: Mapping[str, Tensor]

    @classmethod
    def join(cls, conditions: Sequence["Condition"]) -> Self:
        """The conditions one after another."""
        return cls({name: torch.cat([c.parts[name] for c in conditions]) for name in conditions[0].parts})

    def rows(self, rows: slice | Tensor) -> "Condition":
        """The conditions of some rows."""
        return Condition({name: part[rows] for name, part in self.parts.items()})


class DenoisingNetwork(ABC):
    """The network of a pipeline.

    Attributes:
        takes_captions: Whether a caption makes a difference.
        reads_guidance: Whether the network is told the scale of guidance, instead of being evaluated twice.

    Args:
        pipeline: A loaded pipeline of diffusers.
        module: Its network, which is called once per evaluation.
        first_layer: The layer of the network that sees x_t.
    """

    takes_captions: ClassVar[bool] = True
    reads_guidance: bool = False

    def __init__(self, pipeline: Any, module: nn.Module, first_layer: nn.Module) -> None:
        self.pipeline, self.module, self.first_layer = pipeline, module, first_layer

    @abstractmethod
    def condition(self, captions: Sequence[str | None]) -> Condition:
        """What the network is told about these captions; None is the empty one."""

    def predict(self, x: Tensor, t: Tensor, condition: Condition) -> Tensor:
        """What the network itself predicts, `[b, c, h, w]`; the condition's one part, if any, is its third argument."""
        output: Tensor = self.module(x, t, *condition.parts.values(), **self.settings(x), return_dict=False)[0]
        return output[:, : x.shape[1]]  # a learned variance may follow

    def settings(self, x: Tensor) -> dict[str, Tensor]:
        """What the network is told whatever the record is, for `b` inputs, by the name of its argument."""
        return {}

    def reduced_condition(self, captions: Sequence[str], share: float) -> Condition:
        """The condition without a share of each caption's most important words.

        Raises:
            TargetError: If the network does not read words.
        """
        raise TargetError(
            f"CLiD takes words out of captions, but {type(self.pipeline).__name__} does not read any. Leave CLiD out."
        )


@final
class UnconditionalUNet(DenoisingNetwork):
    """A `UNet2DModel`, as in DDPM, DDIM and unconditional latent diffusion pipelines."""

    takes_captions = False

    def condition(self, captions: Sequence[str | None]) -> Condition:
        """Nothing."""
        return Condition({})


@final
class TextUNet(DenoisingNetwork):
    """A `UNet2DConditionModel` with one text encoder: Stable Diffusion 1 and 2, and models in their layout.

    Args:
        pipeline: A loaded pipeline of diffusers.
        network: Its network.
        guidance: The scale that a network distilled with guidance is told.
    """

    def __init__(self, pipeline: Any, network: Any, guidance: float) -> None:
        super().__init__(pipeline, network, network.conv_in)
        self._guidance, self._width = guidance, network.config.get("time_cond_proj_dim")
        self.reads_guidance = self._width is not None

    @cached_property
    def _empty(self) -> Tensor:
        return self._encoded([""])

    def condition(self, captions: Sequence[str | None]) -> Condition:
        """What the pipeline makes of the captions: the text encoder's last hidden states, `[b, l, d]`."""
        if not any(captions):
            return Condition({"text": self._empty.expand(len(captions), -1, -1)})
        return Condition({"text": self._encoded([caption or "" for caption in captions])})

    def settings(self, x: Tensor) -> dict[str, Tensor]:
        """The scale of guidance, if the network was distilled with one."""
        return {"timestep_cond": self._scale.to(x).expand(len(x), -1)} if self.reads_guidance else {}

    def reduced_condition(self, captions: Sequence[str], share: float) -> Condition:
        """Hidden states with the most important tokens replaced by the end-of-text token.

        A token is important if replacing it alone turns the text encoder's state at the caption's end away from that
        of the whole caption (cosine similarity). The share is rounded up.
        """
        tokens, mask = self._tokens(captions)
        end = int(self.pipeline.tokenizer.eos_token_id)
        special = set(self.pipeline.tokenizer.all_special_ids)
        reduced = tokens.clone()
        for row, line in enumerate(tokens):
            places = [place for place, token in enumerate(line.tolist()) if token not in special]
            if places:
                importance = self._importance(line, None if mask is None else mask[row : row + 1], places, end)
                dropped = torch.tensor(places)[importance.argsort(descending=True)[: -int(-share * len(places) // 1)]]
                reduced[row, dropped] = end
        return Condition({"text": self._states(reduced, mask)})

    @cached_property
    def _scale(self) -> Tensor:
        """The scale of guidance as the pipelines of such networks embed it, `[1, d]`."""
        from diffusers import LatentConsistencyModelPipeline

        embed = LatentConsistencyModelPipeline.get_guidance_scale_embedding
        scale: Tensor = embed(self.pipeline, torch.tensor([self._guidance - 1.0]), embedding_dim=self._width)
        return scale

    def _encoded(self, captions: list[str]) -> Tensor:
        states: Tensor = self.pipeline.encode_prompt(
            prompt=captions,
            device=self.pipeline.text_encoder.device,
            num_images_per_prompt=1,
            do_classifier_free_guidance=False,
        )[0]
        return states

    def _tokens(self, captions: Sequence[str]) -> tuple[Tensor, Tensor | None]:
        """Token numbers as the pipeline has them, and the mask of its text encoder if that reads one."""
        tokenizer = self.pipeline.tokenizer
        read = tokenizer(
            as_read(self.pipeline, tokenizer, captions),
            padding="max_length",
            max_length=tokenizer.model_max_length,
            truncation=True,
            return_tensors="pt",
        )
        is_masked = getattr(self.pipeline.text_encoder.config, "use_attention_mask", False)
        return read["input_ids"], read["attention_mask"] if is_masked else None

    def _states(self, tokens: Tensor, mask: Tensor | None) -> Tensor:
        encoder = self.pipeline.text_encoder
        moved = None if mask is None else mask.to(encoder.device)
        states: Tensor = encoder(tokens.to(encoder.device), attention_mask=moved)[0]
        return states

    def _importance(self, line: Tensor, mask: Tensor | None, places: Sequence[int], end: int) -> Tensor:
        """How far the state at the caption's end turns when each place alone is replaced, `[len(places)]`.

        The encoder's own pooled state is that of the first end-of-text token: here the replaced one.
        """
        variants = line.repeat(len(places) + 1, 1)
        variants[torch.arange(len(places)) + 1, torch.tensor(places)] = end
        masks = None if mask is None else mask.expand(len(variants), -1)
        ends = self._states(variants, masks)[:, line.tolist().index(end)]
        return 1 - torch.nn.functional.cosine_similarity(ends[:1], ends[1:]).cpu()


@final
class ClassDiT(DenoisingNetwork):
    """A `DiTTransformer2DModel`, told a class; the caption of a record is the name or the number of its class."""

    def condition(self, captions: Sequence[str | None]) -> Condition:
        """Class numbers; the null class for an empty caption.

        Raises:
            TargetError: If a caption is no class of the model.
        """
        return Condition({"label": torch.tensor([self._label(caption) for caption in captions])})

    def _label(self, caption: str | None) -> int:
        classes = int(self.pipeline.transformer.config.num_embeds_ada_norm)
        if not caption:
            return classes
        names: dict[str, int] = getattr(self.pipeline, "labels", None) or {}
        number = int(caption) if caption.isdecimal() else names.get(caption.split(",")[0].strip(), -1)
        if not 0 <= number < classes:
            raise TargetError(
                f"The caption {caption!r} is no class of this model: give a name of its `id2label` or a number below "
                f"{classes}."
            )
        return number


def network_of(pipeline: Any, guidance: float = 1.0) -> DenoisingNetwork:
    """The adapter for a pipeline's network.

    Args:
        pipeline: A loaded pipeline of diffusers.
        guidance: The scale that a network distilled with guidance is told.

    Raises:
        TargetError: If there is none, or the network is told more than an adapter can.
    """
    from diffusers import DiTTransformer2DModel, UNet2DConditionModel, UNet2DModel

    network = network_part(pipeline)
    if isinstance(network, DiTTransformer2DModel):
        return ClassDiT(pipeline, network, network.pos_embed)
    if isinstance(network, UNet2DModel):
        check_told(pipeline, network)
        return UnconditionalUNet(pipeline, network, network.conv_in)
    if isinstance(network, UNet2DConditionModel):
        check_told(pipeline, network)
        if {"text_encoder", "tokenizer"} <= pipeline.components.keys() and _encodes_prompts(pipeline):
            return TextUNet(pipeline, network, guidance)
    raise TargetError(
        f"The noise prediction of {type(pipeline).__name__} ({type(network).__name__}) cannot be asked. Supported are "
        "pipelines with an unconditional UNet2DModel, with a UNet2DConditionModel and one text encoder, or with a "
        "DiTTransformer2DModel; other text-to-image pipelines serve attacks of the level `generate`."
    )


def _encodes_prompts(pipeline: Any) -> bool:
    """Whether a pipeline tells, outside its call, what it makes of prompts."""
    needed = {"prompt", "device", "num_images_per_prompt", "do_classifier_free_guidance"}
    encode = getattr(pipeline, "encode_prompt", None)
    return encode is not None and needed <= inspect.signature(encode).parameters.keys()


@final
class Autoencoder:
    """An `AutoencoderKL`, an `AutoencoderTiny` or a `VQModel` of diffusers.

    Args:
        model: The model.

    Raises:
        TargetError: If it does not tell how its latents are scaled.
    """

    def __init__(self, model: Any) -> None:
        if {"scaling_factor", "block_out_channels"} - model.config.keys():
            raise TargetError(
                f"The autoencoder {type(model).__name__} does not tell the scale and the size of its latents. Use a "
                "pipeline with an AutoencoderKL, AutoencoderTiny or VQModel."
            )
        self.model = model
        self._scale = float(model.config.scaling_factor)
        self._shift = float(model.config.get("shift_factor") or 0.0)

    @property
    def factor(self) -> int:
        """Pixels per latent along a side."""
        return int(2 ** (len(self.model.config.block_out_channels) - 1))

    def encode(self, pixels: Tensor, seeds: Sequence[int] | None) -> Tensor:
        """Scaled latents of images in [−1, 1].

        Args:
            pixels: `[b, 3, s, s]`.
            seeds: One seed per image to draw from the posterior, which only an `AutoencoderKL` has; None takes its
                mean.
        """
        encoded = self.model.encode(pixels.to(self.model.device))
        posterior = getattr(encoded, "latent_dist", None)
        if posterior is None:
            latents = encoded.latents
        elif seeds is None:
            latents = posterior.mean
        else:
            latents = posterior.mean + posterior.std * normal(posterior.mean.shape[1:], seeds).to(posterior.mean)
        scaled: Tensor = (latents - self._shift) * self._scale
        return scaled.to(pixels)

    def decode(self, latents: Tensor) -> Tensor:
        """Images of scaled latents, not clipped."""
        decoded: Tensor = self.model.decode(latents.to(self.model.device) / self._scale + self._shift).sample
        return decoded.to(latents)
