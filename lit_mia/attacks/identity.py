"""Identity inference on CLIP: is a person recognised by name (Hintersdorf et al., arXiv 2209.07341, version 2)?"""

import hashlib
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from lit_mia.attacks.data import AuditedAttack
from lit_mia.batches import slices
from lit_mia.errors import HeadError
from lit_mia.ranges import SEED, at_least, check
from lit_mia.targets.base import AccessLevel

TEMPLATES = (
    "{0}",
    "an image of {0}",
    "a photo of {0}",
    "{0} on a photo",
    "a photo of a person named {0}",
    "a person named {0}",
    "a man named {0}",
    "a woman named {0}",
    "the name of the person is {0}",
    "a photo of a person with the name {0}",
    "{0} at a gala",
    "a photo of the celebrity {0}",
    "actor {0}",
    "actress {0}",
    "a colored photo of {0}",
    "a black and white photo of {0}",
    "a cool photo of {0}",
    "a cropped photo of {0}",
    "a cropped image of {0}",
    "{0} in a suit",
    "{0} in a dress",
)
"""The paper's, in its order; all are used for everybody."""

ABSTAIN = -1
"""What a template says whose most frequent name is not the only one of its frequency."""

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]

_CHUNK = 256  # images whose similarities to all names are held at once


@dataclass(frozen=True)
class Reading:
    """What a target reads off the images of one person; similarities themselves are not kept.

    Attributes:
        predicted: Number of the name in the pool that is nearest, by image and template, `[i, p]`.
        margin: Logit of the true name minus that of the best other name, `[i, p]`; above 0 where the true name is read.
    """

    predicted: Ints
    margin: Floats


@dataclass(frozen=True)
class Recognition:
    """What follows for one person, by number of images n and draw.

    Attributes:
        correct: Templates whose plurality name is the person's, `[n, draws]`: the score.
        margin: Mean margin over images and templates, `[n, draws]`: the soft score.
        distinct: Names that at least τ templates agree on, for each threshold τ, `[n, draws, τ]`. Over the size of the
            pool, it is how often a name at random would be called a member.
    """

    correct: Ints
    margin: Floats
    distinct: Ints


@final
class IdentityInference(AuditedAttack):
    """Calls a person a member if enough templates recognise the person by name in a plurality of n images.

    Each template names each image by the nearest of M names; the name that most of the n images get is the template's,
    or none if several are most frequent. The score is the number of templates that name the person.

    Args:
        templates: Captions with `{0}` for the name.
        thresholds: Numbers of templates τ from which on a person is called a member; the first is the headline.
        images: Numbers of images n, rising; the last is the headline.
        draws: How often n images are drawn of each person, without replacement.
        seed: Seed of the draws; those of a person also depend on the name, not on who else is asked about.
    """

    name = "IDIA"
    level = AccessLevel.EMBED
    scored_by = "rule"

    def __init__(
        self,
        templates: tuple[str, ...] = TEMPLATES,
        thresholds: tuple[int, ...] = (1, 11),
        images: tuple[int, ...] = (*range(1, 30, 2), 30),
        draws: int = 20,
        seed: int = 0,
    ) -> None:
        self.templates, self.thresholds, self.images = tuple(templates), tuple(thresholds), tuple(images)
        self.draws, self.seed = draws, seed
        wrong = [template for template in self.templates if "{0}" not in template]
        if not self.templates or wrong or len(set(self.templates)) < len(self.templates):
            raise HeadError(f"`templates` must be different texts with {{0}} for the name, but these are not: {wrong}.")
        counts = at_least(1)(images=self.images, draws=draws)
        check(HeadError, at_least(1, len(self.templates))(thresholds=self.thresholds), counts, SEED(seed=seed))
        if sorted(set(self.images)) != list(self.images):
            raise HeadError(f"`images` must be different numbers that rise, but got {list(self.images)}.")

    def texts(self, template: str, names: tuple[str, ...]) -> list[str]:
        """A caption for each name."""
        return [template.replace("{0}", name) for name in names]

    def recognise(self, reading: Reading, person: str, true: int) -> Recognition:
        """Count the templates that recognise a person, for every n and draw, from what was read once.

        Args:
            reading: What the target reads off the images.
            person: Name of the person, for the draws.
            true: Number of the name in the pool.

        Raises:
            HeadError: If there are fewer images than the largest n.
        """
        count = len(reading.predicted)
        if count < self.images[-1]:
            raise HeadError(
                f"{person} has {count} images, but {self.images[-1]} are to be drawn. Use smaller `images`."
            )
        orders = drawn_orders(person, count, self.draws, self.seed)
        modes = np.stack([plurality(reading.predicted[orders[:, :n]]) for n in self.images])
        means = [reading.margin.mean(axis=1)[orders[:, :n]].mean(axis=1) for n in self.images]
        return Recognition(
            correct=np.sum(modes == true, axis=-1),
            margin=np.stack(means),
            distinct=np.stack([agreed_names(modes, threshold) for threshold in self.thresholds], axis=-1),
        )


def read_names(images: Floats, texts: Floats, true: int, scale: float) -> Reading:
    """The nearest name to each image by each template, and how far the true name is ahead.

    Similarities are held for a few images and one template at a time. Where the true name is exactly as near as
    another, the other is read.

    Args:
        images: Embeddings of length 1, `[i, d]`.
        texts: Embeddings of length 1 of every name in every template, `[p, m, d]`.
        true: Number of the true name.
        scale: What the target multiplies cosines with.
    """
    shape = (len(images), len(texts))
    predicted, margin = np.empty(shape, np.int64), np.empty(shape, np.float32)
    for rows in slices(len(images), _CHUNK):
        for column, names in enumerate(texts):
            logits = scale * (images[rows] @ names.T)
            own = logits[:, true].copy()
            logits[:, true] = -np.inf
            other = logits.argmax(axis=1)
            ahead = own - np.take_along_axis(logits, other[:, None], axis=1)[:, 0]
            margin[rows, column] = ahead
            predicted[rows, column] = np.where(ahead > 0, true, other)
    return Reading(predicted, margin)


def drawn_orders(person: str, count: int, draws: int, seed: int) -> Ints:
    """Random orders of the images of a person, `[draws, count]`: the first n of an order are a draw of n."""
    key = int.from_bytes(hashlib.sha256(f"{seed}/{person}".encode()).digest()[:8], "little")
    return np.random.default_rng(key).permuted(np.tile(np.arange(count), (draws, 1)), axis=1)


def plurality(votes: Ints) -> Ints:
    """The most frequent of n votes by template, or `ABSTAIN` where several are most frequent.

    Args:
        votes: Names by image and template, `[..., n, p]`.

    Returns:
        `[..., p]`.
    """
    ordered = np.sort(votes, axis=-2)
    place = np.arange(votes.shape[-2])[:, None]
    changes = np.concatenate([np.ones_like(ordered[..., :1, :], bool), ordered[..., 1:, :] != ordered[..., :-1, :]], -2)
    before = place - np.maximum.accumulate(np.where(changes, place, 0), axis=-2)  # equal votes that stand before
    most = before.max(axis=-2, keepdims=True)
    winner = np.take_along_axis(ordered, before.argmax(axis=-2)[..., None, :], axis=-2)
    alone = np.sum(before == most, axis=-2, keepdims=True) == 1  # each of several most frequent names gets there once
    return np.where(alone, winner, ABSTAIN)[..., 0, :]


def agreed_names(modes: Ints, threshold: int) -> Ints:
    """How many different names at least `threshold` templates agree on.

    Args:
        modes: A name or `ABSTAIN` by template, `[..., p]`.
        threshold: Number of templates τ.

    Returns:
        `[...]`, at most ⌊p / τ⌋.
    """
    counts = np.sum(modes[..., :, None] == modes[..., None, :], axis=-1)
    agreed = (counts >= threshold) & (modes != ABSTAIN)
    names: Ints = np.rint(np.sum(agreed / counts, axis=-1)).astype(np.int64)
    return names
