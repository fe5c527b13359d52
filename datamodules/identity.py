"""People, the pool of names around them, and what a target's embeddings say about both."""

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from functools import cached_property
from itertools import groupby, islice
from operator import itemgetter
from pathlib import Path
from typing import Any, Self, TypeVar, final

import lightning as L
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from datamodules.names import filled_pool, read_pool
from datamodules.sources.people import PeopleSource
from lit_mia.attacks.identity import IdentityInference, Reading, read_names
from lit_mia.batches import slices
from lit_mia.cost import Cost, Estimate
from lit_mia.errors import RecordError
from lit_mia.files import cached_path, cached_rows
from lit_mia.queries.behind import read_ahead
from lit_mia.queries.progress import progress
from lit_mia.ranges import SEED, at_least, check
from lit_mia.records import People, name_key, spelled
from lit_mia.sealed import sealed_array
from lit_mia.targets.base import AccessLevel, EmbedTarget

Key = dict[str, object]
Floats = NDArray[np.float32]
Given = TypeVar("Given", str, Image.Image)
_Opened = tuple[int, Image.Image | None]  # whose image it is; None cannot be read

_BLOCK = 256  # texts between two steps of the bar


@final
class IdentityDataModule(L.LightningDataModule):
    """People under question and the names among which each is looked for.

    Embeddings are kept in the store under the target's fingerprint, those of images by person and those of texts once
    for all templates and names; what is there is never computed again. Images are opened while those of the batch
    before are embedded, and no further ahead, so that memory does not grow with their number; a person with unreadable
    ones is embedded anew in another run. People with too few readable images are skipped and counted.

    Args:
        source: Where people and their images come from.
        target: The model under audit.
        store: Folder of the embeddings, of this target and of its controls.
        min_images: Readable images that a person must have; others are skipped.
        pool_size: Number of names M in the pool: the people, the source's further names, and a random fill.
        pool_seed: Seed of the fill.
        pool: A text file of names, one per line, that is the whole pool instead; all people must be in it.
    """

    def __init__(
        self,
        source: PeopleSource,
        target: EmbedTarget,
        store: str,
        min_images: int = 30,
        pool_size: int = 1000,
        pool_seed: int = 42,
        pool: str | None = None,
    ) -> None:
        super().__init__()
        check(
            RecordError, at_least(1)(min_images=min_images), at_least(2)(pool_size=pool_size), SEED(pool_seed=pool_seed)
        )
        target.require(AccessLevel.EMBED)
        self.source, self.target, self.store_path = source, target, Path(store).expanduser()
        self.min_images, self.pool_size, self.pool_seed, self.pool_file = min_images, pool_size, pool_seed, pool
        self.cost = Cost()
        self._damaged: dict[int, Floats] = {}

    def answered_by(self, target: EmbedTarget) -> Self:
        """The same people and names before another target (a control)."""
        other = type(self)(
            self.source,
            target,
            str(self.store_path),
            min_images=self.min_images,
            pool_size=self.pool_size,
            pool_seed=self.pool_seed,
            pool=self.pool_file,
        )
        other.__dict__.update(people=self.people, few=self.few, names=self.names)
        return other

    def prepare_data(self) -> None:
        """Load the people and draw the pool; no image is opened."""
        _ = self.people, self.names

    # ------------------------------------------------------------------ people and names

    @cached_property
    def _loaded(self) -> People:
        return self.source.load()

    @cached_property
    def few(self) -> dict[str, int]:
        """People who are skipped because their source has too few images, and how many it has."""
        return {
            name: count
            for name, count in zip(self._loaded.names, self._loaded.image_counts, strict=True)
            if count < self.min_images
        }

    @cached_property
    def people(self) -> People:
        """The people with enough images, readable or not.

        Raises:
            RecordError: If nobody is left.
        """
        loaded = self._loaded
        if len(self.few) == len(loaded):
            raise RecordError(
                f"None of the {len(loaded)} people has {self.min_images} images (`min_images`); most have "
                f"{max(loaded.image_counts, default=0)}. Add images, or lower `min_images` and the attack's `images`."
            )
        return loaded.select([row for row, name in enumerate(loaded.names) if name not in self.few])

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The pool, in alphabetical order.

        Raises:
            RecordError: If a person is not in it, or it is too small for all.
        """
        asked = {spelled(name) for name in (*self._loaded.names, *self.source.names_in_pool())}
        if self.pool_file is None:
            return filled_pool(asked, self.pool_size, self.pool_seed)
        pool = read_pool(self.pool_file)
        known = {name_key(name) for name in pool}
        absent = sorted(name for name in asked if name_key(name) not in known)
        if absent:
            raise RecordError(
                f"{len(absent)} names are not in the pool {self.pool_file}, e.g. {absent[:3]}: nobody is recognised "
                "by a name that is not looked for. Add them to the file."
            )
        return pool

    @cached_property
    def true(self) -> tuple[int, ...]:
        """Number in the pool of each person's name."""
        place = {name_key(name): number for number, name in enumerate(self.names)}
        return tuple(place[name_key(name)] for name in self.people.names)

    # ------------------------------------------------------------------ embeddings

    def query(self, attack: IdentityInference) -> None:
        """Embed what is missing: the texts of an attack, and all images."""
        self._texts(attack)
        missing = [row for row in range(len(self.people)) if not self._has(self._image_key(row))]
        total = sum(self.people.image_counts[row] for row in missing)
        with progress(f"embed {self.target.name}", total, "images") as bar, closing(self._opened(missing)) as opened:
            for row, images in groupby(opened, key=itemgetter(0)):
                self._images(row, attack, images)
                bar.update(self.people.image_counts[row])

    def estimate(self, attack: IdentityInference) -> Estimate:
        """What embedding would cost; embeds nothing."""
        images = sum(count for row, count in enumerate(self.people.image_counts) if not self._has(self._image_key(row)))
        texts = 0 if self._has(self._text_key(attack)) else len(attack.templates) * len(self.names)
        return Estimate(records=len(self.people), missing=images + texts, nfe=0, seconds=None, money=0.0)

    def unreadable(self, attack: IdentityInference) -> dict[str, int]:
        """Images of each person that cannot be read, where there are any."""
        counts = ((name, int((~self.readable(row, attack)).sum())) for row, name in enumerate(self.people.names))
        return {name: count for name, count in counts if count}

    def usable(self, attack: IdentityInference) -> list[int]:
        """Rows of the people with enough readable images.

        Raises:
            RecordError: If nobody is left.
        """
        rows = [row for row in range(len(self.people)) if self.readable(row, attack).sum() >= self.min_images]
        if not rows:
            raise RecordError(f"None of the {len(self.people)} people has {self.min_images} readable images.")
        return rows

    def readings(self, attack: IdentityInference, rows: Sequence[int]) -> Iterator[Reading]:
        """What the target reads off the readable images of some people, one after another."""
        texts, scale = self._texts(attack), self._scale
        for row in rows:
            reading = read_names(self._images(row, attack), texts, self.true[row], scale)
            read = self.readable(row, attack)
            yield Reading(reading.predicted[read], reading.margin[read])

    def cut_off(self, attack: IdentityInference) -> int:
        """Captions that the target does not read to their end, so that a name may be lost."""

        def count() -> Iterator[NDArray[np.int64]]:
            yield np.array([sum(self.target.too_long(attack.texts(t, self.names)) for t in attack.templates)])

        return int(self._kept({**self._text_key(attack), "what": "captions cut off"}, 1, np.int64, count)[0])

    def _texts(self, attack: IdentityInference) -> Floats:
        """Embeddings of every name in every template, `[p, m, d]`, mapped from the store."""

        def blocks() -> Iterator[Floats]:
            texts = [text for template in attack.templates for text in attack.texts(template, self.names)]
            with progress(f"embed {self.target.name}", len(texts), "texts") as bar:
                for part in slices(len(texts), _BLOCK):
                    yield self._asked(self.target.embed_texts, texts[part])
                    bar.update(part.stop - part.start)

        shape = len(attack.templates), len(self.names)
        texts = self._kept(self._text_key(attack), shape[0] * shape[1], np.float32, blocks)
        return texts.reshape(*shape, -1)

    def _images(self, row: int, attack: IdentityInference, opened: Iterator[_Opened] | None = None) -> Floats:
        """Embeddings of a person's images, `[i, d]`; NaN where an image cannot be read.

        A person with such images is kept for this run only: another run opens them again.

        Args:
            row: The person.
            attack: Whose captions the embeddings are compared with.
            opened: The images; None opens them.
        """
        if row in self._damaged:
            return self._damaged[row]
        count = self.people.image_counts[row]

        def blocks() -> Iterator[Floats]:
            dimension, images = self._texts(attack).shape[-1], opened or self._opened([row])
            while block := [image for _, image in islice(images, self.target.batch_size)]:  # opened images are large
                yield self._block(block, dimension)

        images = self._kept(self._image_key(row), count, np.float32, blocks)
        if np.isnan(images[:, 0]).any():
            self._damaged[row] = np.array(images)
            cached_path(self.folder, self._image_key(row)).unlink()
        return self._damaged.get(row, images)

    def _block(self, images: Sequence[Image.Image | None], dimension: int) -> Floats:
        opened = {place: image for place, image in enumerate(images) if image is not None}
        embedded = np.full((len(images), dimension), np.nan, np.float32)
        if opened:
            embedded[list(opened)] = self._asked(self.target.embed_images, list(opened.values()))
        return embedded

    def _opened(self, rows: Sequence[int]) -> Generator[_Opened, None, None]:
        """The images of some people, opened a batch ahead."""

        def read(place: tuple[int, int]) -> _Opened:
            try:
                return place[0], self.people.open_image(*place)
            except OSError:
                return place[0], None

        places = ((row, number) for row in rows for number in range(self.people.image_counts[row]))
        return read_ahead(read, places, most=self.target.batch_size)

    def readable(self, row: int, attack: IdentityInference) -> NDArray[np.bool_]:
        """Which images of a person can be read."""
        readable: NDArray[np.bool_] = ~np.isnan(self._images(row, attack)[:, 0])
        return readable

    @cached_property
    def _scale(self) -> float:
        key: Key = {"what": "logit scale", **self.target.fingerprint()}
        return float(self._kept(key, 1, np.float64, lambda: iter([np.array([self.target.logit_scale])]))[0])

    # ------------------------------------------------------------------ store

    @property
    def folder(self) -> Path:
        """Where embeddings are."""
        return self.store_path / "embeddings"

    def _text_key(self, attack: IdentityInference) -> Key:
        return {"what": "texts", **self.target.fingerprint(), "templates": attack.templates, "names": self.names}

    def _image_key(self, row: int) -> Key:
        return {
            "what": "images",
            **self.target.fingerprint(),
            "person": self.people.names[row],
            "count": self.people.image_counts[row],
            "stamp": self.people.stamp(row),
        }

    def _has(self, key: Key) -> bool:
        return sealed_array(cached_path(self.folder, key)) is not None

    def _kept(
        self, key: Key, n: int, dtype: type[np.generic], chunks: Callable[[], Iterator[NDArray[Any]]]
    ) -> NDArray[Any]:
        return cached_rows(self.folder, key, n, dtype, chunks=chunks)

    def _asked(self, embed: Callable[[list[Given]], Tensor], given: list[Given]) -> Floats:
        """Embed, and count what it cost."""
        began = time.perf_counter()
        embedded: Floats = embed(given).numpy()
        self.cost += Cost(queries=len(given), seconds=time.perf_counter() - began)
        return embedded
