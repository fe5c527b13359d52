"""The subset loss: its formula, which subsets are drawn, a planted signal, and none."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from optimal_denoiser import OptimalTarget, names, smooth_images

from lit_mia.attacks.statistics import Loss, SubsetLoss
from lit_mia.attacks.statistics.subset_loss import dealt
from lit_mia.errors import HeadError
from lit_mia.queries.plans import run_pass
from lit_mia.queries.requests import Subject


def record_by_record(error, rows):
    """Minus the sums of the squared errors, one subset after another."""
    return torch.stack(
        [
            torch.stack([-one.flatten(1)[:, subset].square().sum() for subset in subsets])
            for one, subsets in zip(error, rows, strict=True)
        ]
    )


@pytest.mark.parametrize(("t", "subsets", "size"), [(35, 6, 10), (350, 30, 3), (999, 2, 200)])
def test_it_is_the_squared_error_over_subsets(case, t, subsets, size):
    e = case.subject.noise(0)
    error = e - case.eps(case.noised(case.x0, e, t), t)
    rows = dealt(case.subject.seeds("subsets", t), 16 * 16, (subsets, size))
    case.check(SubsetLoss(t, subsets, size), record_by_record(error, rows), error.abs())


def test_it_works_on_latents(latent_case):
    e = latent_case.subject.noise(0)
    error = e - latent_case.eps(latent_case.noised(latent_case.x0, e, 350), 350)
    positions = error[0, 0].numel()
    rows = dealt(latent_case.subject.seeds("subsets", 350), positions, (5, positions // 2))
    latent_case.check(SubsetLoss(350, 5, positions // 2), record_by_record(error, rows), error.abs())


def test_all_positions_in_one_subset_are_the_loss(case):
    found = case.find(SubsetLoss(subsets=3, size=16 * 16)).statistic
    for column in found.T:
        torch.testing.assert_close(column, case.score(Loss()), rtol=case.rtol, atol=0)


def test_alone_it_is_the_mean_over_the_subsets():
    statistic = np.arange(12.0).reshape(3, 4)
    assert SubsetLoss().combine(statistic, {"t": 350}, np.arange(2)).tolist() == [1.5, 5.5, 9.5]


@pytest.mark.parametrize(("positions", "subsets", "size"), [(64, 128, 10), (4096, 128, 10), (10, 4, 10), (7, 5, 1)])
def test_subsets_are_of_different_positions_and_use_all_equally(positions, subsets, size):
    seeds = list(range(200))
    rows = dealt(seeds, positions, (subsets, size))
    assert rows.shape == (200, subsets, size)
    assert (rows.sort(dim=2).values.diff(dim=2) > 0).all()
    per_deal = positions // size
    first = rows[:, :per_deal].flatten(1)  # of one deal: no position twice
    assert (first.sort(dim=1).values.diff(dim=1) > 0).all()
    counts = torch.bincount(rows.flatten(), minlength=positions).numpy()
    share = subsets * size / positions
    assert len(counts) == positions
    assert np.abs(counts / len(seeds) - share).max() < 6 * np.sqrt(share / len(seeds))


def test_a_record_has_the_same_subsets_in_every_batch():
    together = dealt([5, 6, 7], 64, (9, 10))
    assert torch.equal(together[1:2], dealt([6], 64, (9, 10)))
    assert not torch.equal(together[0], together[1])


def test_two_targets_are_compared_on_the_same_subsets_and_two_timesteps_on_others():
    images = smooth_images(4, seed=5)
    subjects = [Subject(OptimalTarget(smooth_images(9, seed)), names(4), images, (None,) * 4) for seed in (1, 2)]
    attack, found = SubsetLoss([100, 350]), []
    for subject in subjects:
        rows = [dealt(subject.seeds("subsets", setting["t"]), 64, (128, 10)) for setting in attack.settings()]
        results = run_pass(subject, [attack.measure(subject, setting) for setting in attack.settings()]).findings
        for result, drawn in zip(results, rows, strict=True):
            torch.testing.assert_close(result.statistic, record_by_record(result.residual, drawn))
        found.append((results[0].statistic, rows))
    (first, rows), (second, again) = found
    assert all(map(torch.equal, rows, again))
    assert not torch.equal(*rows)
    assert not torch.equal(first, second)
    assert replace(subjects[0], seed=1).seeds("subsets", 350) != subjects[0].seeds("subsets", 350)


def test_it_finds_memorised_images(planted):
    assert planted.auc(SubsetLoss()) > 0.9


def test_it_finds_nothing_where_nothing_is(unrelated, chance):
    assert abs(unrelated.auc(SubsetLoss()) - 0.5) < chance


def test_it_asks_once_and_shares_the_question_of_the_loss(cost):
    assert cost(SubsetLoss()) == 1
    images = smooth_images(2, seed=5)
    subject = Subject(OptimalTarget(images), names(2), images, (None,) * 2)
    steps = [attack.measure(subject, {"t": 350}) for attack in (Loss(), SubsetLoss())]
    assert run_pass(subject, steps).shared == 1


def test_more_positions_than_there_are_is_refused_before_anything_is_asked(case):
    before = case.subject.target.nfe
    with pytest.raises(HeadError, match=r"at most 256, since this target's maps have 16 × 16 positions, but got 257"):
        case.find(SubsetLoss(size=257))
    assert case.subject.target.nfe == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"t": -1}, "`t` of Subset loss must be at least 0, but got -1"),
        ({"subsets": 0}, "`subsets` of Subset loss must be at least 1, but got 0"),
        ({"size": 0}, "`size` of Subset loss must be at least 1, but got 0"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments, message):
    with pytest.raises(HeadError, match=message):
        SubsetLoss(**arguments)
