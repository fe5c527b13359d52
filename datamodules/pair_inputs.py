"""The inputs of heads on what a target generated (Wu et al. 2022, arXiv 2210.00968). A new one is one function here.

A package outside adds one with `PAIR_INPUTS.add(Input(name, make))`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray

from datamodules.inputs import Input
from lit_mia.errors import EncoderError
from lit_mia.features.captioners import Captioner
from lit_mia.features.encoders import Encoder
from lit_mia.features.pixels import REVISION, decode_images, pixels_key, resize
from lit_mia.files import cached_rows, key_digest
from lit_mia.queries.generate import GenerateQuery, read
from lit_mia.queries.store import Store
from lit_mia.records import Records
from lit_mia.registry import Registry

CHUNK = 256


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
                "Semantic heads and the caption control read embeddings, but no `encoder` is given. Name one that fits "
                "the records, e.g. `encoder: encoder/open_clip_vit_b_32`; `encoder/openmoji_clip` was trained on emoji."
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
                f"The caption control reads embeddings of captions, but {self.of_images.name} embeds images alone. "
                "Name a `text_encoder`, e.g. `text_encoder: encoder/open_clip_vit_b_32`."
            )
        return self.text_encoder


@final
@dataclass(frozen=True, eq=False)
class Pairs:
    """Records and what a target generated for their captions.

    Attributes:
        records: The n records.
        queries: What was asked, `per_record` for each record, in their order.
        store: The target's answers.
        tools: The attacker's models.
        size: Side in pixels at which images are compared and embedded.
        per_record: Images per record, k.
        folder: Where what is made of them is kept.
    """

    records: Records
    queries: Sequence[GenerateQuery]
    store: Store
    tools: Tools
    size: int
    per_record: int
    folder: Path


def image(pairs: Pairs) -> NDArray[np.uint8]:
    """Query images x, uint8 `[n, 3, s, s]`."""
    return decode_images(pairs.records, pairs.size, pairs.folder)[0]


def generated(pairs: Pairs) -> NDArray[np.uint8]:
    """Generated images x', uint8 `[n, k, 3, s, s]`."""
    n, k = len(pairs.records), pairs.per_record

    def chunks() -> Iterator[NDArray[np.uint8]]:
        for start in range(0, n, CHUNK):
            rows = range(start, min(start + CHUNK, n))
            asked = pairs.queries[start * k : rows.stop * k]
            yield resize(read(pairs.store, asked, pairs.records.select(rows)), pairs.size).numpy()

    return cached_rows(pairs.folder, _generated_key(pairs), n, np.uint8, chunks=chunks)


def image_embedding(pairs: Pairs) -> NDArray[np.float32]:
    """E_I(x), float32 `[n, d]`."""
    return _embedded(pairs, {"what": "images", **pixels_key(pairs.records, pairs.size)}, image(pairs))


def generated_embedding(pairs: Pairs) -> NDArray[np.float32]:
    """E_I(x'), float32 `[n, k, d]`."""
    images = generated(pairs)
    embedded = _embedded(pairs, _generated_key(pairs), images.reshape(-1, *images.shape[2:]))
    return embedded.reshape(*images.shape[:2], -1)


def text_embedding(pairs: Pairs) -> NDArray[np.float32]:
    """E_T(t), float32 `[n, e]`."""
    captions, encoder = [str(caption) for caption in pairs.records.captions], pairs.tools.of_texts
    key = {"what": "texts", "texts": captions, **_made_by(encoder)}

    def chunks() -> Iterator[NDArray[np.float32]]:
        yield encoder.embed_texts(captions).numpy()

    return cached_rows(pairs.folder, key, len(captions), np.float32, chunks=chunks)


def _generated_key(pairs: Pairs) -> dict[str, object]:
    keys = key_digest({"keys": [query.key for query in pairs.queries]})
    return {
        "what": "generated",
        "queries": keys,
        "size": pairs.size,
        "per_record": pairs.per_record,
        "resizing": REVISION,
    }


def _embedded(pairs: Pairs, key: Mapping[str, object], images: NDArray[np.uint8]) -> NDArray[np.float32]:
    encoder = pairs.tools.of_images

    def chunks() -> Iterator[NDArray[np.float32]]:
        for start in range(0, len(images), CHUNK):
            yield encoder.embed_images(torch.from_numpy(images[start : start + CHUNK].copy())).numpy()

    return cached_rows(pairs.folder, {**key, **_made_by(encoder)}, len(images), np.float32, chunks=chunks)


def _made_by(encoder: Encoder) -> dict[str, object]:
    return {"encoder": encoder.fingerprint(), "revision": encoder.revision}


def _embeds_images(tools: Tools) -> None:
    _ = tools.of_images


def _embeds_texts(tools: Tools) -> None:
    _ = tools.of_texts


PAIR_INPUTS: Registry[Input[Pairs, Tools]] = Registry[Input[Pairs, Tools]](
    "input of heads on generated images",
    (
        Input("image", image),
        Input("generated", generated),
        Input("image_embedding", image_embedding, _embeds_images),
        Input("generated_embedding", generated_embedding, _embeds_images),
        Input("text_embedding", text_embedding, _embeds_texts),
    ),
)
