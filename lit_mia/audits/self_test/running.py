"""Runs a self-test: which trials there are, on how many processes, and what came of them."""

import logging
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

import torch
from threadpoolctl import threadpool_limits

from lit_mia.audits.base import Run
from lit_mia.audits.membership import MembershipAudit, accounts
from lit_mia.audits.self_test.journal import Journal
from lit_mia.audits.self_test.plantings import NOTHING, PLANTINGS, PlantingError
from lit_mia.audits.self_test.summary import summarised
from lit_mia.audits.self_test.trials import APART, PLACEBO, TOGETHER, Outcome, Trial, Trials
from lit_mia.errors import HeadError
from lit_mia.metrics.evidence import BY_COIN
from lit_mia.queries.progress import hidden, progress, say
from lit_mia.ranges import at_least, check
from lit_mia.report.membership.configuration import configuration_key
from lit_mia.report.membership.self_test_numbers import SelfTest

Make = Callable[[], MembershipAudit]


@dataclass(frozen=True)
class Effort:
    """How much a self-test does.

    Attributes:
        permutations: Audits with permuted labels, of the attacks that need no network of their own for each.
        planted: Audits of each shift, and of each strength of a leak.
        apart: Audits with permuted labels of all attacks, pixel heads among them, each of which is trained by itself.
        seeds: Heads of each attack and control in each audit.
        workers: Processes, of about 2 GB each; as many as there are processors, but at most 4, if not given.

    Raises:
        HeadError: If nothing would be tested.
    """

    permutations: int = 200
    planted: int = 40
    apart: int = 20
    seeds: int = 1
    workers: int | None = None

    def __post_init__(self) -> None:
        """Check the numbers."""
        given = {name: value for name, value in vars(self).items() if (name, value) != ("workers", None)}
        odd = [name for name, value in given.items() if not isinstance(value, int)]
        check(HeadError, (f"`{name}` of a self-test must be a whole number, but got {given[name]!r}" for name in odd))
        counted = {name: getattr(self, name) for name in ("permutations", "seeds", "workers")}
        more = {"planted": self.planted, "apart": self.apart}
        check(HeadError, at_least(1)("a self-test", **counted), at_least(0)("a self-test", **more))

    @property
    def processes(self) -> int:
        """Number of processes."""
        return self.workers or min(os.cpu_count() or 1, 4)


class Planned(NamedTuple):
    """The trials of a self-test, and what cannot be planted."""

    trials: list[Trial]
    not_planted: dict[str, str]


def run_self_test(make: Make, run: Run, effort: Effort) -> SelfTest:
    """Audit what was answered with other labels, and say how often the verdict is wrong; goes on where it was cut off.

    Args:
        make: Makes the audit anew; other processes call it too.
        run: Name, configuration and folder of the audit.
        effort: How much is done.

    Raises:
        HeadError: If the labels of the audit cannot be drawn anew, or nothing would be tested.
    """
    audit = expecting(make())
    audit.query()
    trials = Trials(audit, effort.seeds)
    planned, key = plan(trials, effort), key_of(audit, run)
    journal = Journal(run.output, key, effort.seeds)
    missing = [trial for trial in planned.trials if trial not in journal.done]
    if len(missing) < len(planned.trials):
        say(f"{len(planned.trials) - len(missing)} of {len(planned.trials)} audits were made before.")
    with progress("self-test", len(missing), "audits") as bar:
        for outcomes, seconds in _made(trials, make, missing, effort):
            journal.add(outcomes, seconds)
            left = sum(trial not in journal.done for trial in planned.trials)
            say(f"{len(planned.trials) - left} of {len(planned.trials)} audits")
            bar.update(len(outcomes))
    done = [journal.done[trial] for trial in planned.trials]
    origin = run.origin()
    found = SelfTest(
        configuration=key,
        name=origin.name,
        created=origin.created,
        seconds=sum(of.seconds for of in done),
        seeds=effort.seeds,
        audit_seeds=audit.budget.seeds,
        by_coin=audit.design in BY_COIN,
        trials=summarised([of.outcome for of in done if of.outcome.trial.planting != PLACEBO]),
        on_placebo=next((of.outcome.verdict for of in done if of.outcome.trial.planting == PLACEBO), None),
        not_planted=planned.not_planted,
        versions=origin.versions,
    )
    found.write(run.output)
    return found


def expecting(audit: MembershipAudit) -> MembershipAudit:
    """An audit that asks for all that other labels may choose from.

    Args:
        audit: An audit that has asked nothing yet.

    Raises:
        HeadError: If its labels cannot be drawn anew.
    """
    for scorer in audit.scorers:
        scorer.expect_other_labels()
    return audit


def key_of(audit: MembershipAudit, run: Run) -> str:
    """What is tested: the key that the report of the same audit has.

    Args:
        audit: An audit of which all was asked.
        run: Its name and configuration.
    """
    origin, sides = run.origin(), audit.sides
    models = {role: accounts.fingerprint_of(sides, role) or None for role in ("target", "placebo", "base")}
    return configuration_key(
        origin.config,
        answers=accounts.store_digest_of(sides),
        splits=audit.data.view.splits.digest,
        models=models,
        version=origin.versions["lit-mia"],
    )


def plan(trials: Trials, effort: Effort) -> Planned:
    """Which trials there are.

    Args:
        trials: Makes them.
        effort: How many.

    Raises:
        HeadError: If there would be none.
    """
    some, apart = bool(trials.attacks[False]), not trials.learn_together
    every = not some
    if every and not effort.apart:
        raise HeadError("All attacks of this audit train a network of their own, of which `apart` 0 tests nothing.")
    planned, not_planted = list[Trial](), dict[str, str]()
    if any(scorer.placed() for scorer in trials.audit.scorers):
        planned.append(Trial(PLACEBO, 0.0, 0, every))
    for planting in PLANTINGS:
        count = effort.permutations if planting.name == NOTHING else effort.planted
        count = min(count, effort.apart) if every else count
        try:
            if count:
                trials.tilt(planting.name)
        except PlantingError as error:
            not_planted[planting.name] = str(error)
            continue
        planned += [
            Trial(planting.name, strength, number, every) for strength in planting.strengths for number in range(count)
        ]
    if some and apart:
        planned += [Trial(NOTHING, 0.0, number, True) for number in range(effort.apart)]
    return Planned(planned, not_planted)


# ---------------------------------------------------------------------- processes


def blocks(trials: Sequence[Trial]) -> list[list[Trial]]:
    """Trials whose heads learn together; those with networks that learn apart come first, since they take longest."""
    ordered = sorted(trials, key=lambda trial: (not trial.every, trial.planting, trial.strength, trial.number))
    keyed = groupby(ordered, key=lambda trial: (trial.kind, trial.number // (APART if trial.every else TOGETHER)))
    return [list(of) for _, of in keyed]


def _made(
    trials: Trials, make: Make, missing: Sequence[Trial], effort: Effort
) -> Iterator[tuple[list[Outcome], float]]:
    """The outcomes of blocks, and the seconds that they took, in any order."""
    parts = blocks(missing)
    if min(effort.processes, len(parts)) <= 1:
        with _one_thread():
            yield from (_timed(trials, block) for block in parts)
        return
    pool = ProcessPoolExecutor(
        min(effort.processes, len(parts)),
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_begin,
        initargs=(make, effort.seeds),
    )
    try:
        futures = [pool.submit(_in_process, block) for block in parts]
        for future in as_completed(futures):
            yield future.result()
    except BrokenProcessPool as error:
        raise HeadError(
            "A process of the self-test ended early, as one does for which there is not enough memory; or that of a "
            "script which asks for the self-test outside of `if __name__ == '__main__':`, since each process reads the "
            "script anew. What was done is kept: put it there, or run the same again with fewer `workers`."
        ) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _timed(trials: Trials, block: Sequence[Trial]) -> tuple[list[Outcome], float]:
    began = time.perf_counter()
    return list(trials.outcomes(block)), time.perf_counter() - began


_IN_PROCESS: list[Trials] = []
"""What makes trials in another process."""
_OF_PROCESS = ExitStack()
"""What holds as long as it lives."""


@contextmanager
def _one_thread() -> Iterator[None]:
    """Use one thread, since heads are too small for more to pay, and do not say again how an audit goes."""
    before, silent = torch.get_num_threads(), logging.root.manager.disable
    torch.set_num_threads(1)
    logging.disable(logging.WARNING)
    try:
        with threadpool_limits(1), hidden():
            yield
    finally:
        torch.set_num_threads(before)
        logging.disable(silent)


def _begin(make: Make, seeds: int) -> None:
    _OF_PROCESS.enter_context(_one_thread())
    audit = expecting(make())
    audit.query()
    _IN_PROCESS[:] = [Trials(audit, seeds)]


def _in_process(block: Sequence[Trial]) -> tuple[list[Outcome], float]:
    return _timed(_IN_PROCESS[0], block)
