"""What datamodules give to heads: named inputs, each made by one function. A new one is one function here.

There are those on what a target generated (Wu et al. 2022, arXiv 2210.00968), and those on what training-free attacks
found. A package outside adds one with `PAIR_INPUTS.add(Input(name, make))`, or `FINDING_INPUTS`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Generic, Self, TypeVar, final

import numpy as np
import torch
from numpy.typing import NDArray

from lit_mia.attacks.statistics.base import Setting, StatisticAttack
from lit_mia.batches import slices
from lit_mia.errors import EncoderError, RecordError
from lit_mia.features import Captioner, Encoder
from lit_mia.features.pixels import RESIZING, decode_images, pixels_key, resize
from lit_mia.files import cached_rows, list_digest
from lit_mia.queries.findings import FindingStore
from lit_mia.queries.generate import GenerateQuery, read
from lit_mia.queries.plans import Plan, Questions
from lit_mia.queries.progress import progress
from lit_mia.queries.store import Store
from lit_mia.records import Records
from lit_mia.registry import Registry
from lit_mia.targets.base import AccessLevel

CHUNK = 256
Observed = TypeVar("Observed")
Given = TypeVar("Given")


def nothing_missing(_: object) -> None:
    """An input that can always be made."""


@dataclass(frozen=True)
class Input(Generic[Observed, Given]):
    """Something that heads read, e.g. `image`.

    Attributes:
        name: What heads declare in `inputs`.
        make: Makes it of what was observed, `[n, ...]` for the n records in their order; uint8 arrays are images.
        check: Refuses, before anything is asked, what the datamodule was given if the input cannot be made with it.
    """

    name: str
    make: Callable[[Observed], NDArray[Any]]
    check: Callable[[Given], object] = nothing_missing


@final
@dataclass(frozen=True)
class Tools:
    """The attacker's third-party models.

    Attributes:
        encoder: Embeds images, and captions if it can.
        text_encoder: Embeds captions where `encoder` embeds images alone.
        captioner: Describes the query images; None takes the source's captions.
    """

    encoder: Encoder | None = None
    text_encoder: Encoder | None = None
    captioner: Captioner | None = None

    @property
    def of_images(self) -> Encoder:
        """What embeds images.

        Raises:
            EncoderError: If there is nothing.
        """
        if self.encoder is None:
            raise EncoderError(
                "Semantic heads and the controls of captions read embeddings, but no `encoder` is given. Name one that "
                "fits the records, e.g. `encoder: encoder/open_clip_vit_b_32`; `encoder/openmoji_clip` was trained on "
                "emoji."
            )
        return self.encoder

    @property
    def of_texts(self) -> Encoder:
        """What embeds captions.

        Raises:
            EncoderError: If nothing does.
        """
        if self.of_images.embeds_text:
            return self.of_images
        if self.text_encoder is None:
            raise EncoderError(
                f"The controls of captions read their embeddings, but {self.of_images.name} embeds images alone. "
                "Name a `text_encoder`, e.g. `text_encoder: encoder/open_clip_vit_b_32`."
            )
        return self.text_encoder

    def fingerprint(self) -> dict[str, Any]:
        """What the encoder is, and what embeds captions if it does not; empty without an encoder."""
        captions = {} if self.text_encoder is None else {"captions": self.text_encoder.fingerprint()}
        return {} if self.encoder is None else {**self.encoder.fingerprint(), **captions}


@dataclass(frozen=True, eq=False, kw_only=True)
class Described:
    """Records and what the attacker's models make of them.

    Attributes:
        records: The n records.
        tools: The attacker's models.
        size: Side in pixels at which images are compared and embedded.
        folder: Where what is made of them is kept.
    """

    records: Records
    tools: Tools
    size: int
    folder: Path


@final
@dataclass(frozen=True, eq=False, kw_only=True)
class Pairs(Described):
    """Records and what a target generated for their captions.

    Attributes:
        queries: What was asked, `per_record` for each record, in their order.
        store: The target's answers.
        per_record: Images per record, k.
    """

    queries: Sequence[GenerateQuery]
    store: Store
    per_record: int


def image(described: Described) -> NDArray[np.uint8]:
    """Query images x, uint8 `[n, 3, s, s]`."""
    return decode_images(described.records, described.size, described.folder).images


def generated(pairs: Pairs) -> NDArray[np.uint8]:
    """Generated images x', uint8 `[n, k, 3, s, s]`."""
    n, k = len(pairs.records), pairs.per_record

    def chunks() -> Iterator[NDArray[np.uint8]]:
        for part in slices(n, CHUNK):
            asked, records = pairs.queries[part.start * k : part.stop * k], pairs.records.select(range(n)[part])
            yield resize(read(pairs.store, asked, records), pairs.size).numpy()

    return cached_rows(pairs.folder, _generated_key(pairs), n, np.uint8, chunks=chunks)


def image_embedding(described: Described) -> NDArray[np.float32]:
    """E_I(x), float32 `[n, d]`."""
    return embedded_images(described.records, described.tools.of_images, described.size, described.folder)


def embedded_images(records: Records, encoder: Encoder, size: int, folder: Path) -> NDArray[np.float32]:
    """E_I(x) of some records, float32 `[n, d]`, computed once.

    Args:
        records: The records.
        encoder: E_I.
        size: Side in pixels at which images are embedded.
        folder: Where what is computed is kept.
    """
    images = decode_images(records, size, folder).images
    return embed_kept(encoder, {"what": "images", **pixels_key(records, size)}, images, folder)


def generated_embedding(pairs: Pairs) -> NDArray[np.float32]:
    """E_I(x'), float32 `[n, k, d]`."""
    images = generated(pairs)
    flat = images.reshape(-1, *images.shape[2:])
    embedded = embed_kept(pairs.tools.of_images, _generated_key(pairs), flat, pairs.folder)
    return embedded.reshape(*images.shape[:2], -1)


def text_embedding(described: Described) -> NDArray[np.float32]:
    """E_T(t), float32 `[n, e]`; a missing caption counts as an empty one."""
    captions, encoder = [caption or "" for caption in described.records.captions], described.tools.of_texts
    key = {"what": "texts", "texts": captions, **_made_by(encoder)}
    return cached_rows(
        described.folder, key, len(captions), np.float32, chunks=lambda: iter([encoder.embed_texts(captions).numpy()])
    )


def likeness(pairs: Pairs) -> NDArray[np.float64]:
    """How like x the images x' are, mean over the k of a record, `[n]`; higher is closer.

    The cosine of E_I(x) and E_I(x') by the attacker's encoder; without one, minus the mean absolute difference of
    their pixels in 0..255.
    """
    if pairs.tools.encoder is not None:
        x, drawn = torch.tensor(image_embedding(pairs)), torch.tensor(generated_embedding(pairs))
        cosines: NDArray[np.float64] = torch.cosine_similarity(x[:, None], drawn, dim=-1).mean(dim=1).double().numpy()
        return cosines
    images, answers = image(pairs), generated(pairs)
    differences = [
        np.abs(images[part, None].astype(np.int16) - answers[part]).mean(axis=(1, 2, 3, 4))
        for part in slices(len(images), CHUNK)
    ]
    return -np.concatenate(differences)


def _generated_key(pairs: Pairs) -> dict[str, object]:
    return {
        "what": "generated",
        "queries": list_digest(
            ([q.key for q in pairs.queries[part]] for part in slices(len(pairs.queries), CHUNK)), "keys"
        ),
        "size": pairs.size,
        "per_record": pairs.per_record,
        "resizing": RESIZING,
    }


def embed_kept(
    encoder: Encoder, key: Mapping[str, object], images: NDArray[np.uint8], folder: Path
) -> NDArray[np.float32]:
    """What an encoder makes of images `[n, 3, h, w]`, float32 `[n, d]`, computed once.

    Args:
        encoder: The encoder.
        key: What says which images they are.
        images: The images, maybe a map of a file.
        folder: Where what is computed is kept.
    """

    def chunks() -> Iterator[NDArray[np.float32]]:
        with progress(f"embed by {encoder.name}", len(images), "images") as bar:
            for part in slices(len(images), CHUNK):
                yield encoder.embed_images(torch.from_numpy(images[part].copy())).numpy()
                bar.update(part.stop - part.start)

    return cached_rows(folder, {**key, **_made_by(encoder)}, len(images), np.float32, chunks=chunks)


def _made_by(encoder: Encoder) -> dict[str, object]:
    return {"encoder": encoder.fingerprint(), "revision": encoder.revision}


EMBEDDINGS = frozenset({"image_embedding", "generated_embedding", "text_embedding"})
"""The inputs that are made by an encoder."""

PAIR_INPUTS: Registry[Input[Pairs, Tools]] = Registry[Input[Pairs, Tools]](
    "input of heads on generated images",
    (
        Input("image", image),
        Input("generated", generated),
        Input("image_embedding", image_embedding, lambda tools: tools.of_images),
        Input("generated_embedding", generated_embedding, lambda tools: tools.of_images),
        Input("text_embedding", text_embedding, lambda tools: tools.of_texts),
    ),
)


@final
@dataclass(frozen=True, eq=False)
class Wanted:
    """Attacks at settings.

    Attributes:
        asked: Each attack with one of its settings.
        residual: Whether residual maps are wanted too.
    """

    asked: tuple[tuple[StatisticAttack, Setting], ...] = ()
    residual: bool = False

    @classmethod
    def every_setting(cls, attacks: Sequence[StatisticAttack], residual: bool = False) -> Self:
        """Attacks at all their settings."""
        return cls(tuple((attack, setting) for attack in attacks for setting in attack.settings()), residual)

    @cached_property
    def plans(self) -> list[Plan]:
        """What has to be asked, each once."""
        plans = [attack.plan(setting) for attack, setting in self.asked]
        return list({plan.key: plan for plan in plans}.values())

    @property
    def highest_timestep(self) -> int:
        """The highest timestep that is looked at."""
        return max((attack.highest_timestep(setting) for attack, setting in self.asked), default=0)

    @property
    def levels(self) -> list[AccessLevel]:
        """The access levels that are needed, each once."""
        return list(dict.fromkeys(attack.level for attack, _ in self.asked))

    @property
    def caption_reader(self) -> str | None:
        """Name of an attack that needs captions, if there is one."""
        return next((attack.name for attack, _ in self.asked if attack.needs_captions), None)


@final
@dataclass(frozen=True, eq=False, kw_only=True)
class Findings(Described):
    """Records and what one attack found out about them.

    Attributes:
        questions: The records as they are asked about.
        store: What was found.
        plan: The attack at its setting.
    """

    questions: Questions
    store: FindingStore
    plan: Plan | None


def residual(findings: Findings) -> NDArray[np.float32]:
    """The residual map of the attack, float32 `[n, c, h, w]`."""
    if findings.plan is None:
        raise RecordError(_ONE_ATTACK)
    return findings.store.residuals(findings.plan.key, findings.questions.keys)


def _of_one_attack(wanted: Wanted) -> None:
    if len(wanted.plans) != 1 or not wanted.residual:
        raise RecordError(_ONE_ATTACK)


_ONE_ATTACK = "A head on residual maps needs `attack` of the datamodule, with one setting."

FINDING_INPUTS: Registry[Input[Findings, Wanted]] = Registry[Input[Findings, Wanted]](
    "input of heads on findings",
    (
        Input("image", image),
        Input("residual", residual, _of_one_attack),
        Input("image_embedding", image_embedding),
        Input("text_embedding", text_embedding),
    ),
)
