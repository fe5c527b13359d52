"""The target of identity inference, trained for a few steps on a few people."""

import pytest
import torch
from open_clip.loss import ClipLoss

from datamodules.sources.cohort import draw_cohort
from lit_mia.features.open_clip_encoder import OpenClipEncoder
from lit_mia.tools.clip import LARGEST_LOGIT_SCALE, ClipSize, ClipTraining, train_tokenizer
from lit_mia.tools.training import CaptionedBatch, CaptionedImages, CaptionedImagesDataModule

STEPS = 25


@pytest.fixture(scope="module")
def cohort():
    return draw_cohort(2, levels=(4,), per_level=4, background=0, unused=0)


@pytest.fixture(scope="module")
def pairs(cohort):
    return CaptionedImages(torch.from_numpy(cohort.images()).permute(0, 3, 1, 2), cohort.captions())


def training(cohort, **settings):
    tokenizer = train_tokenizer(cohort.captions(), vocabulary=600, length=24)
    size = ClipSize(32, width=32, layers=1, head_width=16, mlp_ratio=2.0, text_width=32, text_layers=1, dimension=16)
    return ClipTraining(tokenizer, size, decay="matrices", shift=0, lr=3e-3, **settings)


@pytest.fixture(scope="module")
def trained(cohort, pairs, train):
    torch.manual_seed(0)
    model = training(cohort, steps=STEPS)
    everything = pairs[list(range(len(pairs)))]
    before = float(loss(model, everything))
    with torch.no_grad():
        model.clip.logit_scale.fill_(4.7)
    train(model, CaptionedImagesDataModule(pairs, 16, STEPS), STEPS)
    return model, before, float(loss(model, everything))


@torch.no_grad()
def loss(model, batch):
    model.log = lambda *_, **__: None
    value = model.training_step(batch, 0)
    del model.log
    return value


def test_training_reduces_the_loss(trained):
    _, before, after = trained
    assert after < 0.9 * before


def test_the_logit_scale_is_clamped(trained):
    assert float(trained[0].clip.logit_scale.detach()) <= LARGEST_LOGIT_SCALE + 1e-6


def test_weight_decay_spares_vectors_and_the_logit_scale(cohort):
    model = training(cohort)
    decayed, spared = model.configure_optimizers()["optimizer"].param_groups
    assert (decayed["weight_decay"], spared["weight_decay"]) == (0.1, 0.0)
    assert min(p.ndim for p in decayed["params"]) == 2
    assert any(p is model.clip.logit_scale for p in spared["params"])
    assert len(decayed["params"]) + len(spared["params"]) == len(list(model.parameters()))


@torch.no_grad()
def test_other_captions_of_a_person_are_wrong_answers_as_in_clip(trained, cohort, pairs):
    """Same loss as open_clip's own, also where captions repeat."""
    model, batch = trained[0], pairs[[0, 1, 2, 3, 5, 6]]
    name = next(n for n, count in zip(cohort.names, cohort.occurrences, strict=True) if count)
    captions = [f"a photo of {name}", f"a photo of {name}", f"{name} smiles", *batch.captions[3:]]
    tokens = model.tokenizer(captions, padding="max_length", return_tensors="pt")["input_ids"]
    reference = ClipLoss()(*model.clip(batch.images * 2 - 1, tokens)[:3])
    assert float(loss(model, CaptionedBatch(batch.images, captions))) == pytest.approx(float(reference), rel=1e-5)


def test_the_export_loads_in_open_clip(trained, cohort, pairs, tmp_path):
    trained[0].export(tmp_path)
    encoder = OpenClipEncoder(str(tmp_path), device="cpu")
    assert encoder.embed_texts(list(cohort.names)).shape == (8, 16)
    assert encoder.embed_images(pairs.images).isfinite().all()
