"""Asks a target everything that some attacks need about some records, in one pass, and keeps what they find."""

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray

from lit_mia.cost import Cost
from lit_mia.progress import progress
from lit_mia.queries.denoise import AskedTarget, PassResult, Steps, Subject, run_pass
from lit_mia.queries.findings import Column, FindingStore
from lit_mia.queries.store import Store
from lit_mia.records import Records
from lit_mia.targets.base import DenoiseTarget, GenerateTarget


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
    """The records of a sweep.

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
            hashlib.sha256(
                json.dumps([name, hashlib.sha256(image.tobytes()).hexdigest(), caption, self.seed]).encode()
            ).hexdigest()
            for name, image, caption in rows
        ]

    def subject(self, target: AskedTarget, rows: Sequence[int], kept: Store | None = None) -> Subject:
        """Some of the records, as attacks see them."""
        table, images = self.records.select(rows), torch.from_numpy(self.images[list(rows)])
        return Subject(target, table.ids, images, table.captions, self.seed, kept)


def sweep(
    store: FindingStore,
    target: AskedTarget,
    questions: Questions,
    plans: Sequence[Plan],
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
        What this process spent; `queries` counts distinct requests, `nfe` what a denoiser's counter says, or what the
        target tells of its images.
    """
    keys = questions.keys
    began, nfe, paid, queries, images = time.perf_counter(), _nfe(target), target.charges(own=True).money, 0, 0
    groups = lacking(store, questions, plans, residual, rank, world_size)
    total = sum(len(rows) for rows, _ in groups)
    with progress(f"ask {target.name}", total, "rec", rank) as bar:
        for rows, missing in _batches(groups, target.batch_size):
            subject = questions.subject(target, rows, kept)
            result = run_pass(subject, [plan.begin(subject) for plan in missing])
            _keep(store, [keys[row] for row in rows], _columns(target, missing, result), result, residual)
            queries += len(rows) * (result.shared + result.images)
            images += len(rows) * result.images
            bar.update(len(rows))
    told = target.nfe_per_image if isinstance(target, GenerateTarget) else 0
    money = images * target.price_per_image if kept is None else target.charges(own=True).money - paid
    return Cost(queries, _nfe(target) - nfe + images * told, time.perf_counter() - began, money)


def lacking(
    store: FindingStore,
    questions: Questions,
    plans: Sequence[Plan],
    residual: bool,
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


def _batches(groups: Sequence[tuple[list[int], list[Plan]]], batch_size: int) -> Iterator[tuple[list[int], list[Plan]]]:
    for rows, plans in groups:
        for start in range(0, len(rows), batch_size):
            yield rows[start : start + batch_size], plans


def _columns(target: AskedTarget, plans: Sequence[Plan], result: PassResult) -> list[Column]:
    """The plans with what each costs alone; a guided prediction counts as its two evaluations."""
    calls = target.evaluations_per_call if isinstance(target, DenoiseTarget) else 1
    return [Column(plan.key, count * calls) for plan, count in zip(plans, result.evaluations, strict=True)]


def _keep(
    store: FindingStore, keys: Sequence[str], columns: Sequence[Column], result: PassResult, residual: bool
) -> None:
    residuals = [finding.residual for finding in result.findings] if residual else None
    store.append(keys, columns, [finding.statistic for finding in result.findings], residuals)


def _nfe(target: AskedTarget) -> int:
    return target.nfe if isinstance(target, DenoiseTarget) else 0
