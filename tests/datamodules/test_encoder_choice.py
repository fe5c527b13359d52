"""Which encoder serves which head: refused before anything is asked; captions of the controls are embedded anyway."""

import re

import lightning as L
import numpy as np
import pytest
import timm
import torch
from small_records import QUARTERS, InkTarget, write_records

import lit_mia.features
from datamodules import AuxiliaryDataModule
from datamodules.inputs import Described, Tools, text_embedding
from lit_mia.attacks import AttackIII, AttackIIS, AttackIS, AttackIV
from lit_mia.audits.membership import MembershipAudit
from lit_mia.errors import EncoderError
from lit_mia.features import BlipEncoder, DinoEncoder, Encoder, InceptionEncoder, OpenClipEncoder, TimmEncoder
from lit_mia.features.encoders import SHARING_ENCODERS
from lit_mia.records import Records

LABELS = ["1", "0"] * 14
APART = [DinoEncoder(), TimmEncoder(), InceptionEncoder("weights.pth"), BlipEncoder(features="cls")]


@pytest.fixture
def target(tmp_path):
    return InkTarget(tmp_path / "notes")


@pytest.fixture
def data(tmp_path, target):
    def make(encoder, text_encoder=None):
        source = write_records(tmp_path / "records", LABELS)
        return AuxiliaryDataModule(
            source,
            target,
            str(tmp_path / "store"),
            encoder,
            image_size=8,
            fractions=QUARTERS,
            split_seed=62,
            text_encoder=text_encoder,
        )

    return make


@pytest.mark.parametrize("head", [AttackIII, AttackIV])
@pytest.mark.parametrize("encoder", APART, ids=lambda encoder: type(encoder).__name__)
def test_an_audit_refuses_an_encoder_without_a_shared_space_before_any_query(data, target, head, encoder):
    message = f"Attack {head.name} compares.*{type(encoder).__name__}.*no space.*{re.escape(SHARING_ENCODERS)}"
    with pytest.raises(EncoderError, match=message):
        MembershipAudit(data(encoder), [AttackIS(), head()])
    assert target.asked() == []


def test_a_fit_refuses_it_before_any_query(data, target):
    trainer = L.Trainer(accelerator="cpu", max_epochs=1, logger=False, enable_checkpointing=False)
    with pytest.raises(EncoderError, match="Attack III compares"):
        trainer.fit(AttackIII(), datamodule=data(BlipEncoder()))
    assert target.asked() == []


@pytest.mark.parametrize("encoder", APART, ids=lambda encoder: type(encoder).__name__)
def test_heads_of_one_modality_take_any_encoder(encoder):
    for head in (AttackIS(), AttackIIS()):
        head.check_encoder(encoder)


def test_concatenation_compares_nothing(data):
    AttackIV(operation="concat").check_encoder(BlipEncoder(features="cls"))
    with pytest.raises(EncoderError, match="no space"):
        AttackIV(operation="concat").check_encoder(DinoEncoder())


def test_the_message_names_every_encoder_that_shares_a_space():
    made = {"InceptionEncoder": {"weights": "x"}, "BlipEncoder": {"features": "itc"}, "OpenClipEncoder": {"model": "x"}}
    encoders = {name for name in lit_mia.features.__all__ if issubclass(getattr(lit_mia.features, name), Encoder)}
    for name in encoders - {"Encoder"}:
        encoder = getattr(lit_mia.features, name)(**made.get(name, {}))
        assert (name in SHARING_ENCODERS) == encoder.shares_space
        assert encoder.name.startswith(f"{name} ")


@pytest.fixture
def images_alone(tmp_path):
    """A real encoder of images alone."""
    weights = tmp_path / "model.pth"
    torch.manual_seed(0)
    torch.save(timm.create_model("test_resnet", num_classes=0).state_dict(), weights)
    return TimmEncoder("test_resnet", str(weights), device="cpu")


def test_captions_are_embedded_by_the_text_encoder_where_the_encoder_reads_images_alone(data, images_alone):
    shipped = OpenClipEncoder("shipped:openmoji-clip", device="cpu")
    module = data(images_alone, text_encoder=shipped)
    module.prepare(frozenset({"image_embedding", "text_embedding"}))
    assert module.arrays.inputs["image_embedding"].shape == (28, module.tools.encoder.dimension)
    expected = shipped.embed_texts([f"picture r{i:02d}" for i in range(28)])
    np.testing.assert_allclose(module.arrays.inputs["text_embedding"], expected.numpy(), rtol=1e-4, atol=1e-5)
    assert module.encoder_fingerprint()["captions"] == shipped.fingerprint()


def test_a_missing_caption_is_embedded_as_an_empty_one(tmp_path, tiny_clip_folder):
    encoder = OpenClipEncoder(str(tiny_clip_folder), device="cpu")
    records = Records(("a", "b"), (None, "b"), (1, 0), ("a", "b"), open_image=lambda row: None, stamps=("a", "b"))
    found = text_embedding(Described(records=records, tools=Tools(encoder), size=8, folder=tmp_path))
    np.testing.assert_allclose(found, encoder.embed_texts(["", "b"]).numpy(), rtol=1e-5, atol=1e-6)
