"""Triage: images are spent on the captions to which the target answers more strongly than its base."""

import numpy as np
import pytest
import torch
from copier import Copier
from memory_source import MemorySource
from optimal_denoiser import OptimalTarget, smooth_images

from datamodules import AuxiliaryDataModule, StatisticDataModule
from lit_mia.attacks.copying import TiledDistance
from lit_mia.attacks.statistics import ConditionalDifference
from lit_mia.audits.base import Run
from lit_mia.audits.extraction import ExtractionAudit
from lit_mia.audits.extraction.triage import Triage, drawn_first
from lit_mia.errors import HeadError, SplitError
from lit_mia.metrics.copying.excess import excess_of

N, SIDE = 40, 8
IMAGES = smooth_images(N, 0)
CAPTIONS = [f"drawing {row}" for row in range(N)]
MEMBERS = (1, 0) * (N // 2)
LEARNED = list(range(0, N, 4))
"""Half of the members."""


def denoiser(rows):
    return OptimalTarget(IMAGES[rows], [CAPTIONS[row] for row in rows], dtype=torch.float32)


def triage(folder, source=None, learned=LEARNED, **options):
    folder.mkdir(exist_ok=True)
    data = StatisticDataModule(
        source or MemorySource(IMAGES, MEMBERS, CAPTIONS),
        denoiser(learned),
        str(folder / "triage"),
        SIDE,
        base=denoiser([1, 3, 5]),
    )
    return Triage(data, **options)


def audit(folder, ranking, target=None):
    target = target or Copier({CAPTIONS[row]: IMAGES[row] for row in LEARNED}, SIDE)
    source = MemorySource(IMAGES, MEMBERS, CAPTIONS)
    data = AuxiliaryDataModule(source, target, str(folder / "store"), image_size=SIDE, images_per_record=2)
    design = {"design": "randomized_split", "design_statement": "a coin in this test"}
    return ExtractionAudit(data, [TiledDistance()], triage=ranking, **design)


def run(made):
    return made.run(Run("extraction", {}, made.data.store_path))


def test_what_was_learned_is_drawn_first_and_the_rates_are_of_all_records(tmp_path):
    target = Copier({CAPTIONS[row]: IMAGES[row] for row in LEARNED}, SIDE)
    result = run(audit(tmp_path, triage(tmp_path, share=0.25), target))
    assert set(target.asked) > {CAPTIONS[row] for row in LEARNED}
    assert (result.first.members.k, result.first.members.n, result.first.nonmembers.n) == (10, 20, 20)
    assert (result.triaged.members, result.triaged.nonmembers) == (10, 10)  # the ten of which are a control
    assert "of 10 captions of the training half and 10 held out, no others" in result.verdict["sentence"]
    assert result.first.own_nearest[0] == 1
    assert result.triaged.auc["target less base"] == pytest.approx(0.75, abs=0.04)  # half of the members
    assert result.triaged.auc["base"] < 0.5  # it knows three that were held out
    assert result.cost["by_target"]["triage"]["queries"] > 0
    assert "Which captions were drawn" in result.page()
    assert len(result.lines) == 20


def test_what_any_caption_gets_is_no_finding_however_well_the_ranking_tells_the_halves(tmp_path):
    """Of every caption the image is drawn whatever the half, so that all that are drawn are reproduced."""
    knows_all = Copier({caption: image for caption, image in zip(CAPTIONS, IMAGES, strict=True)}, SIDE)
    result = run(audit(tmp_path, triage(tmp_path, share=0.25), knows_all))
    assert result.triaged.auc["target less base"] > 0.7
    assert (result.first.members.k, result.first.nonmembers.k) == (10, 10)
    assert result.kind == "not detected under this protocol"


@pytest.mark.parametrize("skill", [0.0, 1.0, 10.0])
def test_under_a_coin_a_ranking_that_knows_it_makes_few_findings(skill):
    """A third of what is drawn is a copy by chance, whatever the ranking knows."""
    found, rng = 0, np.random.default_rng(0)
    for _ in range(200):
        is_member = rng.random(120) < 0.5
        drawn = drawn_first(rng.normal(size=120) + skill * is_member, is_member, 0.25)
        assert is_member[drawn].sum() <= (~is_member[drawn]).sum()
        copied = np.zeros(120)
        copied[drawn] = rng.random(len(drawn)) < 1 / 3
        found += excess_of(copied, is_member).p <= 0.05
    assert found <= 18  # 10 expected at most, and two standard deviations and a half


def test_a_target_that_is_its_base_but_for_one_caption_ranks_that_first(tmp_path):
    result = run(audit(tmp_path, triage(tmp_path, learned=[1, 3, 5, 2], share=0.025)))
    assert (result.triaged.members, result.triaged.nonmembers) == (1, 1)
    assert result.fewest_found is None  # one copy would not be found
    assert "no number of copies" in " ".join(result.page().split())


def test_ranking_is_estimated_before_images_and_asks_nothing(tmp_path):
    made = audit(tmp_path, triage(tmp_path))
    assert set(made.estimate()) == {"triage", "triage base"}
    made.query()
    assert {name: of.missing for name, of in made.estimate().items()} == {"target": 0}


@pytest.mark.parametrize(
    ("make", "error", "told"),
    [
        (lambda f: triage(f, share=0.0), HeadError, r"in \(0, 1\]"),
        (lambda f: triage(f, attack=ConditionalDifference(t=[900, 999])), HeadError, "one setting"),
        (
            lambda f: audit(f, triage(f, MemorySource(IMAGES.flip(0), MEMBERS, CAPTIONS[::-1]))).estimate(),
            SplitError,
            "the same records",
        ),
    ],
)
def test_mistakes_are_refused_before_anything_is_asked(tmp_path, make, error, told):
    with pytest.raises(error, match=told):
        make(tmp_path)
