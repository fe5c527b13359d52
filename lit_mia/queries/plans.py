"""What shall be found out, attacks at a setting each about some records: asked once, and what they find is kept.

An attack is a generator that yields lists of requests and is sent the answers. One pass over a batch of records runs
all generators side by side: in each round it gathers what every attack asks, asks equal things once, and gives each
kind of request all of its own together, so that a denoiser gets full batches.
"""

import hashlib
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray

from lit_mia.cost import Cost, Estimate
from lit_mia.errors import TargetError
from lit_mia.files import key_digest
from lit_mia.models import enough_memory
from lit_mia.queries.claims import Claims
from lit_mia.queries.findings import FindingStore, FoundBy
from lit_mia.queries.progress import progress
from lit_mia.queries.requests import Answer, Finding, Request, Steps, Subject
from lit_mia.queries.store import Store
from lit_mia.queries.together import spent_together
from lit_mia.records import Records
from lit_mia.targets.base import Target


@dataclass(frozen=True, eq=False)
class Plan:
    """One attack at one setting.

    Attributes:
        key: Hash of everything that changes its findings.
        begin: Starts it on a batch of records.
    """

    key: str
    begin: Callable[[Subject], Steps]


@dataclass(frozen=True, eq=False)
class Questions:
    """The records that attacks are about.

    Attributes:
        records: The records.
        images: Their images, uint8 `[n, 3, s, s]`.
        seed: Seed of the audit.
    """

    records: Records
    images: NDArray[np.uint8]
    seed: int

    @cached_property
    def keys(self) -> list[str]:
        """What the findings about each record are found by: id, pixels, caption and seed."""
        rows = zip(self.records.ids, self.images, self.records.captions, strict=True)
        return [
            key_digest([name, hashlib.sha256(image.tobytes()).hexdigest(), caption, self.seed])
            for name, image, caption in rows
        ]

    def subject(self, target: Target, rows: Sequence[int], kept: Store | None = None) -> Subject:
        """Some of the records, as attacks see them."""
        table, images = self.records.select(rows), torch.from_numpy(self.images[list(rows)])
        return Subject(target, table.ids, images, table.captions, self.seed, kept)


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
@enough_memory()
def run_pass(subject: Subject, attacks: Sequence[Steps], rehearsal: bool = False) -> PassResult:
    """Answer all attacks on a batch of records together.

    Args:
        subject: The records.
        attacks: Started with this subject, none of them advanced yet.
        rehearsal: Ask nothing; what the attacks are answered has the right form and says nothing.

    Raises:
        TargetError: If the target does not offer what an attack asks for, or a statistic is not finite although the
            target refused nothing that it is made of.
    """
    courses = [_Course(subject, steps) for steps in attacks]
    shared = images = 0
    while waiting := [course for course in courses if course.asked is not None]:
        distinct: dict[Request, int] = {}
        places = [[distinct.setdefault(r, len(distinct)) for r in course.asked or ()] for course in waiting]
        requests = list(distinct)
        answers = _answers(subject, requests, rehearsal)
        drawn = sum(request.makes_image for request in requests)
        shared, images = shared + len(requests) - drawn, images + drawn
        for course, of_course in zip(waiting, places, strict=True):
            course.evaluations += sum(not requests[place].makes_image for place in set(of_course))
            course.go_on([answers[place] for place in of_course])
    return PassResult(
        findings=[course.finding for course in courses],
        evaluations=[course.evaluations for course in courses],
        shared=shared,
        images=images,
    )


@final
class _Course:
    """One attack on its way through a pass.

    Attributes:
        asked: What it asks for now; None once it has its finding.
        finding: Its finding.
        evaluations: Denoiser evaluations per record so far.
    """

    asked: Sequence[Request] | None
    finding: Finding

    def __init__(self, subject: Subject, steps: Steps) -> None:
        self._subject, self._steps, self._refused = subject, steps, set[int]()
        self.evaluations = 0
        self.go_on(None)

    def go_on(self, answers: Sequence[Answer] | None) -> None:
        """Give it the answers to what it asked for; None starts it."""
        self._refused.update(*(answer.refused for answer in answers or ()))
        try:
            self.asked = next(self._steps) if answers is None else self._steps.send([a.values for a in answers])
        except StopIteration as end:
            self.asked, self.finding = None, _without(end.value, self._refused)
            _check_finite(self._subject, self.finding, self._refused)


def _answers(subject: Subject, requests: Sequence[Request], rehearsal: bool) -> list[Answer]:
    """The answers to different requests; each kind is given all of its own together."""
    answers: dict[int, Answer] = {}
    for kind in dict.fromkeys(type(request) for request in requests):
        subject.target.require(kind.level)
        of_kind = {place: request for place, request in enumerate(requests) if type(request) is kind}
        if rehearsal:
            given = [Answer(request.rehearse(subject)) for request in of_kind.values()]
        else:
            given = kind.answer(subject, list(of_kind.values()))
        answers |= zip(of_kind, given, strict=True)
    return [answers[place] for place in range(len(requests))]


def _without(finding: Finding, refused: set[int]) -> Finding:
    """The finding with NaN as the statistic of some records."""
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


def lacking(
    store: FindingStore,
    questions: Questions,
    plans: Sequence[Plan],
    residual: bool,
    *,
    rows: Iterable[int] | None = None,
) -> list[tuple[list[int], list[Plan]]]:
    """Those of some rows (None: all) that lack findings, grouped by the plans that they lack, with these plans."""
    store.refresh()
    groups: dict[tuple[int, ...], list[int]] = {}
    for row in range(len(questions.keys)) if rows is None else rows:
        numbers = tuple(i for i, p in enumerate(plans) if not store.holds(p.key, questions.keys[row], residual))
        if numbers:
            groups.setdefault(numbers, []).append(row)
    return [(rows, [plans[i] for i in numbers]) for numbers, rows in groups.items()]


def rehearse(target: Target, plans: Sequence[Plan], caption: str | None, image_size: int) -> PassResult:
    """One pass about one blank record that asks nothing, to count what would be asked.

    Args:
        target: The target; its network is not called, but its files are read.
        plans: The attacks.
        caption: A caption that the target accepts.
        image_size: Side of the images in pixels.
    """
    blank = torch.full((1, 3, image_size, image_size), 127, dtype=torch.uint8)
    subject = Subject(target, ("rehearsal",), blank, (caption,))
    return run_pass(subject, [plan.begin(subject) for plan in plans], rehearsal=True)


def estimate(
    store: FindingStore, target: Target, questions: Questions, plans: Sequence[Plan], *, residual: bool = False
) -> Estimate:
    """What `fill` would cost; nothing is asked."""
    calls = images = 0
    for rows, missing in lacking(store, questions, plans, residual):
        one = rehearse(target, missing, questions.records.captions[rows[0]], questions.images.shape[-1])
        calls, images = calls + len(rows) * one.shared, images + len(rows) * one.images
    queries = calls + images
    return Estimate(
        records=len(questions.records),
        missing=queries,
        nfe=target.evaluations_behind(calls, images) if queries else 0,  # the target may load itself to tell
        seconds=None if queries else 0.0,
        money=images * target.price_per_image,
    )


@spent_together
def fill(
    store: FindingStore,
    target: Target,
    questions: Questions,
    plans: Sequence[Plan],
    *,
    residual: bool = False,
    rank: int = 0,
    world_size: int = 1,
    kept: Store | None = None,
) -> Cost:
    """Ask what the store does not hold yet, and store every batch of records at once.

    Args:
        store: The target's store.
        target: The target.
        questions: The records.
        plans: The attacks; they share what they ask alike.
        residual: Whether residual maps are kept too.
        rank: Number of this process among those that fill the store together.
        world_size: How many there are; each asks about its own share of the records.
        kept: Where the images that the target makes are stored before they are used.

    Returns:
        What this process spent; of the first one that a launcher started, what all of them did. `queries` counts
        distinct requests, `nfe` what the target counted itself, or else what it tells.
    """
    began, nfe, paid, calls, images = time.perf_counter(), target.nfe, target.charges(own=True).money, 0, 0

    def still(rows: Iterable[int]) -> list[tuple[list[int], list[Plan]]]:
        return lacking(store, questions, plans, residual, rows=rows)

    claims = Claims[int](
        store.path, questions.keys.__getitem__, lambda rows: [row for of, _ in still(rows) for row in of]
    )
    groups = still(range(rank, len(questions.keys), world_size))
    with progress(f"ask {target.name}", sum(len(rows) for rows, _ in groups), "records") as bar:
        for group, _ in groups:
            with claims.batches(group, target.batch_size, answered=bar.update) as batches:
                for rows, missing in (each for batch in batches for each in still(batch)):
                    subject = questions.subject(target, rows, kept)
                    result = run_pass(subject, [plan.begin(subject) for plan in missing])
                    store.append([questions.keys[row] for row in rows], _found(target, missing, result, residual))
                    n = len(rows)
                    calls, images = calls + n * result.shared, images + n * result.images
                    bar.update(n)
    told = target.evaluations_behind(calls, images) if nfe is None or target.nfe is None else target.nfe - nfe
    money = images * target.price_per_image if kept is None else target.charges(own=True).money - paid
    return Cost(calls + images, told, time.perf_counter() - began, money)


def _found(target: Target, plans: Sequence[Plan], result: PassResult, residual: bool) -> list[FoundBy]:
    """What a pass found, by plan, with what each costs alone; a guided prediction counts as its two evaluations."""
    return [
        FoundBy(
            plan=plan.key,
            evaluations=target.evaluations_behind(calls, images=0),
            statistic=finding.statistic,
            residual=finding.residual if residual else None,
        )
        for plan, finding, calls in zip(plans, result.findings, result.evaluations, strict=True)
    ]
