"""Records that the attacker's encoder takes for the same are grouped before the splits, and a lock never changes."""

import json

import numpy as np
import pytest
import torch
from memory_source import MemorySource
from optimal_denoiser import OptimalTarget
from small_records import QUARTERS, InkTarget

from datamodules import AuxiliaryDataModule, StatisticDataModule
from lit_mia.attacks import AttackIIP
from lit_mia.attacks.statistics import Loss
from lit_mia.audits.membership import MembershipAudit
from lit_mia.errors import RecordError
from lit_mia.features import Encoder

N = 80
RNG = np.random.default_rng(0)
IMAGES = torch.from_numpy(RNG.integers(0, 256, (N, 3, 16, 16), dtype=np.uint8))
IMAGES[1::2] = IMAGES[::2].flip(-1)  # of each pair the second is the first in a mirror
CAPTIONS = [f"picture {row}" for row in range(N)]
MEMBERS = [row // 2 % 2 for row in range(N)]


class Rows(Encoder):
    """The mean colour of each row, which a mirror does not change."""

    dimension = 48
    shares_space = False

    def __init__(self, name="rows", sees=True):
        super().__init__(name, normalize=False, batch_size=16, device="cpu", dtype="float32")
        self.sees = sees

    def fingerprint(self):
        return {"encoder": self.name}

    def _encode_images(self, images):
        rows = images.float().mean(dim=3).flatten(1)
        return rows - rows.mean(dim=1, keepdim=True) if self.sees else torch.randn(len(images), 48)

    def _encode_texts(self, texts):
        return torch.zeros(len(texts), 48)


@pytest.fixture
def data(tmp_path):
    def make(encoder=None, store="store", source=None, **options):
        settings = {"image_size": 16, "fractions": QUARTERS} | options
        target = InkTarget(tmp_path / "notes")
        source = source or MemorySource(IMAGES, MEMBERS, CAPTIONS)
        return AuxiliaryDataModule(source, target, str(tmp_path / store), encoder, **settings)

    return make


def pairs_together(module):
    groups = module.view.labelled.groups
    return sum(groups[row] == groups[row + 1] for row in range(0, N, 2))


def test_mirrored_images_are_one_group_by_the_encoder_and_not_by_their_pixels(data):
    assert pairs_together(data(store="without")) == 0
    module = data(Rows())
    assert pairs_together(module) == N // 2
    assert len(module.view.duplicates) == N // 2
    splits = {row: name for name, rows in module.view.splits.rows.items() for row in rows}
    assert all(splits[row] == splits[row + 1] for row in range(0, N, 2))


def test_they_are_only_reported_where_the_user_or_the_source_says_so(data):
    module = data(Rows(), near_duplicates="report")
    assert pairs_together(module) == 0
    assert len(module.view.duplicates) == N // 2
    assert module.view.locked.digest == data(store="without").view.locked.digest
    with pytest.raises(RecordError, match="80 records show the same"):
        _ = data(Rows(), store="refusing", near_duplicates="refuse").view


def test_a_lock_of_a_version_that_asked_no_encoder_stays(data, tmp_path):
    digest = data().view.locked.digest
    path = tmp_path / "store/splits.json"
    lock = json.loads(path.read_text())
    assert lock.pop("alike") == []
    path.write_text(json.dumps(lock))
    again = data(Rows())
    assert again.view.locked.digest == digest
    assert pairs_together(again) == 0


def test_another_encoder_changes_no_locked_groups(data):
    first = data(Rows()).view.locked.digest
    for other in (Rows("another", sees=False), None):
        module = data(other)
        assert module.view.locked.digest == first
        assert pairs_together(module) == N // 2


def test_both_sides_of_an_audit_have_the_same_groups(data, tmp_path):
    findings = StatisticDataModule(
        MemorySource(IMAGES, MEMBERS, CAPTIONS),
        OptimalTarget(IMAGES[:9]),
        str(tmp_path / "found"),
        16,
        fractions=QUARTERS,
    )
    pairs = data(Rows())
    audit = MembershipAudit(findings, [Loss(t=100), AttackIIP()], also=pairs)
    assert set(audit.sides) == {"target", "target (head)"}
    assert pairs.view.labelled.groups == findings.view.labelled.groups
    assert pairs_together(findings) == N // 2
