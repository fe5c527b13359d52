import math
import pickle

import pytest
import torch
from torchmetrics import MetricCollection

from lit_mia.errors import MetricError
from lit_mia.metrics.auc import auc
from lit_mia.metrics.metric import RawAUROC, TPRAtFPR
from lit_mia.metrics.threshold import operating_point


def sample(n=400):
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(0, 2, (n,), generator=generator)
    return 30 * torch.randn(n, generator=generator) + 20 * labels, labels


@pytest.mark.parametrize("batch_size", [1, 7, 400])
def test_batch_size_does_not_matter(batch_size):
    scores, labels = sample()
    metrics = MetricCollection({"auc": RawAUROC(), "tpr": TPRAtFPR(0.1)})

    for start in range(0, len(scores), batch_size):
        metrics.update(scores[start : start + batch_size], labels[start : start + batch_size])

    result = metrics.compute()
    assert result["auc"].item() == pytest.approx(auc(scores.numpy(), labels.numpy()), abs=1e-6)
    assert result["tpr"].item() == pytest.approx(operating_point(scores.numpy(), labels.numpy(), 0.1).tpr, abs=1e-6)


def test_scores_stay_raw():
    # a sigmoid in float32 would make these four scores equal
    metric = RawAUROC()
    metric.update(torch.tensor([200.0, 300.0, 400.0, 500.0]), torch.tensor([0, 1, 0, 1]))

    assert metric.compute().item() == 0.75


def test_a_missing_class_gives_nan():
    for metric in (RawAUROC(), TPRAtFPR(0.1)):
        metric.update(torch.randn(20), torch.ones(20, dtype=torch.long))
        assert math.isnan(metric.compute())
        metric.reset()
        metric.update(torch.randn(200), torch.arange(200) % 2)
        assert not math.isnan(metric.compute())


def test_too_few_non_members_give_nan():
    metric = TPRAtFPR(0.1)
    metric.update(torch.randn(150), (torch.arange(150) < 51).long())

    assert math.isnan(metric.compute())


def test_reset_forgets_and_copies_are_independent():
    scores, labels = sample()
    metric = RawAUROC()
    metric.update(-scores, labels)
    metric.reset()
    other = pickle.loads(pickle.dumps(metric))
    metric.update(scores, labels)

    assert metric.compute() > 0.5
    assert len(other.scores) == 0


def test_bfloat16_scores_and_bool_labels():
    scores, labels = sample()
    metric = RawAUROC()
    metric.update(scores.bfloat16().requires_grad_(), labels.bool())

    assert metric.compute().item() == pytest.approx(auc(scores.bfloat16().double().numpy(), labels.numpy()), abs=1e-6)


def test_facts_and_reduction_across_devices():
    metric = RawAUROC()

    assert metric.higher_is_better is True
    assert metric.is_differentiable is False
    assert {function.__name__ for function in metric._reductions.values()} == {"dim_zero_cat"}


def test_unusable_input_is_refused():
    with pytest.raises(MetricError, match="one shape"):
        RawAUROC().update(torch.zeros(3), torch.zeros(4))
    with pytest.raises(MetricError, match="`fpr`"):
        TPRAtFPR(1.0)
    metric = RawAUROC()
    metric.update(torch.tensor([1.0, float("nan")]), torch.tensor([0, 1]))
    with pytest.raises(MetricError, match="finite"):
        metric.compute()
