"""Wen's prompt statistic: its formula on networks of diffusers, what it does not read, a planted signal, and none."""

from dataclasses import replace

import pytest
import torch
from memory_source import MemorySource
from optimal_denoiser import OptimalTarget, names, smooth_images
from sklearn.metrics import roc_auc_score

from datamodules import StatisticDataModule, Wanted
from lit_mia.attacks.calibration.difference import difference
from lit_mia.attacks.statistics import ConditionalDifference
from lit_mia.errors import HeadError
from lit_mia.models.draws import normal
from lit_mia.queries.generate import record_seed
from lit_mia.queries.plans import run_pass
from lit_mia.queries.requests import Subject
from lit_mia.targets.denoiser import DenoiserTarget

N = 100  # records of each class
WORDS = tuple(f"the caption of {name}" for name in names(2 * N))
HELD = smooth_images(2 * N, seed=1)
BEFORE = smooth_images(60, seed=3)


def found(subject, attack):
    (setting,) = attack.settings()
    (finding,) = run_pass(subject, [attack.measure(subject, setting)]).findings
    return finding.statistic


def records(target, captions=WORDS, images=HELD):
    return Subject(target, names(len(captions)), images[: len(captions)], captions, seed=2)


@pytest.mark.parametrize(("t", "n"), [(999, 4), (981, 1), (200, 3)])
def test_it_is_how_far_the_caption_moves_the_prediction_at_noise_that_all_records_share(latent_case, t, n):
    pipeline_text = latent_case.subject.target.condition([None] * 4).parts["text"]
    shape, seed = latent_case.x0.shape[1:], latent_case.subject.seed
    norms, maps = torch.zeros(4, dtype=torch.float64), 0
    for draw in range(n):
        noise = torch.randn(
            tuple(shape), generator=torch.Generator().manual_seed(record_seed(seed, "common noise", draw))
        ).double()
        for row in range(4):
            one, text = noise[None], latent_case.text[row : row + 1]
            moved = latent_case.eps(one, t, text) - latent_case.eps(one, t, pipeline_text[row : row + 1])
            norms[row] += torch.linalg.vector_norm(moved) / n
        whole = noise.expand_as(latent_case.x0)
        maps += (latent_case.eps(whole, t, latent_case.text) - latent_case.eps(whole, t, pipeline_text)).abs() / n
    latent_case.check(ConditionalDifference(t, n), norms, maps)


def test_the_empty_caption_of_the_pipeline_moves_nothing(latent_case):
    bare = replace(latent_case.subject, captions=("", "a red cat", "", "moon"))
    scores = found(bare, ConditionalDifference())
    assert (scores[[0, 2]] == 0).all()
    assert (scores[[1, 3]] > 0).all()


def test_the_image_and_the_id_do_not_matter_but_the_seed_does(latent_case):
    subject, attack = latent_case.subject, ConditionalDifference()
    own = found(subject, attack)
    others = replace(subject, ids=names(9)[5:], images=smooth_images(4, seed=9, side=16), _noise={}, _reduced={})
    assert torch.equal(found(others, attack), own)
    assert not torch.allclose(found(replace(subject, seed=5), attack), own)


def test_target_and_base_see_the_same_noise():
    draws = [records(OptimalTarget(HELD[:many], WORDS[:many])).common_noise(3) for many in (5, 9)]
    assert torch.equal(*draws)
    assert (draws[0] == draws[0][:1]).all()
    assert torch.equal(draws[0][0], normal((3, 8, 8), [record_seed(2, "common noise", 3)])[0].double())


def test_it_finds_captions_that_make_the_target_repeat_an_image():
    """The target knows an image for each caption of a member, and nothing of the others' captions."""
    knows = OptimalTarget(torch.cat([HELD[:N], BEFORE]), [*WORDS[:N], *[None] * 60])
    scores = found(records(knows), ConditionalDifference())
    assert roc_auc_score([1] * N + [0] * N, scores) > 0.99


def test_it_finds_nothing_where_captions_say_the_same_of_both_sides(chance):
    """Every caption has one image of its own, whichever side it is on."""
    knows = OptimalTarget(torch.cat([HELD, BEFORE]), [*WORDS, *[None] * 60])
    scores = found(records(knows), ConditionalDifference())
    assert scores.unique().shape == scores.shape
    assert abs(roc_auc_score([1] * N + [0] * N, scores) - 0.5) < chance


def test_the_difference_to_the_base_ranks_first_what_the_target_alone_repeats(tmp_path):
    """The base repeats an image for every second caption; the target learns those of the first half too."""
    models = []
    for known in ([*range(0, 2 * N, 2)], sorted({*range(0, 2 * N, 2), *range(N)})):
        models.append(OptimalTarget(torch.cat([HELD[known], BEFORE]), [*(WORDS[i] for i in known), *[None] * 60]))
    base, target = models
    source = MemorySource(HELD, [1] * N + [0] * N, WORDS)
    data = StatisticDataModule(source, target, str(tmp_path / "target"), 8, base=base, near_duplicates="report")
    attack = ConditionalDifference()
    (setting,), wanted, answers = attack.settings(), Wanted.every_setting([attack]), []
    for side in (data, data.base):
        side.ask(wanted)
        side.fill(data.view.labelled)
        answers.append(side.statistics(attack, setting, data.view.labelled)[:, 0])
    taught = [int(i[1:]) < N and int(i[1:]) % 2 == 1 for i in data.view.labelled.ids]
    assert roc_auc_score(taught, answers[0]) < 0.8
    assert roc_auc_score(taught, difference(*answers)) > 0.99
    assert data.evaluations(attack, setting) == data.base.evaluations(attack, setting) == 8


@pytest.mark.parametrize("n", [1, 4])
def test_it_asks_twice_per_noise(cost, n):
    assert cost(ConditionalDifference(n=n)) == 2 * n


def test_more_noises_share_those_of_fewer_and_settings_share_nothing():
    subject = records(OptimalTarget(HELD[:5], WORDS[:5]), WORDS[:3])
    attacks = [(ConditionalDifference(n=2), 999), (ConditionalDifference(n=3), 999), (ConditionalDifference(n=3), 981)]
    result = run_pass(subject, [attack.measure(subject, {"t": t}) for attack, t in attacks])
    assert (result.evaluations, result.shared) == ([4, 6, 6], 12)


def test_guidance_multiplies_it(tiny_pipeline_folder):
    plain, guided = (
        DenoiserTarget(str(tiny_pipeline_folder), guidance=guidance, precision="float64", device="cpu")
        for guidance in (1.0, 3.0)
    )
    images = smooth_images(2, seed=1, side=16)
    one, three = (
        found(records(model, ("a cat", "noon"), images), ConditionalDifference()) for model in (plain, guided)
    )
    torch.testing.assert_close(three, 3 * one, rtol=1e-8, atol=0)


def test_a_target_that_is_told_no_caption_is_refused_before_anything_is_asked(case, tiny_pipeline_folder):
    silent = DenoiserTarget(str(tiny_pipeline_folder), prompt="none", device="cpu")
    for target in (case.subject.target, silent):
        before = target.nfe
        with pytest.raises(HeadError, match=r"is told none\. Set its `prompt: caption`.* or leave Wen"):
            found(records(target, ("a cat",), smooth_images(1, seed=1, side=16)), ConditionalDifference())
        assert target.nfe == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"t": -1}, r"`t` of Wen \(conditional difference\) must be at least 0, but got -1"),
        ({"t": []}, r"`t` of Wen \(conditional difference\) must be at least 0"),
        ({"n": 0}, r"`n` of Wen \(conditional difference\) must be at least 1, but got 0"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments, message):
    with pytest.raises(HeadError, match=message):
        ConditionalDifference(**arguments)
