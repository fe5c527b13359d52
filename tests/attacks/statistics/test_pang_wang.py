"""Pang and Wang: are images made of a record's caption like the record?"""

import numpy as np
import pytest
import torch
from optimal_denoiser import names, smooth_images
from sklearn.metrics import roc_auc_score

from lit_mia.attacks.statistics import PangWang
from lit_mia.errors import HeadError
from lit_mia.features.open_clip_encoder import OpenClipEncoder
from lit_mia.queries.plans import run_pass
from lit_mia.queries.requests import Subject
from lit_mia.targets.base import GenerateTarget

N = 60
IMAGES = smooth_images(2 * N, 0, side=32)
CAPTIONS = tuple(f"picture {i}" for i in range(2 * N))


class Painter(GenerateTarget):
    """Paints noisy copies of the pictures that it knows, and random pictures for other captions."""

    name, batch_size, nfe_per_image = "painter", 16, 5

    def __init__(self, known):
        self.known = known

    def fingerprint(self):
        return {"kind": "painter"}

    def generate(self, prompts, seeds):
        return torch.stack([self._paint(*pair) for pair in zip(prompts, seeds, strict=True)])

    def _paint(self, prompt, seed):
        if prompt not in self.known:
            return smooth_images(1, seed % 2**31, side=32)[0]
        noise = torch.randn(3, 32, 32, generator=torch.Generator().manual_seed(seed))
        return (self.known[prompt].float() + 10 * noise).clamp(0, 255).to(torch.uint8)


@pytest.fixture(scope="module")
def encoder(tiny_clip_folder):
    return OpenClipEncoder(str(tiny_clip_folder))


def found(painter, attack, rows=slice(None)):
    subject = Subject(painter, names(2 * N)[rows], IMAGES[rows], CAPTIONS[rows])
    (setting,) = attack.settings()
    return run_pass(subject, [attack.measure(subject, setting)])


def auc(painter, encoder):
    labels = [1] * N + [0] * N
    return roc_auc_score(labels, found(painter, PangWang(encoder, m=3)).findings[0].statistic)


def test_it_is_the_mean_cosine_of_embeddings(encoder):
    painter = Painter(dict(zip(CAPTIONS[:N], IMAGES[:N], strict=True)))
    result = found(painter, PangWang(encoder, m=2), slice(0, 5))
    subject = Subject(painter, names(5), IMAGES[:5], CAPTIONS[:5])
    made = [painter.generate(CAPTIONS[:5], subject.seeds("generate", index)) for index in (0, 1)]
    x, *others = (encoder.embed_images(images).double().numpy() for images in (IMAGES[:5], *made))
    cosines = [(x * y).sum(1) / np.linalg.norm(x, axis=1) / np.linalg.norm(y, axis=1) for y in others]
    np.testing.assert_allclose(result.findings[0].statistic, np.mean(cosines, axis=0), rtol=1e-5)
    mean = (made[0].double() + made[1].double()) / 2
    np.testing.assert_allclose(
        result.findings[0].residual, (IMAGES[:5].double() - mean).abs() / 127.5, rtol=1e-5, atol=1e-6
    )
    assert (result.images, result.shared) == (2, 0)


def test_it_wins_where_captions_bring_members_back(encoder):
    assert auc(Painter(dict(zip(CAPTIONS[:N], IMAGES[:N], strict=True))), encoder) > 0.9


def test_it_does_not_where_they_bring_back_nothing(encoder, chance):
    assert abs(auc(Painter({}), encoder) - 0.5) < chance * (100 / N) ** 0.5


def test_a_record_s_score_does_not_depend_on_the_others(encoder):
    painter = Painter({})
    alone = found(painter, PangWang(encoder, m=1), slice(3, 4)).findings[0].statistic
    together = found(painter, PangWang(encoder, m=1)).findings[0].statistic
    torch.testing.assert_close(alone[0], together[3], rtol=1e-3, atol=1e-6)


def test_no_images_are_refused(encoder):
    with pytest.raises(HeadError, match="`m` of Pang-Wang must be at least 1"):
        PangWang(encoder, m=0)
