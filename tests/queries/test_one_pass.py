"""The shared pass: what it saves, and that no score depends on what else is asked."""

from dataclasses import replace

import pytest
import torch
from optimal_denoiser import OptimalTarget, names, smooth_images

from lit_mia.attacks.statistics import PIA, PIAN, CLiD, Loss, ReDiffuse, ReDiffuseAPI, SecMI, SimA, SimAMC
from lit_mia.queries.plans import run_pass
from lit_mia.queries.requests import Finding, NoisePrediction, Subject
from lit_mia.targets.denoiser import DenoiserTarget

SETTINGS = [
    SecMI(t=list(range(50, 151, 10))),
    PIA(t=list(range(50, 501, 50))),
    PIAN(t=list(range(50, 501, 50))),
    SimA(t=list(range(0, 301, 50))),
    ReDiffuse(t=200, k=100, n=[1, 2, 5, 10, 20]),
]
MIXED = [Loss(), SecMI(), PIA(), PIAN(), SimA(), SimAMC(draws=3), ReDiffuse(n=2), CLiD([440, 450], 1)]
ROUNDING = {"rtol": 1e-3, "atol": 1e-7}  # single precision; the rises of CLiD are small differences
CAPTIONS = ("a red cat", "two dogs", "the moon", "noon")


def optimal(dtype=torch.float64, batch_size=256, captions=None):
    return OptimalTarget(smooth_images(20, seed=1, side=16), captions, dtype=dtype, batch_size=batch_size)


@pytest.fixture
def network(tiny_pipeline_folder):
    """Makes the tiny Stable Diffusion."""
    return lambda **options: DenoiserTarget(str(tiny_pipeline_folder), device="cpu", **options)


@pytest.fixture(params=["optimal", "network"])
def target(request, network):
    """A fresh target in double precision."""
    return optimal() if request.param == "optimal" else network(precision="float64")


def about(target, rows=(0, 1, 2, 3)):
    """These of four records before the target: two of the optimal denoiser's training set, two others."""
    images = torch.cat([smooth_images(20, seed=1, side=16)[:2], smooth_images(2, seed=2, side=16)])
    ids, captions = names(4), CAPTIONS
    return Subject(target, tuple(ids[i] for i in rows), images[list(rows)], tuple(captions[i] for i in rows), seed=7)


def measure(target, attacks, rows=(0, 1, 2, 3)):
    subject = about(target, rows)
    return run_pass(subject, [attack.measure(subject, setting) for attack in attacks for setting in attack.settings()])


def settings_one_by_one(attacks):
    """Each setting as an attack of its own."""
    return [type(attack)(**attack.parameters | setting) for attack in attacks for setting in attack.settings()]


def statistics(result):
    return [finding.statistic for finding in result.findings]


def assert_same(found, expected, rtol, atol=0):
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=rtol, atol=atol)


# ---------------------------------------------------------------------- what is saved


def test_many_settings_cost_84_evaluations_instead_of_255(target):
    result = measure(target, SETTINGS)
    assert len(result.findings) == 11 + 10 + 10 + 7 + 5
    assert sum(result.evaluations) == 255
    assert result.shared == 84
    assert target.nfe == 84 * 4


def test_alone_the_attacks_find_the_same_for_255_evaluations(target):
    alone = [measure(target, [attack]).findings[0].statistic for attack in settings_one_by_one(SETTINGS)]
    assert target.nfe == 255 * 4
    assert_same(statistics(measure(target, SETTINGS)), alone, rtol=1e-8)


def test_the_loss_shares_the_first_step_of_rediffuse(target):
    result = measure(target, [ReDiffuse(), Loss(t=200)])
    assert (result.evaluations, result.shared) == ([20, 1], 20)


def test_the_loss_shares_the_captioned_part_of_clid(network):
    result = measure(network(), [CLiD(), Loss(t=440)])
    assert (result.evaluations, result.shared) == ([15, 1], 15)


def test_another_condition_is_another_question():
    target = optimal(captions=[CAPTIONS[number % 4] for number in range(20)])
    subject = about(target)

    def ask():
        conditions = (subject.condition, subject.empty_condition)
        captioned, empty = yield [NoisePrediction(subject.x0, 300, condition) for condition in conditions]
        return Finding(captioned, empty)

    result = run_pass(subject, [ask()])
    assert result.shared == 2
    assert not torch.allclose(result.findings[0].statistic, result.findings[0].residual)


def test_another_timestep_is_another_question():
    assert measure(optimal(), [SimA(t=[100, 101], raw_x0=True)]).shared == 2


def test_inputs_of_equal_sum_are_not_confused():
    subject = about(optimal())
    whole = subject.images.double()  # integers, so that the sums are exactly equal

    def ask(x):
        (eps,) = yield [NoisePrediction(x, 500, subject.condition)]
        return Finding(eps, eps.abs())

    result = run_pass(subject, [ask(whole), ask(whole.flip(-1)), ask(whole.clone())])
    assert whole.sum() == whole.flip(-1).sum()
    assert result.shared == 2
    one, flipped, again = statistics(result)
    assert not torch.allclose(one, flipped)
    assert torch.equal(one, again)


def test_guidance_counts_twice(network):
    guided, plain = network(guidance=3.0), network()
    attacks = [Loss(), ReDiffuse(n=2)]
    with_guidance, without = measure(guided, attacks), measure(plain, attacks)
    assert with_guidance.evaluations == without.evaluations == [1, 4]
    assert guided.nfe == 2 * plain.nfe == 2 * 5 * 4
    assert guided.evaluations_per_call == 2
    assert not torch.allclose(statistics(with_guidance)[0], statistics(without)[0])


# ---------------------------------------------------------------------- what must not matter


@pytest.fixture(params=["optimal", "network"])
def single(request, network):
    """Makes a target in single precision."""
    return (lambda **options: optimal(torch.float32, **options)) if request.param == "optimal" else network


@pytest.mark.parametrize("batch_size", [1, 3])
def test_the_batch_size_does_not_matter(single, batch_size):
    assert_same(
        statistics(measure(single(batch_size=batch_size), MIXED)), statistics(measure(single(), MIXED)), **ROUNDING
    )


def test_the_order_of_the_records_does_not_matter(single):
    rows = [2, 0, 3, 1]
    expected = [statistic[rows] for statistic in statistics(measure(single(), MIXED))]
    assert_same(statistics(measure(single(), MIXED, rows)), expected, **ROUNDING)


def test_the_other_records_do_not_matter(single):
    target = single()
    apart = [statistics(measure(target, MIXED, [row])) for row in range(4)]
    together = statistics(measure(target, MIXED))
    assert_same([torch.cat(parts) for parts in zip(*apart, strict=True)], together, **ROUNDING)


def test_another_seed_or_id_is_other_noise():
    subject = about(optimal())
    others = [replace(subject, seed=8, _noise={}), replace(subject, ids=names(8)[4:], _noise={})]
    assert not any(torch.allclose(other.noise(0), subject.noise(0)) for other in others)
    assert not torch.allclose(subject.noise(0), subject.noise(1))


# ---------------------------------------------------------------------- the course of a pass


def test_findings_come_in_the_order_of_the_attacks(target):
    forward, backward = measure(target, MIXED[:7]), measure(target, MIXED[6::-1])
    assert_same(statistics(backward)[::-1], statistics(forward), rtol=1e-8)
    assert backward.evaluations[::-1] == forward.evaluations
    assert all(not torch.equal(forward.findings[0].statistic, finding.statistic) for finding in forward.findings[1:])


def test_attacks_of_different_length_all_finish(target):
    attacks = [Loss(), SecMI(t=150), PIA(), SecMI(t=50)]
    result = measure(target, attacks)
    assert result.evaluations == [1, 17, 2, 7]
    assert_same(statistics(result), [statistics(measure(target, [attack]))[0] for attack in attacks], rtol=1e-8)


def test_an_attack_that_asks_nothing_finishes():
    subject = about(optimal())

    def brightness():
        yield from ()
        return Finding(subject.pixels.mean((1, 2, 3)), subject.pixels.abs())

    result = run_pass(subject, [brightness(), Loss().measure(subject, {"t": 350})])
    assert torch.equal(result.findings[0].statistic, subject.pixels.mean((1, 2, 3)))
    assert result.evaluations == [0, 1]


def test_no_attacks_are_no_findings():
    assert run_pass(about(optimal()), []).findings == []


def test_variations_and_evaluations_in_one_pass(target):
    attacks = [ReDiffuseAPI(n=2), ReDiffuse(n=2), ReDiffuseAPI(n=3)]
    result = measure(target, attacks)
    assert (result.evaluations, result.shared, result.images) == ([0, 4, 0], 4, 3)
    assert target.nfe == 4 * (4 + 3 * 2)  # a variation is two steps inside the target
    assert_same(statistics(result), [statistics(measure(target, [attack]))[0] for attack in attacks], rtol=1e-8)
