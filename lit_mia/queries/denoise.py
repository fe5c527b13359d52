"""Asking a denoiser: attacks say what they need, and one pass answers all of them together.

An attack is a generator that yields lists of requests and is sent the answers. The pass runs all generators side by
side: in each round it gathers what every attack asks, asks equal things once, and sends them through the denoiser in
full batches. Two requests are equal if timestep, condition and input agree bit by bit, so sharing changes scores by no
more than the rounding of other batches.
"""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, final

import torch
from torch import Tensor

from lit_mia.errors import TargetError
from lit_mia.models.condition import Condition
from lit_mia.models.draws import normal
from lit_mia.models.schedule import Schedule
from lit_mia.queries.generate import record_seed
from lit_mia.queries.kept import generations, variations
from lit_mia.queries.store import Store
from lit_mia.targets.base import Answers, DenoiseTarget, GenerateTarget, VaryTarget


@dataclass(frozen=True, eq=False)
class Evaluation:
    """A request for ε(x, t) of `b` records: `x` is `[b, c, h, w]` in the denoiser's space."""

    x: Tensor
    t: int
    condition: Condition


@dataclass(frozen=True)
class Variation:
    """A request for variation number `index` of each record: images in [−1, 1], `[b, 3, s, s]`."""

    index: int


@dataclass(frozen=True)
class Generation:
    """A request for image number `index` that the target makes of each record's caption: in [−1, 1], `[b, 3, h, w]`."""

    index: int


@dataclass(frozen=True, eq=False)
class Finding:
    """What an attack found out about `b` records.

    Attributes:
        statistic: Higher for members, `[b]`; or components `[b, m]` that `StatisticAttack.combine` makes one.
        residual: A non-negative map of what the statistic sums up, `[b, c, h, w]`.
        pair: The image and its reconstruction, where the attack compares two, each `[b, c, h, w]`.
    """

    statistic: Tensor
    residual: Tensor
    pair: tuple[Tensor, Tensor] | None = None


Request = Evaluation | Variation | Generation
AskedTarget = VaryTarget | GenerateTarget
Steps = Generator[Sequence[Request], list[Tensor], Finding]


@final
@dataclass(frozen=True, eq=False)
class Subject:
    """A batch of records under question, as an attack sees it.

    Attributes:
        target: The target.
        ids: Their ids, from which their noise is drawn.
        images: uint8 `[b, 3, s, s]`.
        captions: Their captions.
        seed: Seed of the audit.
        kept: Where the images that a remote target makes are stored before they are used.
    """

    target: AskedTarget
    ids: tuple[str, ...]
    images: Tensor
    captions: tuple[str | None, ...]
    seed: int = 0
    kept: Store | None = None
    _noise: dict[int, Tensor] = field(default_factory=dict, repr=False)
    _reduced: dict[float, Condition] = field(default_factory=dict, repr=False)

    @property
    def denoiser(self) -> DenoiseTarget:
        """The target, for attacks of the level `denoise`."""
        if not isinstance(self.target, DenoiseTarget):
            raise TypeError(f"{type(self.target).__name__} has no denoiser; `Target.require` refuses it earlier.")
        return self.target

    @property
    def schedule(self) -> Schedule:
        """The denoiser's noise schedule."""
        return self.denoiser.schedule

    @cached_property
    def pixels(self) -> Tensor:
        """The images in [−1, 1]."""
        return self.images.to(self.x0.dtype if isinstance(self.target, DenoiseTarget) else torch.float32) / 127.5 - 1

    @cached_property
    def x0(self) -> Tensor:
        """The clean records in the denoiser's space, `[b, c, h, w]`."""
        return self.denoiser.encode(self.images, self.seeds("encode", 0))

    @property
    def condition(self) -> Condition:
        """What the target is told by default: the caption, or nothing."""
        return self.caption_condition if self.denoiser.needs_captions else self.empty_condition

    @cached_property
    def caption_condition(self) -> Condition:
        """The records' captions."""
        return self.denoiser.condition(self.captions)

    @cached_property
    def empty_condition(self) -> Condition:
        """The empty caption."""
        return self.denoiser.condition([None] * len(self.ids))

    def reduced_condition(self, share: float) -> Condition:
        """The captions without a share of their most important words."""
        if share not in self._reduced:
            self._reduced[share] = self.denoiser.reduced_condition([str(c) for c in self.captions], share)
        return self._reduced[share]

    def seeds(self, purpose: str, index: int) -> list[int]:
        """One seed per record, in [0, 2^63), for one purpose and draw."""
        return [record_seed(self.seed, f"{purpose}/{name}", index) for name in self.ids]

    def noise(self, draw: int) -> Tensor:
        """Standard normal noise of the shape of x_0; a record's draw depends on nothing but seed, id and number."""
        if draw not in self._noise:
            self._noise[draw] = normal(self.x0.shape[1:], self.seeds("noise", draw)).to(self.x0)
        return self._noise[draw]

    def noised(self, t: int, draw: int) -> Tensor:
        """x_t with noise number `draw`."""
        return self.schedule.noised(self.x0, self.noise(draw), t)

    def drawn(self, draw: int) -> Tensor:
        """The clean records as a draw of the autoencoder's posterior; x_0 itself for a target without one."""
        return self.denoiser.encode(self.images, self.seeds("encode", draw), sample=True)

    def ask(self, x: Tensor, t: int, condition: Condition | None = None) -> Evaluation:
        """A request for ε(x, t), under the default condition if none is given."""
        return Evaluation(x, t, self.condition if condition is None else condition)


@dataclass(frozen=True, eq=False)
class PassResult:
    """What one pass found, in the order of the attacks.

    Attributes:
        findings: One per attack; the statistic of a record is NaN if the target refused it an image that the attack
            asked for.
        evaluations: Denoiser evaluations per record that each attack would make alone.
        shared: Evaluations per record that were made.
        images: Variations and generations per record that were made.
    """

    findings: list[Finding]
    evaluations: list[int]
    shared: int
    images: int


@torch.inference_mode()
def run_pass(subject: Subject, attacks: Sequence[Steps]) -> PassResult:
    """Answer all attacks on a batch of records together.

    Args:
        subject: The records.
        attacks: Started with this subject, none of them advanced yet.

    Raises:
        TargetError: If a statistic is not finite although the target refused nothing that it is made of.
    """
    findings: dict[int, Finding] = {}
    evaluations = [0] * len(attacks)
    refused: list[set[int]] = [set() for _ in attacks]
    shared = images = 0
    waiting: dict[int, list[Tensor] | None] = dict.fromkeys(range(len(attacks)))
    while waiting:
        asked: dict[int, Sequence[Request]] = {}
        for number, answers in waiting.items():
            try:
                asked[number] = next(attacks[number]) if answers is None else attacks[number].send(answers)
            except StopIteration as end:
                findings[number] = _without(end.value, refused[number])
                _check_finite(subject, findings[number], refused[number])
        table = _Distinct()
        places = {number: [table.place(request) for request in requests] for number, requests in asked.items()}
        for number, of_attack in places.items():
            evaluations[number] += sum(isinstance(table.requests[place], Evaluation) for place in set(of_attack))
        answered, missing = _answer(subject, table.requests)
        for number, of_attack in places.items():
            refused[number].update(*(missing.get(place, ()) for place in of_attack))
        count = sum(isinstance(request, Evaluation) for request in table.requests)
        shared, images = shared + count, images + len(table.requests) - count
        waiting = {number: [answered[place] for place in of_attack] for number, of_attack in places.items()}
    return PassResult([findings[number] for number in range(len(attacks))], evaluations, shared, images)


class _Distinct:
    """Requests without repetition, in the order of their first appearance."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self._places: dict[Any, list[int]] = {}

    def place(self, request: Request) -> int:
        """Where an equal request stands; it is added if there is none."""
        key: Any = request
        if isinstance(request, Evaluation):
            key = (request.t, id(request.condition), float(request.x.sum()))
        for place in self._places.setdefault(key, []):
            if _equal(self.requests[place], request):
                return place
        self.requests.append(request)
        self._places[key].append(len(self.requests) - 1)
        return len(self.requests) - 1


def _equal(one: Request, other: Request) -> bool:
    if isinstance(one, Evaluation) and isinstance(other, Evaluation):
        return one.x is other.x or torch.equal(one.x, other.x)
    return one == other


def _without(finding: Finding, refused: set[int]) -> Finding:
    """The finding with NaN as the statistic of some records."""
    if not refused:
        return finding
    statistic = finding.statistic.clone()
    statistic[sorted(refused)] = torch.nan
    return replace(finding, statistic=statistic)


def _check_finite(subject: Subject, finding: Finding, refused: set[int]) -> None:
    """NaN means that a record was refused, so no other may have one."""
    finite = finding.statistic.reshape(len(subject.ids), -1).isfinite().all(dim=1).tolist()
    broken = [name for row, name in enumerate(subject.ids) if not finite[row] and row not in refused]
    if broken:
        raise TargetError(
            f"The answers of {subject.target.name!r} about {len(broken)} of {len(finite)} records give a statistic "
            f"that is not finite, e.g. for {broken[:3]}. Run the target in another precision (`precision` or `dtype`): "
            "float16 overflows where bfloat16 and float32 do not. Nothing is kept of these records; what was found "
            "about others before stays."
        )


def _answer(subject: Subject, requests: Sequence[Request]) -> tuple[list[Tensor], dict[int, list[int]]]:
    """The answers to all requests of a round, and by place of a request the records that were refused one."""
    evaluations = [(place, request) for place, request in enumerate(requests) if isinstance(request, Evaluation)]
    drawings = [(place, request) for place, request in enumerate(requests) if not isinstance(request, Evaluation)]
    answers: dict[int, Tensor] = {}
    refused: dict[int, list[int]] = {}
    if evaluations:
        denoised = _denoise(subject.denoiser, [request for _, request in evaluations])
        answers.update(zip([place for place, _ in evaluations], denoised, strict=True))
    if drawings:
        for (place, _), drawn in zip(drawings, draw(subject, [request for _, request in drawings]), strict=True):
            answers[place], refused[place] = drawn.images, drawn.refused
    return [answers[place] for place in range(len(requests))], refused


def _denoise(target: DenoiseTarget, requests: Sequence[Evaluation]) -> Sequence[Tensor]:
    """All evaluations of a round, cut into the batches that the denoiser likes best."""
    b = len(requests[0].x)
    x = torch.cat([request.x for request in requests])
    t = torch.tensor([request.t for request in requests]).repeat_interleave(b)
    condition = Condition.join([request.condition for request in requests])
    chunks = [slice(start, start + target.batch_size) for start in range(0, len(x), target.batch_size)]
    return torch.split(torch.cat([target.predict_noise(x[c], t[c], condition.rows(c)) for c in chunks]), b)


@dataclass(frozen=True, eq=False)
class Drawn:
    """One image for each of `b` records.

    Attributes:
        images: In [−1, 1], `[b, 3, h, w]`, from integer pixels, as an API returns them.
        refused: The records that got none, whose images are grey.
    """

    images: Tensor
    refused: list[int]


def draw(subject: Subject, requests: Sequence[Variation | Generation]) -> list[Drawn]:
    """One image for each record and request; a target is given all of one kind together."""
    drawn: dict[Variation | Generation, Drawn] = {}
    for kind in (Variation, Generation):
        of_kind = list(dict.fromkeys(request for request in requests if isinstance(request, kind)))
        if of_kind:
            drawn |= _draw(subject, of_kind)
    return [drawn[request] for request in requests]


def _draw(subject: Subject, requests: Sequence[Variation | Generation]) -> dict[Variation | Generation, Drawn]:
    """Requests of one kind."""
    b, refused = len(subject.ids), set[int]()
    images = torch.zeros(len(requests) * b, *subject.images.shape[1:], dtype=subject.pixels.dtype)
    for part in _stream(subject, requests):
        refused.update(part.refused)
        if part.rows:
            if images.shape[1:] != part.images.shape[1:]:  # generated at the target's own size
                images = images.new_zeros(len(images), *part.images.shape[1:])
            images[list(part.rows)] = part.images.to(images.dtype) / 127.5 - 1
    return {
        request: Drawn(images[i * b : (i + 1) * b], [row - i * b for row in sorted(refused) if row // b == i])
        for i, request in enumerate(requests)
    }


def _stream(subject: Subject, requests: Sequence[Variation | Generation]) -> Iterator[Answers]:
    """The images of all requests, request by request."""
    target, times = subject.target, len(requests)
    purpose = "vary" if isinstance(requests[0], Variation) else "generate"
    seeds = [seed for request in requests for seed in subject.seeds(purpose, request.index)]
    ids, captions = subject.ids * times, subject.captions * times
    if purpose == "vary" and isinstance(target, VaryTarget):
        return variations(target, ids, subject.images.repeat(times, 1, 1, 1), captions, seeds, subject.kept)
    if purpose == "generate" and isinstance(target, GenerateTarget):
        return generations(target, ids, [str(caption) for caption in captions], seeds, subject.kept)
    raise TypeError(f"{type(target).__name__} cannot answer {requests[0]}; `Target.require` refuses it earlier.")
