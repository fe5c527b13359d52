"""What heads read: a new input is one function, and nothing kept is shown for an image or an encoder that changed."""

from typing import final

import lightning as L
import numpy as np
import pytest
import torch
from PIL import Image
from small_records import ALL, LABELS, InkTarget, N
from torch import nn

from datamodules.inputs import PAIR_INPUTS, Input, generated, image
from lit_mia.attacks import Attack
from lit_mia.attacks.training import score_all
from lit_mia.errors import EncoderError, HeadError, PluginError
from lit_mia.features.encoders import Encoder
from lit_mia.features.open_clip_encoder import OpenClipEncoder
from lit_mia.metrics.auc import auc

MEMBERS = {f"picture r{row:02d}" for row in range(N) if LABELS[row] == "1"}


def brightness(pairs):
    """Mean of the generated images, `[n, k]`."""
    return generated(pairs).mean(axis=(2, 3, 4), dtype=np.float32)


def asks_for_an_encoder(tools):
    _ = tools.of_images


@final
class ByBrightness(Attack):
    """Reads the new input, and nothing else."""

    name = "brightness"
    inputs = frozenset({"brightness"})

    def __init__(self, optimizer="adam", lr=0.1, weight_decay=0.0):
        super().__init__()
        self.save_hyperparameters()

    def features(self, batch):
        return batch["brightness"].unsqueeze(-1)

    def build_trunk(self, shape):
        return nn.Identity(), shape[0]


class Lamp(InkTarget):
    """Draws members brighter."""

    def _draw(self, prompt, seed):
        return super()._draw(prompt, seed) // 2 + (100 if prompt in MEMBERS else 0)


@pytest.fixture
def inputs(monkeypatch):
    """The registry, whose new entries are gone after the test."""
    monkeypatch.setattr(PAIR_INPUTS, "_entries", dict(PAIR_INPUTS._entries))
    return PAIR_INPUTS


def fit(head, data):
    L.seed_everything(0, verbose=False)
    options = dict.fromkeys(("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary"), False)
    L.Trainer(accelerator="cpu", max_epochs=60, limit_val_batches=0, **options).fit(head, datamodule=data)


@pytest.mark.filterwarnings("ignore:.*does not have many workers.*", "ignore:.*number of training batches.*")
def test_a_new_input_is_read_from_its_declaration_to_the_scores(data, inputs, tmp_path):
    target = Lamp(tmp_path / "lamp")
    module = data(target=target, images_per_record=2)
    with pytest.raises(HeadError, match="brightness reads brightness, but AuxiliaryDataModule provides"):
        fit(ByBrightness(), module)
    assert target.asked() == []
    inputs.add(Input("brightness", brightness))
    fit(head := ByBrightness(), module)
    assert set(module.arrays.inputs) == {"brightness"}
    assert module.example()["brightness"].shape == (1, 2)
    assert len(target.asked()) == 2 * N
    rows = list(module.view.splits.rows["test"])
    assert auc(score_all(head, module)[rows], module.arrays.member[rows]) == 1


def test_a_new_input_refuses_what_it_cannot_be_made_with(data, ink, inputs, tiny_clip_folder):
    inputs.add(Input("brightness", brightness, asks_for_an_encoder))
    with pytest.raises(EncoderError, match="no `encoder` is given"):
        data(target=(target := ink())).check_head(ByBrightness())
    data(target=target, encoder=OpenClipEncoder(str(tiny_clip_folder))).check_head(ByBrightness())
    assert target.asked() == []


def test_a_name_is_taken_once(inputs):
    with pytest.raises(PluginError, match="two entries for the input of heads on generated images 'image'"):
        inputs.add(Input("image", brightness))
    assert inputs["image"].make is image


# ---------------------------------------------------------------------- caches


class Counting(Encoder):
    """Mean colours, and lengths of texts, scaled; notes how many images it was shown."""

    dimension, shares_space, factor = 3, False, 1.0

    def __init__(self):
        super().__init__("counting", normalize=False, batch_size=16, device="cpu", dtype="float32")
        self.shown = 0

    def fingerprint(self):
        return {"encoder": "counting"}

    def _encode_images(self, images):
        self.shown += len(images)
        return self.factor * images.float().mean(dim=(2, 3))

    def _encode_texts(self, texts):
        return self.factor * torch.tensor([[float(len(text))] * 3 for text in texts])


@pytest.fixture
def arrays(data, ink):
    """The inputs of a new datamodule over the same store, and how many images were embedded for it."""

    def make():
        module = data(target=ink(), encoder=(encoder := Counting()))
        module.prepare(ALL)
        return {name: np.array(values) for name, values in module.arrays.inputs.items()}, encoder.shown

    return make


def test_an_image_that_changed_under_its_id_gives_fresh_pixels_and_embeddings(arrays, ink, tmp_path):
    before, _ = arrays()
    again, shown = arrays()
    assert shown == 0
    assert all(np.array_equal(before[name], again[name]) for name in ALL)
    Image.new("RGB", (20, 20), "red").save(tmp_path / "records/r05.png")
    after, shown = arrays()
    assert shown == N
    changed = {name: [row for row in range(N) if (before[name][row] != after[name][row]).any()] for name in ALL}
    assert changed == {name: [5] if name in ("image", "image_embedding") else [] for name in ALL}
    assert (after["image"][5] == np.array([255, 0, 0], np.uint8)[:, None, None]).all()
    assert after["image_embedding"][5].tolist() == [255, 0, 0]
    assert len(ink().asked()) == N  # the captions stayed: nothing is asked again


def test_embeddings_are_kept_by_the_revision_of_the_encoder(arrays, monkeypatch):
    before, _ = arrays()
    monkeypatch.setattr(Counting, "factor", 2.0)
    monkeypatch.setattr(Counting, "revision", 2)
    after, shown = arrays()
    assert shown == 2 * N
    for name in ALL:
        np.testing.assert_allclose(after[name], before[name] * (2 if name.endswith("_embedding") else 1), rtol=1e-6)
