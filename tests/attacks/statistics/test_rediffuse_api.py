"""ReDiffuse through a variation API: the mean of what it returns, a planted signal, and none."""

import pytest
import torch
from optimal_denoiser import names, smooth_images

from lit_mia.attacks.statistics import ReDiffuse, ReDiffuseAPI
from lit_mia.errors import HeadError
from lit_mia.queries.generate import record_seed
from lit_mia.queries.plans import run_pass
from lit_mia.queries.requests import Subject
from lit_mia.targets.base import VaryTarget


class BrighterTarget(VaryTarget):
    """Only an API: the image itself, brighter by the length of its caption."""

    name = "brighter"
    batch_size = 2
    image_size = 8
    asked = 0

    def fingerprint(self):
        return {"kind": "brighter"}

    def vary(self, images, captions, seeds):
        self.asked += len(images)
        return images.add(torch.tensor([len(caption) for caption in captions], dtype=torch.uint8).view(-1, 1, 1, 1))


@pytest.fixture
def subject(planted):
    return planted.subject(rows=slice(98, 103))


def score(subject, attack):
    (setting,) = attack.settings()
    return run_pass(subject, [attack.measure(subject, setting)]).findings[0].statistic


@pytest.mark.parametrize("n", [1, 4])
def test_it_is_the_distance_to_the_mean_of_what_the_api_returns(subject, n):
    seeds = [[record_seed(0, f"vary/{name}", index) for name in subject.ids] for index in range(n)]
    returned = [subject.target.vary(subject.images, subject.captions, line).double() for line in seeds]
    difference = (subject.images.double() - sum(returned) / n) / 127.5
    expected = -difference.square().sum((1, 2, 3)).sqrt()
    torch.testing.assert_close(score(subject, ReDiffuseAPI(n)), expected, rtol=1e-8, atol=0)


def test_every_variation_is_another(subject):
    one, other = (subject.target.vary(subject.images, subject.captions, subject.seeds("vary", i)) for i in (0, 1))
    assert not torch.equal(one, other)


def test_an_api_is_all_that_it_takes():
    target, images = BrighterTarget(), smooth_images(3, seed=1).clamp(max=250)
    scores = score(Subject(target, names(3), images, ("a", "bb", "cccc")), ReDiffuseAPI(2))
    assert target.asked == 2 * 3
    torch.testing.assert_close(scores, -torch.tensor([1.0, 2.0, 4.0]) / 127.5 * 192**0.5)


def test_ssim_falls_with_the_difference():
    images = smooth_images(3, seed=1, side=16).clamp(max=150)
    scores = score(
        Subject(BrighterTarget(), names(3), images[:1].expand(3, -1, -1, -1), ("", "x" * 20, "x" * 80)),
        ReDiffuseAPI(2, "ssim"),
    )
    assert scores[0] == 1
    assert scores[0] > scores[1] > scores[2]


def test_it_is_near_rediffuse_where_the_api_does_the_same(planted):
    """Other noise, and rounding to integers: the two rank records of very different scores alike."""
    subject = planted.subject()
    pairs = torch.stack([score(subject, ReDiffuseAPI()), score(subject, ReDiffuse())])
    assert float(torch.corrcoef(pairs)[0, 1]) > 0.99


def test_it_finds_memorised_images(planted):
    assert planted.auc(ReDiffuseAPI()) > 0.9


def test_it_finds_nothing_where_nothing_is(unrelated, chance):
    assert abs(unrelated.auc(ReDiffuseAPI()) - 0.5) < chance


def test_it_asks_the_api_and_not_the_denoiser(subject):
    attack = ReDiffuseAPI(3)
    result = run_pass(subject, [attack.measure(subject, {"n": 3})])
    assert (result.evaluations, result.shared) == ([0], 0)
    assert subject.target.nfe == 3 * 2 * len(subject.ids)  # what the API does inside: two steps per variation


@pytest.mark.parametrize("n", [0, []])
def test_no_variations_are_refused(n):
    with pytest.raises(HeadError, match=r"`n` of ReDiffuse-API must be at least 1, but got"):
        ReDiffuseAPI(n)
