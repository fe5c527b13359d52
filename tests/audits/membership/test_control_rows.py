"""Which controls the rows of an audit are compared with, and what they are learned from."""

import logging
import shutil

import numpy as np
import pytest
import torch
from memory_source import MemorySource
from optimal_denoiser import OptimalTarget, smooth_images
from small_records import LABELS, QUARTERS, SEED, InkTarget, write_records

from datamodules import AuxiliaryDataModule, StatisticDataModule
from lit_mia.attacks import AttackIIP, AttackIIS, AttackIS, Budget, ResidualHead, same_training
from lit_mia.attacks.checkpoints import Start
from lit_mia.attacks.statistics import Loss, PangWang
from lit_mia.attacks.statistics.base import StatisticAttack
from lit_mia.audits.membership import MembershipAudit
from lit_mia.errors import EncoderError, HeadError
from lit_mia.features import DinoEncoder
from lit_mia.queries.requests import Finding

BUDGET = Budget(seeds=2, max_epochs=1, accelerator="cpu")
N, SIDE = 60, 16
OTHER_SEED = 20  # of the splits
IMAGES = smooth_images(N, 0, side=SIDE)
CAPTIONS = [f"picture {row}" for row in range(N)]
EVERY = {"attack", "blind", "caption", "joint", "n-grams", "metadata"}


class Same(StatisticAttack):
    """An attack whose statistic is the same for all records."""

    name = "same"
    swept = ()

    def measure(self, subject, setting):
        yield from ()
        return Finding(torch.ones(len(subject.ids)), torch.ones(len(subject.ids), 3, SIDE, SIDE))


@pytest.fixture
def heads(tmp_path, encoder):
    """Makes the rows of an audit of trained heads."""

    def make(attacks, name="out", budget=BUDGET, split_seed=SEED):
        source, target = write_records(tmp_path / "records", LABELS), InkTarget(tmp_path / "notes")
        settings = {"image_size": 8, "fractions": QUARTERS, "split_seed": split_seed}
        data = AuxiliaryDataModule(source, target, str(tmp_path / "store"), encoder, **settings)
        return rows_of(MembershipAudit(data, attacks, budget=budget), tmp_path / name)

    return make


@pytest.fixture
def statistics(tmp_path):
    """Makes the rows of an audit of training-free attacks."""

    def make(attacks, target, captions=CAPTIONS, **tools):
        source = MemorySource(IMAGES, [1, 0] * (N // 2), captions)
        settings = {"image_size": SIDE, "fractions": QUARTERS, "split_seed": 1}
        data = StatisticDataModule(source, target, str(tmp_path / "store"), **settings, **tools)
        audit = MembershipAudit(data, attacks, budget=BUDGET, head=ResidualHead(width=4))
        return rows_of(audit, tmp_path / "out")

    return make


def rows_of(audit, folder):
    audit.query()
    folder.mkdir()
    (scorer,) = audit.scorers
    rows = scorer.rows(folder)
    assert {row.kind for row in rows} - {"attack"} <= scorer.control_kinds()
    return {row.name: row for row in rows}


def test_heads_have_every_control_and_share_what_is_alike(heads, tmp_path):
    rows = heads([AttackIS(widths=(4,)), AttackIIS(widths=(4,))])
    assert {row.kind for row in rows.values() if row.attack == "II-S"} == EVERY
    for kind in EVERY - {"attack"}:
        np.testing.assert_array_equal(rows[f"I-S {kind}"].scores, rows[f"II-S {kind}"].scores)
        assert (tmp_path / f"out/II-S {kind}.ckpt").is_file() == (kind in ("blind", "caption", "joint"))
    assert {name: (row.captioned, row.unequal) for name, row in rows.items() if row.kind == "attack"} == {
        "I-S": (True, None),
        "II-S": (True, None),
    }
    assert not any(row.captioned for row in rows.values() if row.kind != "attack")
    for row in rows.values():
        assert row.setting in (None, "gradient boosting")
        assert len(row.scores) == (2 if row.setting is None and row.kind not in ("n-grams", "metadata") else 1)


def test_a_fine_tuned_attack_has_fine_tuned_controls_or_says_that_they_saw_less(heads, tmp_path, caplog):
    heads([AttackIIS(widths=(4,))], "first")
    start = str(tmp_path / "first/II-S.ckpt")
    still = Budget(seeds=1, max_epochs=1, accelerator="cpu")
    tuned = AttackIIS(widths=(4,), init_from=start, lr=1e-12)
    assert heads([tuned], "second", still)["II-S"].unequal is None
    for kind in ("blind", "caption", "joint"):
        first, second = (
            torch.load(tmp_path / f"{folder}/II-S {kind}.ckpt", weights_only=True)["state_dict"]
            for folder in ("first", "second")
        )
        assert all(torch.allclose(first[name].float(), second[name].float(), atol=1e-6) for name in first)
    (tmp_path / "first/II-S joint.ckpt").unlink()
    with caplog.at_level(logging.WARNING):
        row = heads([tuned], "third", still)["II-S"]
    assert "has seen more records than its controls joint, which are trained from scratch" in row.unequal
    assert row.unequal in caplog.text


def test_a_head_that_is_gone_on_with_is_in_the_report_and_in_every_key(heads, tmp_path):
    heads([AttackIIS(widths=(4,))], "first")
    start = tmp_path / "first/II-S.ckpt"
    tuned, fresh = AttackIIS(widths=(4,), init_from=str(start)), AttackIIS(widths=(4,))
    digest = Start.of(tuned.hparams).digest
    assert Start.of(fresh.hparams) is None
    assert digest in same_training(tuned)
    assert same_training(tuned) == same_training(AttackIIS(widths=(4,), init_from=str(shutil.copy(start, tmp_path))))
    torch.save(torch.load(start, weights_only=True) | {"calibration": {}}, start)
    assert digest not in same_training(tuned)


def test_a_head_that_is_not_there_or_has_seen_the_test_split_is_refused_before_anything_is_asked(heads, tmp_path):
    asked = tmp_path / "notes"
    with pytest.raises(HeadError, match=r"`init_from` must be .* 'no.ckpt' does not exist. An audit, such as audit/op"):
        heads([AttackIIS(widths=(4,), init_from="no.ckpt")], "first")
    assert list(asked.iterdir()) == []
    heads([AttackIIS(widths=(4,))], "second")
    shutil.rmtree(tmp_path / "store")
    before = len(list(asked.iterdir())), sum(len(file.read_text()) for file in asked.iterdir())
    tuned = AttackIIS(widths=(4,), init_from=str(tmp_path / "second/II-S.ckpt"))
    with pytest.raises(HeadError, match=r"II-S starts from a head that learned from records of the test.*very small"):
        heads([tuned], "third", split_seed=OTHER_SEED)
    assert before == (len(list(asked.iterdir())), sum(len(file.read_text()) for file in asked.iterdir()))


def test_a_dead_head_ends_the_audit_before_test_is_opened(heads, tmp_path):
    with pytest.raises(HeadError, match=r"scores of II-P are the same for all \d+ records of cal.*stays in the store"):
        heads([AttackIIP(lr=1e-30, freeze_trunk=True, init_from=str(dead_head(tmp_path)))])
    assert not (tmp_path / "store/ledger.json").exists()


def dead_head(folder):
    """The checkpoint of a head whose last layer is zero."""
    from planted_pairs import PlantedPairs

    from lit_mia.attacks.training import fit_head

    head = AttackIIP()
    trainer = fit_head(head, PlantedPairs(), Budget(seeds=1, max_epochs=1, accelerator="cpu"), 0)
    torch.nn.init.zeros_(head.classifier.weight)
    trainer.save_checkpoint(folder / "II-P.ckpt")
    return folder / "II-P.ckpt"


def test_statistics_of_captions_have_the_controls_of_captions(statistics, encoder, tmp_path):
    rows = statistics([PangWang(encoder, m=1)], InkTarget(tmp_path / "notes"), encoder=encoder)
    assert {row.kind for row in rows.values()} == EVERY
    assert rows["Pang-Wang"].captioned


def test_without_an_encoder_there_is_no_joint_control_and_that_is_said_before(statistics, encoder, tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        rows = statistics([PangWang(encoder, m=1)], InkTarget(tmp_path / "notes"))
    assert {row.kind for row in rows.values()} == EVERY - {"caption", "joint"}
    assert "Pang-Wang: captions are given, but the datamodule has no `encoder`" in caplog.text


def test_what_is_told_no_caption_has_no_control_of_captions(statistics, encoder, caplog):
    rows = statistics([Loss()], OptimalTarget(IMAGES[::2]), encoder=encoder)
    assert {row.kind for row in rows.values()} == {"attack", "blind", "metadata"}
    assert not rows["Loss"].captioned
    assert "encoder" not in caplog.text


def test_a_constant_statistic_is_refused(statistics):
    with pytest.raises(HeadError, match=r"The scores of same are the same for all \d+ records of cal.*another setting"):
        statistics([Same()], OptimalTarget(IMAGES[::2]))


def test_an_encoder_that_embeds_no_captions_is_refused(tmp_path):
    source = MemorySource(IMAGES, [1, 0] * (N // 2))
    with pytest.raises(EncoderError, match="embeds images alone"):
        StatisticDataModule(source, OptimalTarget(IMAGES), str(tmp_path), 8, encoder=DinoEncoder())
