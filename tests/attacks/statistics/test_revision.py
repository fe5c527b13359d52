"""Findings are kept under the revision of their formula: a changed one is asked anew, an unchanged one is not."""

import inspect

import numpy as np
import pytest
from memory_source import MemorySource
from optimal_denoiser import OptimalTarget, smooth_images

import lit_mia.attacks.statistics
from datamodules import StatisticDataModule
from datamodules.inputs import Wanted
from lit_mia.attacks.statistics import FreMIA, Loss, PangWang, SecMI, StatisticAttack
from lit_mia.attacks.statistics.round_trip import RoundTrip
from lit_mia.features.open_clip_encoder import OpenClipEncoder
from lit_mia.queries.requests import Finding, NoisePrediction

N = 40
IMAGES = smooth_images(N, 0)
SHIPPED = [getattr(lit_mia.attacks.statistics, name) for name in lit_mia.attacks.statistics.__all__] + [RoundTrip]
ATTACKS = [kind for kind in SHIPPED if isinstance(kind, type) and not inspect.isabstract(kind)]


@pytest.fixture
def made(tiny_clip_folder):
    """An attack of a class, as it would be made after an import."""
    needed = {FreMIA: lambda: FreMIA(Loss()), PangWang: lambda: PangWang(OpenClipEncoder(str(tiny_clip_folder)))}
    return lambda kind: needed.get(kind, kind)()


def keys(attack):
    return [attack.plan(setting).key for setting in attack.settings()]


@pytest.mark.parametrize("kind", ATTACKS, ids=lambda kind: kind.__name__)
def test_every_attack_is_kept_under_its_revision(kind, made, monkeypatch):
    before = keys(made(kind))
    assert keys(made(kind)) == before
    monkeypatch.setattr(kind, "revision", kind.revision + 1)
    assert set(keys(made(kind))).isdisjoint(before)


def test_a_wrapper_is_kept_under_the_revisions_of_both(monkeypatch):
    seen = [keys(FreMIA(Loss()))]
    for changed in (Loss, FreMIA, Loss):
        monkeypatch.setattr(changed, "revision", changed.revision + 1)
        seen.append(keys(FreMIA(Loss())))
    assert len({*map(tuple, seen)}) == 4
    assert FreMIA(SecMI()).revision == 2


def test_an_encoder_is_kept_under_its_revision_too(made, monkeypatch):
    before = keys(made(PangWang))
    monkeypatch.setattr(OpenClipEncoder, "revision", OpenClipEncoder.revision + 1)
    assert set(keys(made(PangWang))).isdisjoint(before)


class Scaled(StatisticAttack):
    """A multiple of the predicted noise at t = 100."""

    name = "scaled"
    swept = ()
    factor = 1.0

    def measure(self, subject, setting):
        (eps,) = yield [NoisePrediction(subject.x0, 100, subject.condition)]
        return Finding(self.factor * eps.flatten(1).sum(1), eps.abs())


@pytest.fixture
def found(tmp_path):
    """What an attack finds out about records, and how much the target was asked for it."""

    def find(attack, images=IMAGES):
        data = StatisticDataModule(
            MemorySource(images, [1, 0] * (N // 2)),
            OptimalTarget(IMAGES[::2]),
            str(tmp_path / "store"),
            image_size=8,
            fractions=(0.25, 0.25, 0.25, 0.25),
        )
        data.ask(Wanted.every_setting([attack]))
        data.query()
        return data.statistics(attack, {})[:, 0], data.cost.nfe

    return find


def test_a_changed_formula_is_asked_anew_and_an_unchanged_one_is_not(found, monkeypatch):
    first, asked = found(Scaled())
    assert asked == N
    again, asked = found(Scaled())
    assert asked == 0
    np.testing.assert_array_equal(again, first)
    monkeypatch.setattr(Scaled, "factor", 2.0)
    monkeypatch.setattr(Scaled, "revision", 2)
    changed, asked = found(Scaled())
    assert asked == N
    np.testing.assert_allclose(changed, 2 * first)


def test_a_changed_image_under_an_unchanged_id_is_asked_anew(found):
    first, _ = found(Scaled())
    images = IMAGES.clone()
    images[3] = 255 - images[3]
    changed, asked = found(Scaled(), images)
    assert asked == 1
    assert np.flatnonzero(changed != first).tolist() == [3]
