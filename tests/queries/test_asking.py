"""Asking a target about a table of records: once, in shares, and never twice."""

import numpy as np
import pytest
import torch
from memory_source import MemorySource
from optimal_denoiser import OptimalTarget, smooth_images

from lit_mia.attacks.statistics import PIA, Loss, ReDiffuse, ReDiffuseAPI, SecMI
from lit_mia.errors import TargetError
from lit_mia.queries.findings import FindingStore
from lit_mia.queries.plans import Questions, estimate, fill, lacking, rehearse
from lit_mia.targets.base import VaryTarget

N = 10


@pytest.fixture
def target():
    return OptimalTarget(smooth_images(N, 0), batch_size=4)


@pytest.fixture
def questions():
    images = smooth_images(N, 0)
    return Questions(MemorySource(images, [1, 0] * (N // 2)).load(), images.numpy(), 0)


def store(folder, target):
    return FindingStore(folder, target.fingerprint())


def plans(*attacks):
    return [attack.plan(setting) for attack in attacks for setting in attack.settings()]


def missing(*asked):
    return sum(len(rows) for rows, _ in lacking(*asked))


def test_everything_is_asked_once_and_counted(tmp_path, target, questions):
    wanted = plans(PIA(t=[100, 200]), SecMI(t=20))
    filled = store(tmp_path, target)
    dry = estimate(filled, target, questions, wanted)
    assert target.nfe == 0
    cost = fill(filled, target, questions, wanted)
    assert cost.nfe == target.nfe == cost.queries == N * (1 + 2 + 3)  # ε(x_0, 0) is PIA's and SecMI's
    assert (dry.records, dry.missing, dry.nfe) == (N, cost.queries, cost.nfe)
    assert missing(filled, questions, wanted, False) == 0
    assert estimate(filled, target, questions, wanted).seconds == 0
    assert fill(filled, target, questions, wanted).nfe == 0
    assert [filled.evaluations(plan.key) for plan in wanted] == [2, 2, 4]


def test_only_what_is_missing_is_asked(tmp_path, target, questions):
    filled = store(tmp_path, target)
    few = Questions(questions.records.select(range(3)), questions.images[:3], 0)
    fill(filled, target, few, plans(Loss()))
    assert missing(filled, questions, plans(Loss()), False) == N - 3
    assert fill(filled, target, questions, plans(Loss(), PIA())).nfe == 3 * 2 + (N - 3) * 3
    assert missing(filled, questions, plans(Loss()), True) == N
    assert fill(filled, target, questions, plans(Loss()), residual=True).nfe == N
    assert filled.residuals(plans(Loss())[0].key, questions.keys).shape == (N, 3, 8, 8)


def test_ranks_share_the_records(tmp_path, target, questions):
    alone, together = store(tmp_path / "alone", target), store(tmp_path / "together", target)
    wanted = plans(ReDiffuse(n=2), Loss())
    fill(alone, target, questions, wanted)
    spent = [fill(together, target, questions, wanted, rank=rank, world_size=3).nfe for rank in range(3)]
    assert spent == [4 * 4 + 4, 3 * 4 + 3, 3 * 4 + 3]
    for plan in wanted:
        one, other = (s.statistics(plan.key, questions.keys) for s in (alone, together))
        np.testing.assert_allclose(one, other, rtol=1e-8)


def test_an_interruption_loses_the_batch_in_flight(tmp_path, target, questions):
    class Tired(type(target)):
        def predict_noise(self, x, t, condition):
            if self.nfe >= 8:
                raise RuntimeError("tired")
            return super().predict_noise(x, t, condition)

    filled = store(tmp_path, target)
    tired = Tired(smooth_images(N, 0), batch_size=4)
    with pytest.raises(RuntimeError, match="tired"):
        fill(filled, tired, questions, plans(Loss()))
    assert missing(filled, questions, plans(Loss()), False) == N - 8
    assert fill(filled, target, questions, plans(Loss())).nfe == N - 8


@pytest.mark.parametrize("broken", [float("nan"), float("inf")])
def test_an_overflow_is_an_error_and_no_refusal(tmp_path, target, questions, broken):
    class Overflowing(type(target)):
        def predict_noise(self, x, t, condition):
            answer = super().predict_noise(x, t, condition)
            answer[1] = broken if self.nfe > 4 else answer[1]
            return answer

    filled = store(tmp_path, target)
    overflowing = Overflowing(smooth_images(N, 0), batch_size=4)
    with pytest.raises(TargetError, match=rf"about 1 of 4 records .*{questions.records.ids[5]}.*bfloat16"):
        fill(filled, overflowing, questions, plans(Loss()))
    assert missing(filled, questions, plans(Loss()), False) == N - 4
    assert fill(filled, target, questions, plans(Loss())).nfe == N - 4
    assert np.isfinite(filled.statistics(plans(Loss())[0].key, questions.keys)).all()


def test_a_rehearsal_counts_without_asking(target):
    wanted = plans(SecMI(t=[50, 60, 70]), PIA(t=[100, 200]), ReDiffuse(n=[1, 3]))
    one = rehearse(target, wanted, None, 8)
    assert target.nfe == 0
    assert one.shared == 9 + 2 + 6
    assert sum(one.evaluations) == 7 + 8 + 9 + 4 + 2 + 6
    assert all(torch.isfinite(finding.statistic).all() for finding in one.findings)


def test_what_another_process_found_is_not_asked_again(tmp_path, target, questions):
    mine, theirs = store(tmp_path, target), store(tmp_path, target)
    fill(theirs, target, questions, plans(Loss()))
    assert fill(mine, target, questions, plans(Loss())).nfe == 0


def test_a_variation_api_can_be_rehearsed(target):
    class Api(VaryTarget):
        name, batch_size, image_size = "api", 4, 8

        def fingerprint(self):
            return {"kind": "api"}

        def vary(self, images, captions, seeds):
            raise AssertionError("a rehearsal asks nothing")

    one = rehearse(Api(), plans(ReDiffuseAPI(n=[1, 3])), None, 8)
    assert (one.shared, one.images) == (0, 3)
