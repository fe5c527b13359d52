"""One pass over a batch of records answers all attacks on them together.

An attack is a generator that yields lists of requests and is sent the answers. The pass runs all generators side by
side: in each round it gathers what every attack asks, asks equal things once, and gives each kind of request all of its
own together, so that a denoiser gets full batches.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import final

import torch

from lit_mia.errors import TargetError
from lit_mia.queries.requests import Answer, Finding, Request, Steps, Subject


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
    findings, alone = [course.finding for course in courses], [course.evaluations for course in courses]
    return PassResult(findings, alone, shared, images)


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
