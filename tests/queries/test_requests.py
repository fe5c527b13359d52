"""Kinds of requests: what a new one must bring, how equal ones are known, and what a rehearsal answers."""

from dataclasses import dataclass

import pytest
import torch
from memory_source import MemorySource
from optimal_denoiser import OptimalTarget, names, smooth_images

from lit_mia.errors import TargetError
from lit_mia.queries.findings import FindingStore
from lit_mia.queries.plans import Plan, Questions, estimate, fill, run_pass
from lit_mia.queries.requests import Answer, Finding, Generation, NoisePrediction, Request, Subject, Variation
from lit_mia.queries.requests.variation import VariationQuery
from lit_mia.targets.base import AccessLevel, Target

N = 6
IMAGES = smooth_images(N, 0)


class Likeness(Target):
    """Tells how bright an image is, and refuses the darkest."""

    name, batch_size = "likeness", 4
    offers = frozenset({AccessLevel.EMBED})
    asked = 0

    def fingerprint(self):
        return {"kind": "likeness"}

    def evaluations_behind(self, calls, images):
        return 3 * calls

    def likeness(self, images):
        self.asked += len(images)
        return images.double().mean((1, 2, 3))


@dataclass(frozen=True)
class Brightness(Request):
    """A kind of request that the package does not have."""

    level = AccessLevel.EMBED
    times: int

    @classmethod
    def answer(cls, subject, requests):
        target = Likeness.of(subject.target)
        found = [target.likeness(subject.images) * request.times for request in requests]
        return [Answer(values, [int(values.argmin())]) for values in found]

    def rehearse(self, subject):
        return torch.rand(len(subject.ids))


def bright(subject, *times):
    answers = yield [Brightness(number) for number in times]
    return Finding(torch.stack(answers).sum(0), subject.pixels.abs())


def subject_of(target):
    return Subject(target, names(N), IMAGES, (None,) * N)


def test_a_new_kind_is_answered_counted_and_rehearsed(tmp_path):
    target = Likeness()
    store = FindingStore(tmp_path, target.fingerprint())
    questions = Questions(MemorySource(IMAGES, [1, 0] * (N // 2)).load(), IMAGES.numpy(), 0)
    plans = [Plan("once", lambda subject: bright(subject, 1, 1, 2)), Plan("also", lambda subject: bright(subject, 1))]
    dry = estimate(store, target, questions, plans)
    assert target.asked == 0
    cost = fill(store, target, questions, plans)
    assert target.asked == cost.queries == dry.missing == 2 * N
    assert cost.nfe == dry.nfe == 3 * 2 * N
    assert (store.evaluations("once"), store.evaluations("also")) == (6, 3)
    found = torch.from_numpy(store.statistics("once", questions.keys)[:, 0])
    expected = 4 * IMAGES.double().mean((1, 2, 3))
    refused = {int(expected[:4].argmin()), 4 + int(expected[4:].argmin())}  # one in each batch of four
    assert {*found.isnan().nonzero().flatten().tolist()} == refused
    kept = found.isfinite()
    torch.testing.assert_close(found[kept], expected[kept])


@pytest.mark.parametrize("rehearsal", [False, True])
def test_what_the_target_does_not_offer_is_not_asked(rehearsal):
    target = OptimalTarget(IMAGES)
    subject = subject_of(target)
    with pytest.raises(TargetError, match=r"'optimal' does not offer the access level 'embed'.*denoise, vary"):
        run_pass(subject, [bright(subject, 1)], rehearsal)
    assert target.nfe == 0


def test_equal_requests_are_equal_in_every_bit():
    target = OptimalTarget(IMAGES)
    subject = subject_of(target)
    request = NoisePrediction(subject.x0, 5, subject.condition)
    again = NoisePrediction(subject.x0.clone(), 5, subject.condition)
    assert request == again
    assert hash(request) == hash(again)
    others = [
        NoisePrediction(subject.x0, 6, subject.condition),
        NoisePrediction(subject.x0, 5, target.condition(subject.captions)),
        NoisePrediction(subject.x0.flip(-1), 5, subject.condition),
        Variation(5),
    ]
    assert all(request != other for other in others)
    assert Variation(5) == Variation(5) != Variation(4)
    assert Variation(5) != Generation(5)


def test_a_rehearsal_answers_in_the_form_of_an_answer():
    target = OptimalTarget(IMAGES)
    subject = subject_of(target)
    for request in (NoisePrediction(subject.x0, 5, subject.condition), Variation(0)):
        (asked,) = type(request).answer(subject, [request])
        before = target.nfe
        rehearsed = request.rehearse(subject)
        assert (rehearsed.shape, rehearsed.dtype) == (asked.values.shape, asked.values.dtype)
        assert target.nfe == before
    assert Generation(0).rehearse(subject).shape == IMAGES.shape


def test_stored_variations_are_found_again():
    image = torch.arange(3 * 2 * 2, dtype=torch.uint8).view(3, 2, 2)
    captioned, bare = (VariationQuery("r", image, caption, 7).key for caption in ("a cat", None))
    assert captioned == "dd0e74937dbe09472e36421723bf835707375e77ad02130e2bb3469be8fc4e21"
    assert bare == "b05245bbf496e2e4e16cac7d5f5120528e0efde48991a645231b988f1dc594c6"
