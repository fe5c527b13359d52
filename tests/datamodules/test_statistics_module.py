"""The datamodule of training-free attacks: what is asked, what is refused before the first query, what heads get."""

import numpy as np
import pytest
import torch
from memory_source import MemorySource
from optimal_denoiser import OptimalTarget, smooth_images
from small_records import QUARTERS
from streaming_target import StreamingTarget

from datamodules import StatisticDataModule
from datamodules.inputs import Wanted
from lit_mia.attacks.statistics import PIA, CLiD, Loss, ReDiffuseAPI, SecMI
from lit_mia.errors import LitMiaError, RecordError, TargetError

N = 80
MEMBERS = [1, 0] * (N // 2)


@pytest.fixture
def make(tmp_path):
    def build(target=None, source=None, **settings):
        images = smooth_images(N, 0)
        return StatisticDataModule(
            source or MemorySource(images, MEMBERS),
            target or OptimalTarget(images[::2]),
            **({"store": str(tmp_path / "store"), "image_size": 8, "fractions": QUARTERS} | settings),
        )

    return build


def test_it_asks_once_and_gives_statistics_and_maps(make):
    data = make()
    data.ask(Wanted.every_setting([PIA(t=[100, 200]), SecMI(t=20)]))
    assert data.estimate().missing == N * 6
    assert data.estimate().nfe == N * 6
    data.query()
    assert data.cost.nfe == data.target.nfe == N * 6
    assert data.estimate().nfe == 0
    assert data.statistics(PIA(t=200), {"t": 200}).shape == (N, 1)
    assert data.evaluations(SecMI(t=20), {"t": 20}) == 4
    data.ask(Wanted(((PIA(), {"t": 200}),), residual=True))
    data.query()
    assert data.cost.nfe == N * 6 + N * 2
    data.show(frozenset({"residual"}), PIA().plan({"t": 200}))
    (batch,) = data.batches()
    norm = -batch["residual"].pow(4).flatten(1).sum(1).pow(0.25)
    np.testing.assert_allclose(norm, data.statistics(PIA(), {"t": 200})[:, 0], rtol=1e-4)


def test_without_a_size_images_have_that_of_the_target(make, tmp_path):
    one, other = make(), make(image_size=None, store=str(tmp_path / "other"))
    for data in (one, other):
        data.ask(Wanted.every_setting([Loss()]))
        data.query()
    assert (other.image_size, other.answered_by(other.target, str(tmp_path / "again")).image_size) == (8, 8)
    np.testing.assert_array_equal(*(data.statistics(Loss(), {"t": 350}) for data in (one, other)))


def test_a_size_that_nobody_tells_has_to_be_given(make, monkeypatch):
    monkeypatch.setattr(OptimalTarget, "image_size", None)
    with pytest.raises(RecordError, match="Give `image_size`"):
        _ = make(image_size=None).view


def test_findings_depend_on_nothing_but_the_record(make, tmp_path):
    target = OptimalTarget(smooth_images(N, 0)[::2], batch_size=7)
    one, other = make(), make(target=target, store=str(tmp_path / "other"))
    for data in (one, other):
        data.ask(Wanted.every_setting([Loss()]))
        data.query()
    np.testing.assert_allclose(*(data.statistics(Loss(), {"t": 350}) for data in (one, other)), rtol=1e-8)


@pytest.mark.parametrize(
    ("attacks", "changes", "message"),
    [
        ([SecMI(t=995)], {}, r"Timesteps must be in 0 … 999.*needs \[1005\]"),
        ([Loss(t=[10, 2000])], {}, r"needs \[2000\]"),
        ([CLiD()], {}, "CLiD needs captions, but 80 of 80 records have none"),
        ([Loss()], {"image_size": 16}, "takes images of 8 pixels, but `image_size` is 16"),
        (
            [Loss()],
            {"source": MemorySource(smooth_images(N, 0, side=12), MEMBERS)},
            "has 12 × 12 pixels, but the target takes 8 × 8",
        ),
        ([Loss()], {"target": OptimalTarget(smooth_images(4, 0), ["a"] * 4)}, "The target needs captions"),
    ],
)
def test_bad_input_is_refused_before_the_first_query(make, attacks, changes, message):
    data = make(**changes)
    for call in (data.estimate, data.query):
        data.ask(Wanted.every_setting(attacks))
        with pytest.raises((RecordError, TargetError), match=message):
            call()
    assert data.target.nfe == 0


def test_a_level_that_is_not_offered_is_refused_before_the_first_query(make):
    data = make(target=StreamingTarget())
    data.ask(Wanted.every_setting([Loss()]))
    with pytest.raises(TargetError, match="does not offer the access level 'denoise'; it offers: generate"):
        data.estimate()
    assert data.target.asked == []


def test_images_can_be_converted_if_one_insists(make):
    data = make(source=MemorySource(smooth_images(N, 0, side=12), MEMBERS), convert=True)
    data.ask(Wanted.every_setting([Loss()]))
    data.query()
    assert data.target.nfe == N


def test_a_head_needs_an_attack(make):
    data = make()
    data.ask(Wanted.every_setting([Loss(t=[1, 2])]))
    data.query()
    for call in (data.check_input, lambda name: data.show(frozenset({name}))):
        with pytest.raises(RecordError, match="needs `attack` of the datamodule"):
            call("residual")


def test_an_attack_of_several_settings_is_refused(make):
    with pytest.raises(RecordError, match="must have one setting"):
        make(attack=Loss(t=[1, 2]))


def test_with_an_attack_the_loaders_give_its_maps(make):
    data = make(attack=Loss(t=200))
    data.prepare(frozenset({"residual", "image"}))
    batch = next(iter(data.train_dataloader()))
    assert batch["residual"].shape[1:] == batch["image"].shape[1:] == (3, 8, 8)
    assert batch["residual"].dtype == torch.float32


def test_a_gallery_shows_variations(make):
    data = make()
    data.ask(Wanted.every_setting([ReDiffuseAPI(n=1)]))
    data.query()
    assert [image.shape for image in data.answers([0, 3])] == [(8, 8, 3)] * 2


def test_a_placebo_has_the_same_records_and_splits(make, tmp_path):
    data = make()
    placebo = data.answered_by(OptimalTarget(smooth_images(5, 9)), str(tmp_path / "placebo"))
    assert placebo.view.splits.digest == data.view.splits.digest
    assert placebo.view.known is data.view.known or placebo.view.known.ids == data.view.known.ids


def test_one_class_is_refused(make):
    with pytest.raises(LitMiaError, match="80 members and 0 non-members"):
        make(source=MemorySource(smooth_images(N, 0), [1] * N)).prepare_data()
