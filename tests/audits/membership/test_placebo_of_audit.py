"""Placebos in audits: the same model is refused before anything is asked, and a weak one is found."""

import numpy as np
import pytest
import torch
from memory_source import MemorySource
from optimal_denoiser import OptimalTarget, smooth_images
from sklearn.metrics.pairwise import cosine_similarity
from small_records import QUARTERS, InkTarget

from datamodules import AuxiliaryDataModule, StatisticDataModule
from lit_mia.attacks import AttackIIP, AttackIS, ResidualHead
from lit_mia.attacks.budgets import Budget
from lit_mia.attacks.calibration import BaseDifference, BaseJoint, BaseRegression
from lit_mia.attacks.statistics import CLiD, Loss, SimA
from lit_mia.audits.membership import MembershipAudit
from lit_mia.audits.membership.placebo_check import placebo_checks
from lit_mia.errors import TargetError

N = 160
IMAGES = smooth_images(N, 0)
MEMBERS = [1, 0] * (N // 2)
CAPTIONS = [f"picture {row}" for row in range(N)]
SOURCE = MemorySource(IMAGES, MEMBERS, CAPTIONS)
BUDGET = Budget(seeds=1, max_epochs=1, accelerator="cpu")


class Painter(InkTarget):
    """Draws what belongs to a caption, and noise over it.

    Args:
        notes: Folder of the notes.
        ink: Another ink is another target.
        noise: Deviation of the noise in grey values.
        settings: What else its fingerprint tells.
    """

    def __init__(self, notes, ink=0, noise=20.0, **settings):
        super().__init__(notes, ink)
        self.noise, self.settings = noise, settings

    def fingerprint(self):
        return super().fingerprint() | self.settings

    def _draw(self, prompt, seed):
        generator = torch.Generator().manual_seed(seed // 7 + self.ink)
        image = IMAGES[int(prompt.split()[1])].float()
        return (image + self.noise * torch.randn(image.shape, generator=generator)).clamp(0, 255).byte()


def side(tmp_path, target, encoder=None):
    return AuxiliaryDataModule(
        *(SOURCE, target, str(tmp_path / target.name), encoder),
        image_size=8,
        fractions=QUARTERS,
        near_duplicates="report",
    )


@pytest.fixture
def pairs(tmp_path, encoder):
    """The check of a painter's placebo, by attack."""

    def check(placebo, **options):
        data = side(tmp_path, Painter(tmp_path / "notes", steps=10), encoder)
        audit = MembershipAudit(data, [AttackIS(), AttackIIP()], placebo, budget=BUDGET)
        audit.query()
        return placebo_checks(audit.scorers, **options)

    return check


def findings(tmp_path, attacks, target, placebo, **options):
    data = StatisticDataModule(SOURCE, target, str(tmp_path / "found"), 8, fractions=QUARTERS)
    return MembershipAudit(data, attacks, placebo, budget=BUDGET, head=ResidualHead(width=4), **options)


def test_a_placebo_that_draws_as_well_is_valid_for_every_attack(pairs, tmp_path):
    checks = pairs(Painter(tmp_path / "other", ink=1, noise=15, steps=10))
    assert set(checks) == {"I-S", "II-P"}
    for check in checks.values():
        assert check.valid, check.sentence
        assert check.gap_hi < 0.2


def test_a_placebo_that_draws_worse_is_weak(pairs, tmp_path):
    for check in pairs(Painter(tmp_path / "other", ink=1, noise=150, steps=10)).values():
        assert not check.valid
        assert check.gap > 0.2
        assert "too weak" in check.sentence


def test_without_an_encoder_pixels_are_compared(tmp_path):
    data = side(tmp_path, Painter(tmp_path / "notes", noise=10))
    data.query()
    answers = np.stack(data.answers(range(N))).transpose(0, 3, 1, 2).astype(float)
    by_hand = -np.abs(answers - IMAGES.numpy()).mean(axis=(1, 2, 3))
    assert data.likeness() == pytest.approx(by_hand)
    assert -10 < by_hand.mean() < -4  # the noise of an even deviation of 10, cut off at black and white


def test_with_an_encoder_embeddings_are_compared(tmp_path, encoder):
    data = side(tmp_path, Painter(tmp_path / "notes", noise=10), encoder)
    data.query()
    data.prepare(frozenset())
    x, drawn = data.embeddings(encoder)
    by_hand = [cosine_similarity(a[None], b)[0].mean() for a, b in zip(x, drawn, strict=True)]
    assert data.likeness() == pytest.approx(np.array(by_hand), abs=1e-6)


def test_other_settings_are_named(pairs, tmp_path):
    check = pairs(Painter(tmp_path / "other", ink=1, steps=20, guidance=2.0))["II-P"]
    assert not check.valid
    assert check.sentence == "It is not asked as the target is: `steps`, `guidance` differ."


def test_the_same_model_under_another_name_answers_the_same(pairs, tmp_path):
    """As of an API whose model cannot be told from the outside."""
    check = pairs(Painter(tmp_path / "other", ink=0, steps=10, **{"weights": "unknown"}))["II-P"]
    assert not check.valid
    assert "the same model" in check.sentence


def test_an_encoder_that_does_not_work_compares_nothing(pairs, tmp_path):
    placebo = Painter(tmp_path / "other", ink=1, noise=15, steps=10)
    assert pairs(placebo)["I-S"].valid
    assert "the attacker's encoder does not work" in pairs(placebo, tools_failed=True)["I-S"].sentence


@pytest.mark.parametrize("also", [False, True])
def test_the_same_weights_are_refused_before_anything_is_asked(tmp_path, also, encoder):
    target, twin = OptimalTarget(IMAGES[::2]), OptimalTarget(IMAGES[::2], batch_size=7)
    if also:
        first = side(tmp_path, InkTarget(tmp_path / "notes"), encoder)
        second = StatisticDataModule(
            SOURCE, target, str(tmp_path / "found"), 8, fractions=QUARTERS, near_duplicates="report"
        )
        audit = MembershipAudit(first, [AttackIIP(), Loss(t=100)], also=second, also_placebo=twin, budget=BUDGET)
    else:
        audit = findings(tmp_path, [Loss(t=100)], target, twin)
    for step in (audit.estimate, audit.query):
        with pytest.raises(TargetError, match="The placebo 'optimal' holds the weights of the target 'optimal'"):
            step()
    assert (target.nfe, twin.nfe) == (0, 0)
    assert not list(tmp_path.glob("**/*.safetensors"))


def test_statistics_are_checked_each_by_its_own(tmp_path):
    stranger = smooth_images(N // 2, 7)
    placebo = OptimalTarget(stranger)
    audit = findings(tmp_path, [Loss(t=[100, 300]), SimA(t=100)], OptimalTarget(IMAGES[::2]), placebo)
    audit.query()
    checks = placebo_checks(audit.scorers)
    assert set(checks) == {"Loss", "SimA"}
    assert all(check.gap is not None for check in checks.values())
    assert checks["Loss"].gap == pytest.approx(gap_by_hand(audit, Loss(t=[100, 300])))


def gap_by_hand(audit, attack):
    (scorer,) = audit.scorers
    setting = scorer._chosen[attack.name]
    view = audit.data.view
    rows = [row for row in view.splits.rows["test"] if view.known.members[row] == 0]
    ours, theirs = (side.statistics(attack, setting)[rows, 0] for side in scorer.sides().values())
    return (ours - theirs).mean() / ours.std(ddof=1)


def test_a_statistic_of_several_parts_is_put_on_the_targets_scale(tmp_path):
    """CLiD scales its parts by their spread: a placebo whose loss is larger everywhere must not look alike for it."""
    target, placebo = OptimalTarget(IMAGES[::2], CAPTIONS[::2]), OptimalTarget(IMAGES[:3], CAPTIONS[:3])
    audit = findings(tmp_path, [CLiD()], target, placebo)
    audit.query()
    assert placebo_checks(audit.scorers)["CLiD"].gap > 0.2


def of_the_domain(seed):
    """Images near the records, as of other records of their domain."""
    noise = 20 * torch.randn(IMAGES.shape, generator=torch.Generator().manual_seed(seed))
    return (IMAGES + noise).clamp(0, 255).byte()


BEFORE, STRANGERS = smooth_images(60, 7), smooth_images(N, 11)
BRIGHT = 128 + STRANGERS // 2


@pytest.mark.parametrize(
    ("learned", "by_placebo", "valid", "says"),
    [
        (of_the_domain(1), of_the_domain(2), True, "over the base than the target did"),
        (of_the_domain(1), STRANGERS, False, "less over the base than the target did"),
        (BRIGHT, BRIGHT[:5], False, "a model that learned nothing would pass too"),  # members may be of that domain
    ],
)
def test_the_placebo_of_a_calibrated_attack_has_to_have_learned_the_domain(tmp_path, learned, by_placebo, valid, says):
    target, placebo = (OptimalTarget(torch.cat([BEFORE, images])) for images in (learned, by_placebo))
    statistics = [Loss(t=[100, 300]), SimA(t=100)]
    data = StatisticDataModule(
        *(SOURCE, target, str(tmp_path / "found"), 8), fractions=QUARTERS, base=OptimalTarget(BEFORE)
    )
    attacks = [BaseDifference(statistics), BaseRegression(statistics), BaseJoint(statistics)]
    audit = MembershipAudit(data, attacks, placebo, budget=BUDGET, head=ResidualHead(width=4))
    audit.query()
    checks = placebo_checks(audit.scorers)
    assert set(checks) == {attack.name for attack in attacks}
    for check in checks.values():
        assert (check.valid, says in check.sentence) == (valid, True), check.sentence


def test_without_a_placebo_there_is_nothing_to_check(tmp_path):
    audit = findings(tmp_path, [Loss(t=100)], OptimalTarget(IMAGES[::2]), None)
    audit.query()
    assert placebo_checks(audit.scorers) == {}
