"""The target of identity inference, trained for a few steps on a few people."""

import pytest
import torch
from memory_source import MemorySource
from open_clip.loss import ClipLoss

from datamodules import FacePairsSource, FacesSource, TargetDataModule
from datamodules.sources.cohort import draw_cohort
from lit_mia.errors import TrainingError
from lit_mia.shadow.clip import ClipTraining
from lit_mia.shadow.clip_parts import LARGEST_LOGIT_SCALE
from lit_mia.targets.open_clip import OpenClipTarget
from lit_mia.tools.clip import train_tokenizer
from lit_mia.training_batch import TrainingBatch

STEPS = 25
TINY = {"width": 32, "layers": 1, "head_width": 16, "text_width": 32, "text_layers": 1, "dimension": 16, "warmup": 2}


@pytest.fixture(scope="module")
def pairs():
    """Images uint8 `[16, 3, 32, 32]` and captions of four people."""
    cohort = draw_cohort(2, levels=(4,), per_level=4, background=0, unused=0)
    return torch.from_numpy(cohort.images()).permute(0, 3, 1, 2).contiguous(), cohort.captions()


@pytest.fixture(scope="module")
def make(pairs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("words")
    train_tokenizer(pairs[1], vocabulary=600, length=24).save_pretrained(folder)

    def made(**options):
        torch.manual_seed(0)
        return ClipTraining(**{"tokenizer": str(folder), **TINY} | options)

    return made


@pytest.fixture(scope="module")
def batch(pairs):
    return TrainingBatch(torch.empty(0), pairs[1], {"images": pairs[0]})


@pytest.fixture(scope="module")
def trained(make, pairs, fit, tmp_path_factory):
    """The model, and the folder of the target."""
    root = tmp_path_factory.mktemp("clip")
    model = make(lr=3e-3)
    with torch.no_grad():
        model.clip.logit_scale.fill_(4.7)
    data = TargetDataModule(MemorySource(pairs[0], (1,) * 16, pairs[1]), 16, cache_dir=str(root / "decoded"))
    fit(model, data, STEPS, root)
    return model, root / "target"


def test_training_reduces_the_loss_and_bounds_the_logit_scale(trained, make, batch):
    model, _ = trained
    with torch.no_grad():
        assert float(model.loss(batch)) < 0.9 * float(make().loss(batch))
    assert float(model.clip.logit_scale.detach()) <= LARGEST_LOGIT_SCALE + 1e-6


@torch.no_grad()
def test_the_loss_is_that_of_open_clip_and_the_probe_a_cosine(make, batch):
    model = make()
    image, text, scale = model.clip(batch.parts["images"] / 127.5 - 1, model._tokenizer(batch.captions))[:3]
    assert float(model.loss(batch)) == pytest.approx(float(ClipLoss()(image, text, scale)), rel=1e-5)
    losses = model.probe_losses(batch, range(16))
    assert losses.shape == (16, len(model.probes))
    torch.testing.assert_close(1 - losses[:, 0], torch.cosine_similarity(image, text), atol=1e-5, rtol=1e-5)
    alone = TrainingBatch(torch.empty(0), batch.captions[5:6], {"images": batch.parts["images"][5:6]})
    torch.testing.assert_close(model.probe_losses(alone, [0])[0], losses[5], atol=1e-5, rtol=1e-5)


def test_weight_decay_spares_vectors_and_the_logit_scale(trained):
    model, _ = trained
    decayed, spared = model.configure_optimizers()["optimizer"].param_groups
    assert (decayed["weight_decay"], spared["weight_decay"]) == (0.1, 0.0)
    assert min(p.ndim for p in decayed["params"]) == 2
    assert any(p is model.clip.logit_scale for p in spared["params"])
    assert len(decayed["params"]) + len(spared["params"]) == len(list(model.parameters()))


@torch.no_grad()
def test_the_target_embeds_as_the_training_does(trained, batch):
    model, folder = trained
    target = OpenClipTarget(str(folder), device="cpu")
    image, text, scale = model._embedded(batch)
    for own, exported in (
        (text, target.embed_texts(batch.captions)),
        (image, target.embed_images(list(map(as_pil, batch.parts["images"])))),
    ):
        torch.testing.assert_close(torch.as_tensor(exported), own, atol=5e-3, rtol=0)
    assert target.logit_scale == pytest.approx(float(scale), rel=1e-2)


def test_a_training_goes_on_from_a_target_with_its_tokenizer_and_sizes(trained, batch, tmp_path):
    model, folder = trained
    again = ClipTraining(start=str(folder))
    assert (again.image_size, again.clip.training) == (32, True)
    with torch.no_grad():
        assert float(again.loss(batch)) == pytest.approx(float(model.loss(batch)), rel=0.02)
    again.export(tmp_path)
    first, second = (
        OpenClipTarget(str(place), device="cpu").embed_texts(batch.captions) for place in (folder, tmp_path)
    )
    torch.testing.assert_close(torch.as_tensor(first), torch.as_tensor(second), atol=1e-3, rtol=0)


def test_without_a_tokenizer_the_texts_are_read_by_that_of_clip(pairs, batch, tmp_path):
    model = ClipTraining(**TINY)
    model.export(tmp_path)
    own, target = model._embedded(batch)[1], OpenClipTarget(str(tmp_path), device="cpu")
    torch.testing.assert_close(torch.as_tensor(target.embed_texts(pairs[1])), own.detach(), atol=5e-3, rtol=0)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"image_size": 30}, "`image_size` must be a multiple of 8, but got 30"),
        ({"width": 40}, "`width` must be a multiple of 16, but got 40"),
        ({"tokenizer": "nowhere"}, "'nowhere' gives no AutoTokenizer"),
        ({"start": "nowhere"}, "'nowhere' is neither a folder nor a model tag"),
    ],
)
def test_what_makes_no_clip_is_refused(make, options, told):
    with pytest.raises(TrainingError, match=told):
        make(**options)


@pytest.mark.parametrize("swapped", [False, True])
def test_the_pairs_show_the_people_that_the_source_of_people_calls_members(swapped):
    people, records = FacesSource(swapped).load(), FacePairsSource(swapped=swapped).load()
    assert len(records) == 1860
    counts = dict(zip(people.names, people.occurrences, strict=True))
    assert {name: records.groups.count(name) for name in people.names} == counts
    assert all(group in caption for group, caption in zip(records.groups, records.captions, strict=True))


def test_permuted_pairs_are_the_same_pictures_under_other_names():
    own, other = FacePairsSource().load(), FacePairsSource("permuted").load()
    assert own.ids == other.ids
    assert sorted(own.captions) != list(own.captions)
    assert not any(group in caption for group, caption in zip(other.groups, other.captions, strict=True))
    assert own.stamps == other.stamps


def as_pil(image):
    from torchvision.transforms.functional import to_pil_image

    return to_pil_image(image)
