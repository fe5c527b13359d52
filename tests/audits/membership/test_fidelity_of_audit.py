"""FID and KID of an audit: planted pairs, equal sides, another encoder, and what is said of too few images."""

import numpy as np
import pytest
import torch
from memory_source import MemorySource
from small_records import QUARTERS, InkTarget

from datamodules import AuxiliaryDataModule
from lit_mia.attacks import AttackIS
from lit_mia.audits.membership import MembershipAudit
from lit_mia.audits.membership.encoder_checks import fidelity
from lit_mia.errors import EncoderError
from lit_mia.features import InceptionEncoder, TransformersClipEncoder
from lit_mia.features.open_clip_encoder import OpenClipEncoder

N, SIDE = 60, 16


def pictures(rng, n, brightness):
    """Images of 4 x 4 coloured blocks."""
    blocks = rng.integers(0, 130, (n, 3, 4, 4)) + np.asarray(brightness).reshape(-1, 1, 1, 1)
    return torch.tensor(blocks.repeat(4, axis=2).repeat(4, axis=3).astype(np.uint8))


class RecallTarget(InkTarget):
    """Draws members as they are and all else much brighter.

    Args:
        notes: Folder of the notes.
        recalled: What it draws for each prompt.
    """

    def __init__(self, notes, recalled):
        super().__init__(notes)
        self.recalled = recalled

    def generate(self, prompts, seeds):
        return torch.stack([self.recalled[prompt] for prompt in prompts])


@pytest.fixture
def prepared(tmp_path, tiny_clip_folder):
    """Makes a datamodule whose answers are there: of records of some brightness, and answers of another."""

    def make(members, real, answers, **options):
        rng = np.random.default_rng(0)
        images = pictures(rng, len(members), real)
        names = [f"record {number}" for number in range(len(members))]
        target = RecallTarget(tmp_path / "notes", dict(zip(names, pictures(rng, len(members), answers), strict=True)))
        data = AuxiliaryDataModule(
            MemorySource(images, members, names),
            target,
            str(tmp_path / "store"),
            OpenClipEncoder(str(tiny_clip_folder), device="cpu"),
            image_size=SIDE,
            fractions=QUARTERS,
            **options,
        )
        data.prepare(frozenset({"image_embedding", "generated_embedding"}))
        return data

    return make


MEMBERS = np.arange(N) % 2


def test_what_is_generated_for_members_is_nearer_and_the_sides_are_alike(prepared):
    found = fidelity(prepared(MEMBERS.tolist(), np.zeros(N), np.where(MEMBERS == 1, 0, 125)))
    assert found["members"]["fid"] < found["non_members"]["fid"] / 2
    assert found["members"]["kid"] < found["non_members"]["kid"] / 2
    assert found["p_generated"] < 0.01
    assert found["p_sides"] > 0.05
    assert (found["n"], found["dimension"], found["rank_deficient"]) == (N // 2, 12, False)
    assert found["encoder"].startswith("OpenClipEncoder ")


def test_sides_of_two_distributions_are_told_apart(prepared):
    found = fidelity(prepared(MEMBERS.tolist(), np.where(MEMBERS == 1, 0, 125), np.zeros(N)))
    assert found["sides"]["fid"] > 2 * found["members"]["fid"]
    assert found["p_sides"] < 0.01


def test_sides_are_of_one_size_and_the_part_is_chosen_by_the_hash(prepared):
    members = [1] * 40 + [0] * 20
    data = prepared(members, np.zeros(N), np.zeros(N))
    found = fidelity(data)
    assert found["n"] == 20
    assert fidelity(data) == found
    backwards = fidelity(data, list(reversed(range(N))))
    assert backwards == found
    assert fidelity(data, range(20, N))["members"] != found["members"]


def test_too_few_images_are_flagged_or_left_alone(prepared):
    data = prepared(MEMBERS.tolist(), np.zeros(N), np.zeros(N))
    assert fidelity(data, range(24))["rank_deficient"]
    assert not fidelity(data, range(26))["rank_deficient"]
    assert fidelity(data, range(7)) is None


def test_another_encoder_is_named_and_asks_for_nothing(prepared, tiny_clip_folder):
    data = prepared(MEMBERS.tolist(), np.zeros(N), np.zeros(N))
    cost = data.cost
    other = OpenClipEncoder(str(tiny_clip_folder), normalize=False, device="cpu")
    found = fidelity(data, encoder=other)
    assert found["fingerprint"] == other.fingerprint() != fidelity(data)["fingerprint"]
    assert found["members"]["fid"] > fidelity(data)["members"]["fid"]
    assert data.cost == cost


@pytest.mark.parametrize("encoder", [InceptionEncoder("nowhere.pth"), TransformersClipEncoder("nowhere")])
def test_a_missing_fid_encoder_is_found_before_any_query(tmp_path, tiny_clip_folder, encoder):
    target = InkTarget(tmp_path / "notes")
    source = MemorySource(pictures(np.random.default_rng(0), N, np.zeros(N)), MEMBERS.tolist(), ["x"] * N)
    own = OpenClipEncoder(str(tiny_clip_folder), device="cpu")
    data = AuxiliaryDataModule(source, target, str(tmp_path / "store"), own, fractions=QUARTERS)
    with pytest.raises(EncoderError, match=r"nowhere|torch-fidelity"):
        MembershipAudit(data, [AttackIS()], fid_encoder=encoder).query()
    assert target.asked() == []
