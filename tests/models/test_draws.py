import pytest
import torch

from lit_mia.models.draws import draw_tokens, guided, gumbel


def generators(*seeds):
    return [torch.Generator().manual_seed(seed) for seed in seeds]


@pytest.fixture(scope="module")
def noise():
    return gumbel(generators(*range(4000)), 6)


@pytest.fixture
def logits():
    return torch.tensor([1.0, 3.0, -1.0, 2.0, 2.5, 0.0])


def shares(logits, noise, **options):
    drawn = draw_tokens(logits.expand(len(noise), -1), **{"temperature": 1.0, "top_k": None} | options, noise=noise)
    return torch.bincount(drawn, minlength=6) / len(noise)


def test_noise_belongs_to_its_generator():
    together = gumbel(generators(3, 4, 5), 7)
    assert together.shape == (3, 7)
    assert torch.equal(together[1:2], gumbel(generators(4), 7))
    first, second = (generator := generators(4)), None
    first, second = gumbel(generator, 7), gumbel(generator, 7)
    assert torch.equal(first, together[1:2])
    assert not torch.equal(first, second)


def test_noise_is_gumbel_distributed():
    sample = gumbel(generators(0), 100_000)[0].double()
    assert sample.mean() == pytest.approx(0.5772, abs=0.02)  # Euler's constant
    assert sample.var() == pytest.approx(torch.pi**2 / 6, rel=0.03)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_tokens_are_drawn_from_the_softmax(logits, noise, temperature):
    expected = (logits / temperature).softmax(0)
    torch.testing.assert_close(shares(logits, noise, temperature=temperature), expected, rtol=0, atol=0.03)


def test_only_the_top_tokens_are_drawn(logits, noise):
    expected = torch.zeros(6)
    expected[[1, 3, 4]] = logits[[1, 3, 4]].softmax(0)
    torch.testing.assert_close(shares(logits, noise, top_k=3), expected, rtol=0, atol=0.03)
    assert shares(logits, noise, top_k=1)[1] == 1


@pytest.mark.parametrize("top_k", [6, 100])
def test_a_large_top_k_is_all(logits, noise, top_k):
    assert torch.equal(shares(logits, noise, top_k=top_k), shares(logits, noise))


def test_guidance_goes_from_the_unconditional_to_the_conditional_and_beyond():
    conditional, unconditional = torch.tensor([[1.0, 4.0]]), torch.tensor([[2.0, 1.0]])
    for scale, expected in ((0, unconditional), (1, conditional), (3, torch.tensor([[-1.0, 10.0]]))):
        torch.testing.assert_close(guided(conditional, unconditional, scale), expected)
