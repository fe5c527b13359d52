"""A fit of a head that a datamodule cannot serve is refused before anything is asked and any store is made."""

import logging

import lightning as L
import pytest
from memory_source import MemorySource
from optimal_denoiser import OptimalTarget, smooth_images
from planted_pairs import PlantedPairs
from small_records import QUARTERS

from datamodules import ShadowDataModule, StatisticDataModule
from lit_mia.attacks import AttackIIP, AttackIS, BlindResNet, ResidualHead
from lit_mia.attacks.statistics import Loss
from lit_mia.errors import EncoderError, HeadError, RecordError, TargetError

IMAGES = smooth_images(40, 0)


def run(function, head, data):
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    options = dict.fromkeys(("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary"), False)
    getattr(L.Trainer(accelerator="cpu", max_epochs=1, **options), function)(head, datamodule=data)


@pytest.fixture
def store(tmp_path):
    """The store, which must not be there at the end."""
    yield tmp_path / "store"
    assert not (tmp_path / "store").exists()


@pytest.fixture
def findings(store):
    def make(**options):
        source, target = MemorySource(IMAGES, [1, 0] * 20), OptimalTarget(IMAGES[::2])
        return StatisticDataModule(source, target, str(store), image_size=8, fractions=QUARTERS, **options)

    return make


@pytest.mark.parametrize("function", ["fit", "test", "predict"])
@pytest.mark.parametrize(
    ("head", "error", "message"),
    [
        (
            ResidualHead(),
            HeadError,
            "residual reads residual, but AuxiliaryDataModule provides generated, generated_embedding, image, "
            "image_embedding, text_embedding. Use another datamodule, or another head.",
        ),
        (AttackIS(), EncoderError, "no `encoder` is given. Name one that fits the records"),
    ],
    ids=["inputs", "encoder"],
)
def test_pairs_do_not_serve_it(data, ink, store, function, head, error, message):
    module = data(target=(target := ink()))
    with pytest.raises(error, match=message):
        run(function, head, module)
    assert target.asked() == []


def test_a_target_at_another_level_does_not_serve_it(data, store, findings):
    target = OptimalTarget(IMAGES)
    for module in (data(target=target), other := findings(attack=Loss())):
        with pytest.raises(TargetError, match="does not offer the access level 'generate'"):
            run("fit", AttackIIP(), module)
    assert target.nfe == other.target.nfe == 0


@pytest.mark.parametrize("attack", [None, Loss()], ids=["no attack", "an attack"])
def test_findings_hold_no_answers_and_maps_only_of_an_attack(findings, attack):
    """What a control reads is there in any case."""
    module = findings(attack=attack)
    with pytest.raises(HeadError, match="reads image_embedding, but StatisticDataModule provides image, residual"):
        run("fit", AttackIS.controls["blind"](), module)
    module.check_head(BlindResNet())
    if attack is None:
        with pytest.raises(RecordError, match="needs `attack` of the datamodule"):
            run("fit", ResidualHead(), module)
    else:
        module.check_head(ResidualHead())
    assert module.target.nfe == 0


def test_both_sides_of_a_shadow_are_checked(data, ink, store, tmp_path):
    shadow, target = data(target=ink("shadow", ink=1), store=str(tmp_path / "shadow")), OptimalTarget(IMAGES)
    with pytest.raises(HeadError, match="residual reads residual"):
        run("fit", ResidualHead(), ShadowDataModule(shadow, data()))
    with pytest.raises(TargetError, match="'optimal' does not offer the access level 'generate'"):
        ShadowDataModule(shadow, data(target=target)).check_head(AttackIIP())
    assert shadow.target.asked() == []


def test_a_head_is_trained_on_a_datamodule_for_heads():
    class Other(L.LightningDataModule):
        train_dataloader = PlantedPairs().train_dataloader

    with pytest.raises(HeadError, match=r"A head is trained on a HeadDataModule .*, not on Other"):
        run("fit", AttackIS(), Other())


def test_a_datamodule_serves_heads_alone(data, store):
    class Other(L.LightningModule):
        def training_step(self, batch, batch_idx):
            return None

        def configure_optimizers(self):
            return None

    with pytest.raises(HeadError, match=r"AuxiliaryDataModule serves the heads of lit_mia\.attacks, not Other"):
        run("fit", Other(), data())
