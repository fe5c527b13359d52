"""What labels can be drawn by: something about records, which is a shift, or about the target's answers, a leak."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from datamodules import AuditDataModule
from lit_mia.attacks import Learner, same_training
from lit_mia.audits.membership.scorer import inputs_of
from lit_mia.audits.membership.ways import AnyScorer
from lit_mia.batches import slices
from lit_mia.errors import HeadError
from lit_mia.registry import Registry

Floats = NDArray[np.float64]
FOLDS = 5
COARSE, CHUNK = 16, 256
EQUAL = 1e-6
"""Numbers that differ by no more than this part of the largest are the same but for rounding."""
NOTHING = "nothing"


class PlantingError(HeadError):
    """Something that labels cannot be drawn by, of these records and with these tools."""


@dataclass(frozen=True)
class Planting:
    """Something that labels are drawn by.

    Attributes:
        name: What it is called.
        told: What members have more of, for the reader of a report.
        leak: Whether only the target's answers show it, so that finding it is right.
        strengths: By how much the log odds of being a member grow with each standard deviation of it.
        property: From the scorers of an audit, of which all was asked, and a learner to a number for each known record,
            `[n]`.
    """

    name: str
    told: str
    leak: bool
    strengths: tuple[float, ...]
    property: Callable[[Sequence[AnyScorer], Learner], Floats]

    def tilt(self, scorers: Sequence[AnyScorer], learner: Learner) -> Floats:
        """The property with mean 0 and standard deviation 1, `[n]`.

        Raises:
            PlantingError: If it cannot be had, or is the same for all records and something is to be planted.
        """
        found = self.property(scorers, learner)
        if any(self.strengths) and np.ptp(found) <= EQUAL * np.abs(found).max():
            raise PlantingError("It is the same for all records.")
        return standardised(found)


def standardised(values: Floats) -> Floats:
    """Less their mean, in standard deviations; 0 where all are the same."""
    scaled: Floats = (values - values.mean()) / (values.std() or 1.0)
    return scaled


def nothing(scorers: Sequence[AnyScorer], learner: Learner) -> Floats:
    """The same for all records."""
    return np.zeros(len(scorers[0].data.view.known))


def images(scorers: Sequence[AnyScorer], learner: Learner) -> Floats:
    """Where images lie along the first principal component of their embeddings; without an encoder, of their pixels.

    Larger images are averaged to `COARSE` × `COARSE` pixels.
    """
    data = _encoded(scorers)
    return _main_direction(_pixels(scorers[0].data) if data is None else _input(data, "image_embedding"))


def captions(scorers: Sequence[AnyScorer], learner: Learner) -> Floats:
    """The same of captions."""
    return _main_direction(_input(_captioned(scorers), "text_embedding"))


def alignment(scorers: Sequence[AnyScorer], learner: Learner) -> Floats:
    """How well captions fit images: the cosine of their embeddings."""
    data = _captioned(scorers)
    if not data.tools.of_images.shares_space:
        raise PlantingError("The encoder embeds captions in no space that images share.")
    image, text = (_input(data, name).astype(np.float64) for name in ("image_embedding", "text_embedding"))
    lengths = np.linalg.norm(image, axis=1) * np.linalg.norm(text, axis=1)
    fit: Floats = np.divide((image * text).sum(axis=1), lengths, out=np.zeros(len(image)), where=lengths > 0)
    return fit


def answers(scorers: Sequence[AnyScorer], learner: Learner) -> Floats:
    """How like the records the target's answers are, beyond what records, and a placebo's answers, tell of that.

    The likeness of all attacks, less what ridge regression on everything that controls read tells of it: each group by
    a regression on others.
    """
    from sklearn.linear_model import RidgeCV
    from sklearn.model_selection import GroupKFold, cross_val_predict

    found = [of for scorer in scorers for of in scorer.likeness().values()]
    if not found:
        raise PlantingError("The target's answers cannot be compared with the records.")
    like = np.mean([standardised(of[0]) for of in found], axis=0)
    of_placebos = [of[1][:, None] for of in found if len(of) > 1]
    records = scorers[0].data.view.known
    known = np.concatenate([np.zeros((len(records), 1)), *_read_by_controls(scorers, learner), *of_placebos], axis=1)
    known = (known - known.mean(axis=0)) / np.maximum(known.std(axis=0), 1e-12)
    ridge, folds = RidgeCV(np.logspace(0, 6, 13)), GroupKFold(FOLDS)
    told: Floats = cross_val_predict(ridge, known, like, groups=records.groups, cv=folds)
    rest: Floats = like - told
    return rest


def _shift(name: str, told: str, of: Callable[[Sequence[AnyScorer], Learner], Floats]) -> Planting:
    return Planting(name=name, told=f"a shift: {told}", leak=False, strengths=(1.5,), property=of)


PLANTINGS: Registry[Planting] = Registry(
    "planting",
    (
        Planting(name=NOTHING, told="nothing: labels are permuted", leak=False, strengths=(0.0,), property=nothing),
        _shift("images", "another look of their images", images),
        _shift("captions", "other things said in their captions", captions),
        _shift("alignment", "captions that fit their images better", alignment),
        Planting(
            name="answers",
            told="a leak: answers more like the records",
            leak=True,
            strengths=(0.2, 0.35, 0.5, 1.0),
            property=answers,
        ),
    ),
)
"""In the order of reports; `nothing` first."""


def _encoded(scorers: Sequence[AnyScorer]) -> AuditDataModule | None:
    """The answers that come with an encoder, if some do."""
    return next((scorer.data for scorer in scorers if scorer.data.encoder_fingerprint()), None)


def _captioned(scorers: Sequence[AnyScorer]) -> AuditDataModule:
    data = _encoded(scorers)
    if data is None:
        raise PlantingError("There is no encoder that could tell captions apart.")
    if not any(data.view.known.captions):
        raise PlantingError("The records have no captions.")
    return data


def _input(data: AuditDataModule, name: str) -> NDArray[Any]:
    data.prepare(frozenset({name}))
    held = {} if data.arrays is None else data.arrays.inputs
    return np.asarray(held[name])


def _pixels(data: AuditDataModule) -> Floats:
    found = _input(data, "image")
    side = min(found.shape[-1], COARSE)
    chunks = (torch.from_numpy(found[part].astype(np.float64)) for part in slices(len(found), CHUNK))
    return np.concatenate([torch.nn.functional.adaptive_avg_pool2d(of, side).flatten(1).numpy() for of in chunks])


def _main_direction(values: NDArray[Any]) -> Floats:
    from sklearn.decomposition import PCA

    if np.ptp(values, axis=0).max() <= EQUAL * np.abs(values).max():
        return np.zeros(len(values))
    found: Floats = PCA(1, svd_solver="randomized", random_state=0).fit_transform(values.astype(np.float64))[:, 0]
    return found


def _read_by_controls(scorers: Sequence[AnyScorer], learner: Learner) -> list[Floats]:
    """What each control that is a head reads, `[n, p]`."""
    tables = {}
    for scorer in scorers:
        heads = scorer.control_heads()
        scorer.data.prepare(inputs_of(heads))
        for head in heads:
            tables[same_training(head)] = learner.table(head, scorer.data, len(scorer.data.train_rows))
    return [table.astype(np.float64) for table in tables.values()]
