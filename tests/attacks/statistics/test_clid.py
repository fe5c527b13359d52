"""CLiD: its formula, its scaling, a planted signal, and none."""

import numpy as np
import pytest
import torch
from sklearn.preprocessing import RobustScaler

from lit_mia.attacks.statistics import CLiD
from lit_mia.errors import HeadError
from lit_mia.queries.plans import run_pass


def squared_errors(case, timesteps, text):
    """(ε − e)² of each draw, `[m, b, c, h, w]`."""
    noise = [case.subject.noise(draw) for draw in range(len(timesteps))]
    pairs = zip(timesteps, noise, strict=True)
    return torch.stack([(case.eps(case.noised(case.x0, e, t), t, text) - e).square() for t, e in pairs])


@pytest.mark.parametrize(("timesteps", "n"), [([440, 450, 460], 3), ([100, 7], 1)])
def test_its_components_are_the_loss_and_how_it_rises_without_words(latent_case, timesteps, n):
    target, captions = latent_case.subject.target, list(latent_case.subject.captions)
    reduced = [target.reduced_condition(captions, share).parts["text"] for share in (0.3, 0.5, 0.7)]
    reduced.append(target.condition([None] * 4).parts["text"])
    own = squared_errors(latent_case, timesteps, latent_case.text).mean(0)
    rises = [squared_errors(latent_case, timesteps[:n], text).mean(0) - own for text in reduced]
    statistic = torch.stack([part.mean((1, 2, 3)) for part in (own, *rises)], dim=1)
    latent_case.check(CLiD(timesteps, n), statistic, (sum(rises) / 4).abs())


@pytest.mark.parametrize("alpha", [0.0, 0.3, 0.9, 1.0])
def test_the_score_weighs_robustly_scaled_terms(alpha):
    components = np.random.default_rng(0).lognormal(size=(50, 5))
    reference = np.arange(0, 30, 2)
    terms = np.stack([-components[:, 0], components[:, 1:].mean(1)], axis=1)
    loss, rise = RobustScaler().fit(terms[reference]).transform(terms).T
    score = CLiD().combine(components, {"alpha": alpha}, reference)
    np.testing.assert_allclose(score, (1 - alpha) * loss + alpha * rise, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("alpha", [0.0, 0.9, 1.0])
def test_it_finds_memorised_images(planted, alpha):
    assert planted.auc(CLiD(alpha=alpha)) > 0.9


def test_it_finds_nothing_where_nothing_is(unrelated, chance):
    assert abs(unrelated.auc(CLiD()) - 0.5) < chance


def test_other_captions_take_the_rise_away(planted):
    """Under captions that it does not know the target has nothing to lose."""
    subject = planted.subject(captioned=True, rows=slice(0, 5))
    strangers = type(subject)(subject.target, subject.ids, subject.images, ("nobody knows this",) * 5)
    known, unknown = (
        run_pass(records, [CLiD().measure(records, {"alpha": 0.9})]).findings[0].statistic
        for records in (subject, strangers)
    )
    assert (known[:, 1:].mean(1) > 0).all()
    assert unknown[:, 1:].abs().max() < 1e-12


@pytest.mark.parametrize(("timesteps", "n", "evaluations"), [(None, 3, 15), ([440], 1, 5), ([100, 200, 300], 1, 7)])
def test_it_asks_m_times_and_n_times_for_each_reduced_caption(cost, timesteps, n, evaluations):
    assert cost(CLiD(timesteps, n)) == evaluations


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"alpha": 1.5}, r"`alpha` of CLiD must be in \[0, 1\], but got 1.5"),
        ({"alpha": [0.5, 2]}, r"`alpha` of CLiD must be in \[0, 1\], but got \[0.5, 2\]"),
        ({"alpha": -0.1}, r"`alpha` of CLiD must be in \[0, 1\], but got -0.1"),
        ({"alpha": []}, r"`alpha` of CLiD must be in \[0, 1\]"),
        ({"timesteps": []}, "`timesteps` of CLiD must be at least 0"),
        ({"timesteps": [-1], "reduced_draws": 1}, r"`timesteps` of CLiD must be at least 0, but got \[-1\]"),
        ({"reduced_draws": 0}, "`reduced_draws` of CLiD must be at least 1, but got 0"),
        ({"reduced_draws": 4}, "`reduced_draws` of CLiD must be at most 3, but got 4"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments, message):
    with pytest.raises(HeadError, match=message):
        CLiD(**arguments)
