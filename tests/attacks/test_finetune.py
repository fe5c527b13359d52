"""Starting from a trained head, and going on with an interrupted fit."""

import logging

import lightning as L
import pytest
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from planted_pairs import PlantedPairs

from lit_mia.attacks import AttackIIP, AttackIIS, AttackIS, BlindImage
from lit_mia.attacks.base import load_head
from lit_mia.errors import HeadError

WIDTHS = (12, 6)


def _trainer(max_epochs=1, **options):
    options = {"enable_checkpointing": False} | options
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    return L.Trainer(
        accelerator="cpu",
        max_epochs=max_epochs,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        **options,
    )


def _fit(attack, data, max_epochs=1, **options):
    trainer = _trainer(max_epochs, **options)
    trainer.fit(attack, datamodule=data)
    return trainer


def _copy(attack):
    return {name: tensor.clone() for name, tensor in attack.state_dict().items()}


def _same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The checkpoint of a head that was trained on other pairs."""
    path = tmp_path_factory.mktemp("heads") / "II-S.ckpt"
    _fit(AttackIIS(widths=WIDTHS), PlantedPairs("reconstruction", seed=1)).save_checkpoint(path)
    return str(path)


@pytest.fixture(scope="module")
def trained_pixels(tmp_path_factory):
    path = tmp_path_factory.mktemp("heads") / "II-P.ckpt"
    _fit(AttackIIP(), PlantedPairs("reconstruction", seed=1)).save_checkpoint(path)
    return str(path)


def _saved(path):
    return torch.load(path, weights_only=True)["state_dict"]


def test_weights_and_normalisation_are_loaded(pairs, trained):
    attack = AttackIIS(widths=WIDTHS, init_from=trained, lr=1e-30)
    _fit(attack, pairs("reconstruction"))
    assert _same(attack.state_dict(), _saved(trained))
    assert attack.center.abs().sum() > 0


def test_fine_tuning_moves_the_weights_and_keeps_the_normalisation(pairs, trained):
    attack, before = AttackIIS(widths=WIDTHS, init_from=trained, lr=0.01), _saved(trained)
    _fit(attack, pairs("reconstruction"))
    moved = {name for name, tensor in attack.state_dict().items() if not torch.equal(tensor, before[name])}
    assert moved == before.keys() - {"center", "spread"}


@pytest.mark.parametrize("kind", ["mlp", "cnn"])
def test_a_frozen_trunk_leaves_the_classifier_alone_to_learn(pairs, trained, trained_pixels, kind):
    path = trained if kind == "mlp" else trained_pixels
    settings = {"init_from": path, "freeze_trunk": True, "lr": 0.01}
    attack = AttackIIS(widths=WIDTHS, **settings) if kind == "mlp" else AttackIIP(**settings)
    _fit(attack, pairs("reconstruction"), max_epochs=2)
    after, before = attack.state_dict(), _saved(path)
    moved = {name for name, tensor in after.items() if not torch.equal(tensor, before[name])}
    assert moved == {"classifier.weight", "classifier.bias"}


@pytest.mark.parametrize("head", [AttackIS, BlindImage])
def test_another_head_is_refused_and_both_are_named(pairs, trained, head):
    with pytest.raises(HeadError, match=f"holds a AttackIIS, but the configured head is {head.__name__}"):
        _fit(head(widths=WIDTHS, init_from=trained), pairs())


@pytest.mark.parametrize("settings", [{"widths": (12, 7)}, {"widths": (12,)}, {"widths": WIDTHS, "operation": "l2"}])
def test_another_shape_is_refused_and_the_tensor_is_named(pairs, trained, settings):
    with pytest.raises(
        HeadError, match=r"AttackIIS of another shape: \d+ tensors differ, first '(trunk|center|classifier)"
    ):
        _fit(AttackIIS(init_from=trained, **settings), pairs())


def test_a_missing_file_is_named(pairs):
    with pytest.raises(HeadError, match=r"`init_from` must be a checkpoint file, but 'gone\.ckpt' does not exist"):
        _fit(AttackIIS(init_from="gone.ckpt"), pairs())


def test_other_files_are_refused(pairs, tmp_path):
    attack = AttackIIS(widths=WIDTHS)
    attack.build(pairs().example())
    torch.save({"state_dict": attack.state_dict()}, other := tmp_path / "other.ckpt")
    with pytest.raises(HeadError, match="holds a model of another program"):
        load_head(attack, str(other), pairs())
    (text := tmp_path / "text.ckpt").write_text("not a checkpoint")
    with pytest.raises(HeadError, match=r"text\.ckpt' is no file of torch, is damaged"):
        load_head(attack, str(text), pairs())


def test_a_resumed_fit_goes_on_where_it_stopped(pairs, tmp_path):
    data = pairs("reconstruction")
    attack = AttackIIS(widths=WIDTHS, lr=0.01)
    keeper = ModelCheckpoint(tmp_path, filename="last", save_top_k=-1)
    _fit(attack, data, 2, callbacks=[keeper], enable_checkpointing=True)
    resumed = AttackIIS(widths=WIDTHS, lr=0.01)
    trainer = _trainer(5)
    trainer.fit(resumed, datamodule=data, ckpt_path=str(tmp_path / "last.ckpt"), weights_only=True)
    assert (trainer.current_epoch, trainer.global_step) == (5, 20)
    assert not _same(resumed.state_dict(), attack.state_dict())
    done = AttackIIS(widths=WIDTHS, lr=0.01)
    _trainer(2).fit(done, datamodule=data, ckpt_path=str(tmp_path / "last.ckpt"), weights_only=True)
    assert _same(done.state_dict(), attack.state_dict())


def test_a_checkpoint_carries_the_head_and_its_calibration(pairs, trained):
    checkpoint = torch.load(trained, weights_only=True)
    assert checkpoint["head"] == "AttackIIS"
    sizes = [len(checkpoint["calibration"][kind]) for kind in ("members", "nonmembers")]
    data = PlantedPairs("reconstruction", seed=1)
    labels = data.arrays.member[list(data.rows["calibration"])]
    assert sizes == [(labels == 1).sum(), (labels == 0).sum()]


def test_a_checkpoint_of_another_head_is_refused_by_the_trainer(pairs, trained):
    with pytest.raises(HeadError, match="the checkpoint holds a AttackIIS, but the configured head is AttackIS"):
        _trainer().test(AttackIS(widths=WIDTHS), datamodule=pairs(), ckpt_path=trained, verbose=False)


def test_testing_a_fitted_head_tests_that_head(pairs):
    attack, data = AttackIIS(widths=WIDTHS, lr=0.01), pairs("reconstruction")
    trainer = _fit(attack, data, 12)
    fitted = _copy(attack)
    (numbers,) = trainer.test(attack, datamodule=data, verbose=False)
    assert _same(attack.state_dict(), fitted)
    assert numbers["test/auc"] > 0.8
