"""What labels are drawn by: what it says of records and answers, and when it cannot be had."""

from functools import cached_property

import numpy as np
import pytest
import torch
from memory_source import MemorySource
from optimal_denoiser import OptimalTarget
from planted_audits import IMAGES, NOTHING, Planted, PlantedEncoder, PlantedSource, planted_audit, planted_data

from datamodules import StatisticDataModule
from lit_mia.attacks import EachAlone
from lit_mia.attacks.statistics import Loss
from lit_mia.audits.membership import MembershipAudit
from lit_mia.audits.self_test import plantings
from lit_mia.audits.self_test.plantings import PLANTINGS, PlantingError
from lit_mia.features.open_clip_encoder import OpenClipEncoder
from lit_mia.records import Records


class Remembering(Planted):
    """Draws something of each record's own image, of some more than of others for no reason."""

    @cached_property
    def shares(self):
        return self._rng("shares").uniform(0, 0.8, len(self.members))

    def answers(self, rows, seeds, trained):
        drawn = super().answers(rows, seeds, trained)
        share = trained * self.shares[rows, None]
        return (1 - share) * drawn + share * self.images[rows]


class Changed(PlantedSource):
    """Some columns of the records are others."""

    def __init__(self, planted, change):
        super().__init__(planted)
        self.change = change

    def load(self) -> Records:
        return self.change(super().load())


class Apart(PlantedEncoder):
    """Embeds captions elsewhere."""

    shares_space = False


@pytest.fixture
def scorers(few_records, tmp_path):
    def make(planted=None, **options):
        audit = planted_audit(planted_data(planted or Planted(NOTHING, 0), tmp_path, **options))
        audit.query()
        return audit.scorers

    return make


@pytest.fixture
def statistics(tmp_path):
    """Makes the scorers of a training-free attack."""

    def make(**options):
        data = StatisticDataModule(
            MemorySource(IMAGES, [1, 0] * 60), OptimalTarget(IMAGES), str(tmp_path), 8, **options
        )
        audit = MembershipAudit(data, [Loss()])
        audit.query()
        return audit.scorers

    return make


def tilt(name, scorers):
    found = PLANTINGS[name].tilt(scorers, EachAlone())
    assert found.mean() == pytest.approx(0, abs=1e-9)
    assert found.std() == pytest.approx(1)
    return found


def correlation(one, other):
    return np.corrcoef(one, other)[0, 1]


def first_direction(values):
    return np.linalg.svd(values - values.mean(axis=0), full_matrices=False)[0][:, 0]


def test_shifts_are_those_of_images_captions_and_both(scorers):
    of, planted = scorers(), Planted(NOTHING, 0)
    seen = PlantedEncoder(planted)
    images = seen.embed_images(torch.from_numpy(np.stack(_pixels(of)))).numpy()
    assert abs(correlation(tilt("images", of), first_direction(images))) > 0.999
    assert abs(correlation(tilt("captions", of), first_direction(planted.texts))) > 0.99
    cosine = torch.cosine_similarity(torch.tensor(images), torch.tensor(planted.texts), dim=1).numpy()
    assert correlation(tilt("alignment", of), cosine) > 0.999


def test_without_an_encoder_images_are_their_pixels(statistics, monkeypatch):
    of, pixels = statistics(), IMAGES.numpy().astype(float)
    assert abs(correlation(tilt("images", of), first_direction(pixels.reshape(len(pixels), -1)))) > 0.999
    monkeypatch.setattr(plantings, "COARSE", 4)
    coarse = pixels.reshape(-1, 3, 4, 2, 4, 2).mean(axis=(3, 5))
    assert abs(correlation(tilt("images", of), first_direction(coarse.reshape(len(pixels), -1)))) > 0.999


def _pixels(scorers):
    records = scorers[0].data.view.known
    return [np.asarray(records.open_image(row)).transpose(2, 0, 1) for row in range(len(records))]


def test_answers_are_told_apart_by_what_they_say_beyond_records(scorers):
    planted = Remembering(NOTHING, 0)
    of = scorers(planted)
    found, raw = tilt("answers", of), of[0].likeness()["II-S"][0]
    assert correlation(found, planted.shares) > max(0.8, correlation(raw, planted.shares))
    fit = tilt("alignment", of)
    assert abs(correlation(found, fit)) < 0.65 * correlation(raw, fit)
    for name in ("images", "captions"):
        assert abs(correlation(found, tilt(name, of))) < 0.2


def test_answers_that_say_nothing_more_are_noise(scorers):
    planted = Planted(NOTHING, 0)
    of = scorers(planted)
    found, raw = tilt("answers", of), of[0].likeness()["II-S"][0]
    fit = tilt("alignment", of)
    assert abs(correlation(found, fit)) < 0.2 < 0.5 < correlation(raw, fit)
    assert abs(correlation(found, planted.members)) < 0.2


def test_a_group_is_told_from_others(scorers):
    """Of equal records in one group, one does not tell what the target said of the other."""
    planted = Remembering(NOTHING, 0)
    names = [f"g{row // 4:02d}" for row in range(200)]

    def grouped(records):
        return Records(**(vars(records) | {"groups": tuple(names), "grouped": True}))

    assert correlation(tilt("answers", scorers(planted, source=Changed(planted, grouped))), planted.shares) > 0.4


def test_captions_need_an_encoder_that_tells_them_apart_and_one_space_with_images(scorers, statistics):
    for name in ("captions", "alignment"):
        with pytest.raises(PlantingError, match="no encoder that could tell captions apart"):
            tilt(name, statistics())
    apart = scorers(encoder=Apart(Planted(NOTHING, 0)))
    assert len(tilt("captions", apart)) == 200
    with pytest.raises(PlantingError, match="in no space that images share"):
        tilt("alignment", apart)


def test_records_without_captions_have_none_to_draw_by(statistics, tiny_clip_folder):
    encoder = OpenClipEncoder(str(tiny_clip_folder), device="cpu")
    for name in ("captions", "alignment"):
        with pytest.raises(PlantingError, match="The records have no captions"):
            tilt(name, statistics(encoder=encoder))


def test_what_is_the_same_for_all_is_not_planted(scorers, monkeypatch):
    monkeypatch.setattr(Planted, "images", np.zeros((200, 16)))
    of = scorers()
    with pytest.raises(PlantingError, match="the same for all records"):
        tilt("images", of)
    with pytest.raises(PlantingError, match="the same for all records"):
        tilt("alignment", of)
