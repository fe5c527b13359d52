"""Asks a target everything that some attacks need about some records, once, and keeps what they find."""

import time
from collections.abc import Sequence

import torch

from lit_mia.batches import slices
from lit_mia.cost import Cost, Estimate, progress
from lit_mia.queries.findings import FindingStore, FoundBy
from lit_mia.queries.one_pass import PassResult, run_pass
from lit_mia.queries.plans import Plan, Questions
from lit_mia.queries.requests import Subject
from lit_mia.queries.store import Store
from lit_mia.targets.base import Target


def lacking(
    store: FindingStore,
    questions: Questions,
    plans: Sequence[Plan],
    residual: bool,
    *,
    rank: int = 0,
    world_size: int = 1,
) -> list[tuple[list[int], list[Plan]]]:
    """This rank's rows that lack findings, grouped by the plans that they lack, with these plans."""
    store.refresh()
    groups: dict[tuple[int, ...], list[int]] = {}
    for row in range(rank, len(questions.keys), world_size):
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
        What this process spent; `queries` counts distinct requests, `nfe` what the target counted itself, or else what
        it tells.
    """
    began, nfe, paid, calls, images = time.perf_counter(), target.nfe, target.charges(own=True).money, 0, 0
    groups = lacking(store, questions, plans, residual, rank=rank, world_size=world_size)
    with progress(f"ask {target.name}", sum(len(rows) for rows, _ in groups), "rec", rank) as bar:
        for group, missing in groups:
            for part in slices(len(group), target.batch_size):
                subject = questions.subject(target, group[part], kept)
                result = run_pass(subject, [plan.begin(subject) for plan in missing])
                store.append([questions.keys[row] for row in group[part]], _found(target, missing, result, residual))
                n = len(group[part])
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
