"""What an audit of records cannot score is refused with a message, before anything is asked and any store is made."""

import pytest
from memory_source import MemorySource
from optimal_denoiser import OptimalTarget, smooth_images
from small_records import LABELS, QUARTERS, SEED, InkTarget, write_records

from datamodules import AuxiliaryDataModule, StatisticDataModule
from lit_mia.attacks import AttackIIP, AttackIIS, AttackIP, AttackIS, IdentityInference, ResidualHead
from lit_mia.attacks.data import AuditedAttack
from lit_mia.attacks.statistics import Loss, PangWang, ReDiffuseAPI
from lit_mia.audits.membership import MembershipAudit
from lit_mia.errors import EncoderError, HeadError, TargetError
from lit_mia.targets.base import AccessLevel

IMAGES = smooth_images(8, 0)


class Oracle(AuditedAttack):
    """An attack of a package outside that brings no scorer."""

    name = "Oracle"
    level = AccessLevel.GENERATE
    scored_by = "dream"


@pytest.fixture
def ink(tmp_path):
    return InkTarget(tmp_path / "notes")


@pytest.fixture
def store(tmp_path, ink):
    """The store, which must not be there at the end, and the target, which must not have been asked."""
    yield tmp_path / "store"
    assert not (tmp_path / "store").exists()
    assert ink.asked() == []


@pytest.fixture
def pairs(tmp_path, ink, store):
    def make(target=ink, **options):
        source = write_records(tmp_path / "records", LABELS)
        settings = {"image_size": 8, "fractions": QUARTERS, "split_seed": SEED} | options
        return AuxiliaryDataModule(source, target, str(store), **settings)

    return make


@pytest.fixture
def findings(store):
    def make(target):
        return StatisticDataModule(MemorySource(IMAGES, [1, 0] * 4), target, str(store), image_size=8)

    return make


@pytest.mark.parametrize(
    ("attack", "message"),
    [
        (Oracle(), "Oracle is scored by a dream, which an audit of records does not know; it knows head, statistic"),
        (IdentityInference(), "IDIA is scored by a rule, .*IDIA is for `people:`, e.g. audit/idia_demo"),
    ],
)
def test_an_attack_without_a_scorer_is_refused_and_never_dropped(pairs, encoder, attack, message):
    for attacks in ([attack], [AttackIIP(), attack]):
        with pytest.raises(HeadError, match=message):
            MembershipAudit(pairs(encoder=encoder), attacks)


@pytest.mark.parametrize(
    ("head", "message"),
    [
        (
            ResidualHead(),
            "residual reads residual, but AuxiliaryDataModule provides .*generated.*Use another datamodule",
        ),
        (Loss(), "AuxiliaryDataModule does not serve Loss.*Training-free attacks need a StatisticDataModule"),
    ],
)
def test_pairs_do_not_serve_what_reads_findings(pairs, encoder, head, message):
    for attacks in ([head], [AttackIIP(), head]):
        with pytest.raises(HeadError, match=message):
            MembershipAudit(pairs(encoder=encoder), attacks)


def test_a_head_that_needs_another_level_is_refused(pairs, encoder):
    target = OptimalTarget(IMAGES)
    with pytest.raises(
        TargetError, match="'optimal' does not offer the access level 'generate'; it offers: denoise, vary"
    ):
        MembershipAudit(pairs(target, encoder=encoder), [AttackIIP()])
    assert target.nfe == 0


def test_a_statistic_that_needs_another_level_is_refused(findings, ink, encoder):
    denoiser = OptimalTarget(IMAGES)
    for attack, target, level in (
        (Loss(), ink, "denoise"),
        (ReDiffuseAPI(), ink, "vary"),
        (PangWang(encoder), denoiser, "generate"),
    ):
        with pytest.raises(TargetError, match=f"does not offer the access level '{level}'"):
            MembershipAudit(findings(target), [attack])
    assert denoiser.nfe == 0


def test_a_placebo_that_offers_less_is_refused(pairs, ink, encoder, findings):
    with pytest.raises(TargetError, match="'optimal' does not offer the access level 'generate'"):
        MembershipAudit(pairs(encoder=encoder), [AttackIIP()], OptimalTarget(IMAGES))
    with pytest.raises(TargetError, match="'ink' does not offer the access level 'denoise'"):
        MembershipAudit(findings(OptimalTarget(IMAGES)), [Loss()], ink)


@pytest.mark.parametrize("head", [AttackIS(), AttackIIS(), AttackIP()], ids=lambda head: head.name)
def test_embeddings_without_an_encoder_are_refused(pairs, head):
    """Also where the caption control alone reads them; nothing falls back to the encoder that was trained on emoji."""
    with pytest.raises(EncoderError, match=r"no `encoder` is given.*encoder/open_clip_vit_b_32"):
        MembershipAudit(pairs(), [head])


def test_an_audit_names_each_attack_once(pairs, encoder):
    for attacks, given in (([], "none"), ([AttackIP(), AttackIP(lr=0.1)], r"\['I-P', 'I-P'\]")):
        with pytest.raises(HeadError, match=f"at least one attack, and each once, but got {given}"):
            MembershipAudit(pairs(encoder=encoder), attacks)


def test_a_protocol_without_statistics_is_refused(pairs, encoder):
    for options in ({"protocol": "threshold"}, {"head": ResidualHead()}):
        with pytest.raises(HeadError, match="`protocol` and `head` are for training-free attacks"):
            MembershipAudit(pairs(encoder=encoder), [AttackIIP()], **options)
