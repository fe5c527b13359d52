"""The layouts of text-to-image pipelines that can be fine-tuned: what their networks are told, and how."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, final

import torch
from torch import Tensor

from lit_mia.errors import TrainingError
from lit_mia.models import check_images
from lit_mia.models.network_needs import check_told
from lit_mia.shadow.noising import FlowNoising, Noising, PreservingNoising

Told = dict[str, Tensor]
"""What a network is told about `b` records beside x_t and t, by name, each `[b, ...]`."""


class Layout(ABC):
    """One layout of pipelines.

    Attributes:
        network: Name of the part that is trained.
        needed: Names of the parts without which it reads no captions.
        noising: The process that its network belongs to.
        adapted: Ends of the names of the layers that LoRA is added to by default: the projections of attention.
        told: What the network is told, and where in the answer of `encode_prompt` it is for a caption and for none.
        further: Arguments of `encode_prompt` for further prompts, which are the same.

    Args:
        pipeline: A loaded pipeline of diffusers.

    Raises:
        TrainingError: If a part is missing, or the network was distilled.
        TargetError: If it wants an image, or something else that no caption tells.
    """

    network: ClassVar[str] = "unet"
    needed: ClassVar[tuple[str, ...]] = ("text_encoder", "tokenizer")
    noising: ClassVar[type[Noising]] = PreservingNoising
    adapted: ClassVar[tuple[str, ...]] = ("to_q", "to_k", "to_v", "to_out.0")
    told: ClassVar[Mapping[str, tuple[int, int]]] = {"text": (0, 1), "pooled": (2, 3)}
    further: ClassVar[tuple[str, ...]] = ()

    def __init__(self, pipeline: Any) -> None:
        self.pipeline, kind = pipeline, type(pipeline).__name__
        missing = [name for name in (*self.needed, "vae") if pipeline.components.get(name) is None]
        if missing:
            raise TrainingError(f"The {kind} lacks its {' and '.join(missing)}. Give the whole pipeline.")
        check_images(pipeline)
        config = pipeline.components[self.network].config
        if config.get("time_cond_proj_dim") is not None or config.get("guidance_embeds"):
            raise TrainingError(f"The network of this {kind} was distilled. Fine-tune the model that it was made from.")

    def read(self, captions: list[str] | None, device: torch.device) -> Told:
        """What the pipeline makes of captions; of None what it takes for no caption in guidance, for one record."""
        answer = self.pipeline.encode_prompt(
            prompt=captions or [""],
            device=device,
            num_images_per_prompt=1,
            do_classifier_free_guidance=captions is None,
            **dict.fromkeys(self.further),
        )
        return {name: answer[places[captions is None]] for name, places in self.told.items()}

    @abstractmethod
    def predict(self, x: Tensor, t: Tensor, told: Told) -> Tensor:
        """What the network answers at x_t `[b, c, h, w]` and timesteps `[b]`, in the type of its weights."""


@final
class StableDiffusionLayout(Layout):
    """Stable Diffusion 1 and 2: one text encoder."""

    told: ClassVar = {"text": (0, 1)}

    def __init__(self, pipeline: Any) -> None:
        super().__init__(pipeline)
        check_told(pipeline, pipeline.unet)

    def predict(self, x: Tensor, t: Tensor, told: Told) -> Tensor:
        """Noise or velocity."""
        output: Tensor = self.pipeline.unet(x, t, told["text"], return_dict=False)[0]
        return output


@final
class StableDiffusionXlLayout(Layout):
    """Stable Diffusion XL: two text encoders, the pooled state of the second, and the size of the image."""

    needed: ClassVar = ("text_encoder_2", "tokenizer_2")

    def predict(self, x: Tensor, t: Tensor, told: Told) -> Tensor:
        """Noise or velocity; images are told to be as large as they are, and not cropped."""
        added = {"text_embeds": told["pooled"], "time_ids": self.sizes(x.shape[-1]).to(x.device).expand(len(x), -1)}
        output: Tensor = self.pipeline.unet(x, t, told["text"], added_cond_kwargs=added, return_dict=False)[0]
        return output

    def sizes(self, latent: int) -> Tensor:
        """Original size, corner of the crop and size, `[1, 6]`, of images with latents of a side."""
        size = (latent * int(self.pipeline.vae_scale_factor),) * 2
        width = int(self.pipeline.text_encoder_2.config.projection_dim)
        sizes: Tensor = self.pipeline._get_add_time_ids(
            size, (0, 0), size, dtype=torch.float32, text_encoder_projection_dim=width
        )
        return sizes


@final
class StableDiffusion3Layout(Layout):
    """Stable Diffusion 3: flow matching by a transformer, two CLIP text encoders and a T5, which may be absent."""

    network: ClassVar = "transformer"
    needed: ClassVar = ("text_encoder", "tokenizer", "text_encoder_2", "tokenizer_2")
    noising: ClassVar = FlowNoising
    adapted: ClassVar = tuple(
        f"attn.{name}"
        for name in ("to_q", "to_k", "to_v", "to_out.0", "add_q_proj", "add_k_proj", "add_v_proj", "to_add_out")
    )
    further: ClassVar = ("prompt_2", "prompt_3")

    def predict(self, x: Tensor, t: Tensor, told: Told) -> Tensor:
        """Velocity."""
        output: Tensor = self.pipeline.transformer(
            hidden_states=x,
            timestep=t,
            encoder_hidden_states=told["text"],
            pooled_projections=told["pooled"],
            return_dict=False,
        )[0]
        return output


LAYOUTS: Mapping[str, type[Layout]] = {
    "StableDiffusionPipeline": StableDiffusionLayout,
    "StableDiffusionXLPipeline": StableDiffusionXlLayout,
    "StableDiffusion3Pipeline": StableDiffusion3Layout,
}
"""By the class that a pipeline's `model_index.json` names."""


def layout_of(class_name: str) -> type[Layout]:
    """The layout of a pipeline.

    Args:
        class_name: Its class in diffusers.

    Raises:
        TrainingError: If it is another one.
    """
    if class_name not in LAYOUTS:
        raise TrainingError(f"A {class_name} cannot be fine-tuned here. Supported are {', '.join(LAYOUTS)}.")
    return LAYOUTS[class_name]
