"""A sequence-to-sequence text-to-image model as a target: a BART from text to the codes of a VQModel."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, final

import torch
from torch import Tensor

from lit_mia.batches import slices
from lit_mia.errors import TargetError
from lit_mia.models import (
    MODEL_SUFFIXES,
    Fingerprint,
    Precision,
    TokenSampling,
    digest,
    full_float32,
    quietly,
    resolve_device,
    shipped,
    versions,
)
from lit_mia.models.contents import check_contents
from lit_mia.models.files import shards
from lit_mia.models.formats import check_formats
from lit_mia.models.whole import check_words, load_whole
from lit_mia.targets.base import AccessLevel, GenerateTarget, check_arguments


@final
class Seq2SeqTarget(GenerateTarget):
    """A DALL·E-mini-style model, loaded at the first query.

    A transformers `BartForConditionalGeneration` reads a caption and writes image tokens one after another, which the
    decoder of a diffusers `VQModel` turns into an image. Image token i is entry `image_token_offset + i` of the
    vocabulary, and there are `image_tokens` of them to an image; both stand in the BART's `config.json`.
    """

    def __init__(
        self,
        path: str,
        vq: str,
        temperature: float = 1.0,
        top_k: int | None = None,
        conditioning_scale: float = 1.0,
        dtype: Precision = "float32",
        device: str = "auto",
        batch_size: int = 64,
        name: str | None = None,
    ) -> None:
        """Name the model and how it is sampled.

        Args:
            path: Folder with the BART and its tokenizer as `save_pretrained` writes them, or `shipped:<name>`.
            vq: Folder of the VQModel, or `shipped:<name>`.
            temperature: What logits are divided by before sampling, above 0.
            top_k: How many of the likeliest tokens may be drawn; all if None.
            conditioning_scale: DALL·E mini's super conditioning, u + scale * (c - u) with the logits u of the empty
                text; at any value but 1 each token evaluates the decoder twice.
            dtype: Number format in which the models run, whatever format their weights are stored in.
            device: A torch device such as `cuda:1`, or `auto` for the current accelerator or else the CPU.
            batch_size: Images per pass; does not change the images.
            name: What logs and reports call this target; the last part of `path` if None.

        Raises:
            TargetError: If an argument is out of range, or a folder is missing or holds no model.
        """
        self._sampling = TokenSampling(float(temperature), top_k, float(conditioning_scale))
        check_arguments(*self._sampling.mistakes(), batch_size=batch_size, device=device)
        self._folder = _model_folder(path, ("config.json", "tokenizer_config.json"))
        self._vq_folder = _model_folder(vq, ("config.json",))
        self._dtype, self.device = dtype, device
        self.name = name or self._folder.name
        self.batch_size = batch_size

    @cached_property
    def nfe_per_image(self) -> int:
        """Passes of the decoder: one per image token, two with conditioning."""
        from transformers import BartConfig

        check_contents(self._folder / "config.json", TargetError)
        with quietly(str(self._folder)):
            config = BartConfig.from_pretrained(self._folder)
        return _image_tokens(config, self._folder)[1] * (2 if self._guided else 1)

    def fingerprint(self) -> Fingerprint:
        """Weights, sampling and library versions; not the device, the batch size or the name."""
        return {
            "access": AccessLevel.GENERATE.value,
            "model": "seq2seq",
            "weights": _model_digest(self._folder),
            "vq": _model_digest(self._vq_folder),
            **versions("diffusers", "torch", "transformers"),
            **vars(self._sampling),
            "dtype": self._dtype,
        }

    def generate(self, prompts: Sequence[str], seeds: Sequence[int]) -> Tensor:
        """Draw one image per prompt, the tokens of each with a CPU generator of its own.

        Raises:
            TargetError: If the models cannot be loaded or do not fit each other.
        """
        limit = self._tokenizer.model_max_length
        self.truncated += sum(len(tokens) > limit for tokens in self._tokenizer(list(prompts))["input_ids"])
        parts = slices(len(prompts), self.batch_size)
        return torch.cat([self.decode(self.draw(prompts[part], seeds[part])) for part in parts])

    @full_float32()
    @torch.inference_mode()
    def draw(self, prompts: Sequence[str], seeds: Sequence[int]) -> Tensor:
        """The image tokens of one batch, long `[n, image_tokens]`, each in [0, entries of the codebook)."""
        model, device = self._model, resolve_device(self.device)
        offset, length = _image_tokens(model.config, self._folder)
        texts = [*prompts, *([""] * len(prompts) if self._guided else [])]
        words = self._tokenizer(texts, padding=True, truncation=True, return_tensors="pt").to(device)
        mask = words["attention_mask"]
        states = model.model.encoder(input_ids=words["input_ids"], attention_mask=mask)
        generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        last = torch.full((len(texts), 1), model.config.decoder_start_token_id, device=device)
        cache, drawn = None, []
        for _ in range(length):
            answer = model(
                encoder_outputs=states,
                attention_mask=mask,
                decoder_input_ids=last,
                past_key_values=cache,
                use_cache=True,
            )
            cache = answer.past_key_values
            logits = answer.logits[:, -1, offset:].float()
            given, without = logits.chunk(2) if self._guided else (logits, None)
            drawn.append(self._sampling.draw(given, without, generators))
            last = (drawn[-1] + offset).repeat(2 if self._guided else 1).unsqueeze(-1)
        return torch.stack(drawn, dim=1)

    @full_float32()
    @torch.inference_mode()
    def decode(self, tokens: Tensor) -> Tensor:
        """The images of some image tokens, uint8 `[n, 3, h, w]` on the CPU."""
        side = int(tokens.shape[1] ** 0.5)
        channels = self._vq.config.vq_embed_dim or self._vq.config.latent_channels
        latents = self._vq.quantize.get_codebook_entry(tokens.flatten(), (len(tokens), side, side, channels))
        pixels: Tensor = self._vq.decode(latents, force_not_quantize=True).sample.float()
        return ((pixels / 2 + 0.5).clamp(0, 1) * 255).round().to(torch.uint8).cpu()

    @property
    def _guided(self) -> bool:
        return self._sampling.conditioning_scale != 1

    @cached_property
    def _model(self) -> Any:
        from transformers import BartForConditionalGeneration

        return self._load(BartForConditionalGeneration, self._folder).to(resolve_device(self.device)).eval()

    @cached_property
    def _vq(self) -> Any:
        from diffusers import VQModel

        model = self._load(VQModel, self._vq_folder).to(resolve_device(self.device)).eval()
        config = self._model.config
        codes = config.vocab_size - _image_tokens(config, self._folder)[0]
        if codes != model.config.num_vq_embeddings:
            raise TargetError(
                f"The model {self.name!r} writes {codes} image tokens, but the VQModel in {str(self._vq_folder)!r} "
                f"has {model.config.num_vq_embeddings}. Give the VQModel that the model was trained with."
            )
        return model

    @cached_property
    def _tokenizer(self) -> Any:
        from transformers import AutoTokenizer

        _check_files(self._folder)
        with quietly(str(self._folder)):
            tokenizer = AutoTokenizer.from_pretrained(self._folder, local_files_only=True, trust_remote_code=False)
        return check_words(tokenizer, str(self._folder), TargetError)

    def _load(self, kind: Any, folder: Path) -> Any:
        _check_files(folder)
        with quietly(str(folder)):
            dtype = getattr(torch, self._dtype)
            options = {"torch_dtype": dtype, "use_safetensors": True, "local_files_only": True}
            return load_whole(kind, folder, TargetError, **options)


def _image_tokens(config: Any, folder: Path) -> tuple[int, int]:
    """First image token of the vocabulary, and how many make an image."""
    offset, length = getattr(config, "image_token_offset", None), getattr(config, "image_tokens", None)
    if not isinstance(offset, int) or not isinstance(length, int) or int(length**0.5) ** 2 != length:
        raise TargetError(
            f"The config.json in {str(folder)!r} needs `image_token_offset` and `image_tokens` (a square number), but "
            f"has {offset!r} and {length!r}. `Seq2SeqTraining.export` writes such folders."
        )
    return offset, length


def _model_folder(path: str, needed: Sequence[str]) -> Path:
    folder = Path(shipped(path)).expanduser()
    missing = [name for name in needed if not (folder / name).is_file()]
    if missing:
        raise TargetError(
            f"{path!r} is no folder with {' and '.join(missing)}. Give a folder that `save_pretrained` wrote, or "
            "`shipped:<name>`."
        )
    return folder


def _check_files(folder: Path) -> None:
    """Refuse what cannot be model files before any is loaded."""
    for file in _model_files(folder):
        check_contents(file, TargetError)
    check_formats(folder, TargetError)


def _model_digest(folder: Path) -> str:
    """SHA-256 of the model and tokenizer files of a folder."""
    return digest(folder, _model_files(folder))


def _model_files(folder: Path) -> set[Path]:
    files = {file for file in folder.iterdir() if file.suffix in MODEL_SUFFIXES and file.name != "membership.json"}
    return files | shards(folder)
