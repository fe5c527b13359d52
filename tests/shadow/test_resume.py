"""A training that is cut off goes on to the very losses of one that is not."""

import json
from types import SimpleNamespace

import pytest
import torch
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.strategies import ModelParallelStrategy

from lit_mia.callbacks import KeepTarget
from lit_mia.errors import TrainingError
from lit_mia.shadow.pixel_diffusion import PixelDiffusionTraining

STEPS, CUT = 7, 4


class CutOff(Callback):
    """Ends a training like a plug that is pulled, after a checkpoint."""

    def __init__(self, root):
        self.root = root

    def on_train_batch_end(self, trainer, pl_module, *_):
        if trainer.global_step == CUT:
            trainer.save_checkpoint(self.root / "last.ckpt")
            raise ConnectionAbortedError


def make(**options):
    return PixelDiffusionTraining(size=16, channels=(16, 32), warmup=2, **options)


@pytest.fixture(scope="module")
def whole(members, fit, tmp_path_factory):
    """The losses and weights of a whole training, and its folder."""
    root = tmp_path_factory.mktemp("whole")
    torch.manual_seed(0)
    fit(model := make(), members(), STEPS, root, callbacks=[KeepTarget(every_n_steps=3)])
    return model, root


@pytest.fixture
def cut(members, fit, tmp_path):
    """The folder of a training that was cut off."""
    torch.manual_seed(0)
    with pytest.raises(ConnectionAbortedError):
        fit(make(), members(), STEPS, tmp_path, callbacks=[CutOff(tmp_path), KeepTarget(every_n_steps=3)])
    assert not (tmp_path / "target").exists()
    return tmp_path


def test_a_resume_goes_on_to_the_same_losses_and_weights(whole, cut, members, fit):
    model = make()
    torch.rand(9)  # whatever was drawn before
    fit(model, members(), STEPS, cut, callbacks=[KeepTarget(every_n_steps=3)], resume=True)
    assert model.losses == whole[0].losses
    assert len(model.losses) == STEPS
    for own, other in zip(model.state_dict().values(), whole[0].state_dict().values(), strict=True):
        assert torch.equal(own, other)


def test_the_order_goes_on_too_where_nothing_is_encoded_beforehand(whole, cut, members, fit):
    model = make()
    fit(model, members(encode_once=False), STEPS, cut, callbacks=[KeepTarget(every_n_steps=3)], resume=True)
    assert model.losses == whole[0].losses


def test_a_training_that_was_cut_off_before_its_first_checkpoint_begins_anew(whole, members, fit, tmp_path):
    torch.manual_seed(0)
    fit(model := make(), members(), STEPS, tmp_path / "again")
    checkpoint = whole[1] / "last.ckpt"
    assert model.losses == torch.load(checkpoint, weights_only=True)["losses"]


def test_snapshots_and_target_say_who_was_trained_on(whole):
    model, root = whole
    assert sorted(folder.name for folder in (root / "snapshots").iterdir()) == ["step-00003", "step-00006"]
    facts = json.loads((root / "snapshots/step-00003/membership.json").read_text())
    assert facts["steps"] == 3
    assert facts["losses_every_50_steps"] == [pytest.approx(sum(model.losses[:3]) / 3, abs=1e-5)]
    facts = json.loads((root / "target/membership.json").read_text())
    assert facts["members"] == [f"r{number:03d}" for number in range(6)]
    assert facts["held_out"] == ["r006", "r007"]
    assert (facts["steps"], facts["coin"]) == (STEPS, None)
    assert facts["recipe"]["model"]["lr"] == 4.0e-4
    assert facts["recipe"]["trainer"]["max_steps"] == STEPS


@pytest.mark.parametrize(
    ("options", "batch_size", "steps", "told"),
    [
        ({"lr": 1.0e-3}, 4, STEPS, "model.lr was 0.0004 and is 0.001"),
        ({}, 2, STEPS, "data.batch_size was 4 and is 2"),
        ({}, 4, 9, "trainer.max_steps was 7 and is 9"),
    ],
)
def test_another_recipe_does_not_go_on(cut, members, fit, options, batch_size, steps, told):
    with pytest.raises(TrainingError, match=told):
        fit(make(**options), members(batch_size), steps, cut, resume=True)


def test_other_weights_are_refused_by_their_recipe_before_they_are_loaded(cut, members, fit):
    model = PixelDiffusionTraining(size=16, channels=(32, 32), warmup=2)
    with pytest.raises(TrainingError, match=r"model.channels was \[16, 32\] and is \[32, 32\]"):
        fit(model, members(), STEPS, cut, resume=True)


def test_a_finished_training_ends_at_once(whole, members, fit):
    model = make()
    fit(model, members(), STEPS, whole[1], resume=True)
    assert model.losses == whole[0].losses


def test_a_training_that_is_stopped_early_leaves_no_target_and_goes_on_to_the_whole_one(whole, members, fit, tmp_path):
    torch.manual_seed(0)
    short = {"max_epochs": 1, "limit_train_batches": 2}
    fit(make(), members(), STEPS, tmp_path, callbacks=[KeepTarget(every_n_steps=3)], **short)
    assert not (tmp_path / "target").exists()
    assert json.loads((tmp_path / "snapshots/step-00002/membership.json").read_text())["steps"] == 2
    fit(model := make(), members(), STEPS, tmp_path, callbacks=[KeepTarget(every_n_steps=3)], resume=True)
    assert model.losses == whole[0].losses
    weights = "target/unet/diffusion_pytorch_model.safetensors"
    assert (tmp_path / weights).read_bytes() == (whole[1] / weights).read_bytes()


@pytest.mark.parametrize("name", ["target", "last.ckpt", "snapshots"])
def test_the_place_of_another_training_is_refused(members, fit, tmp_path, name):
    (tmp_path / name).mkdir()
    with pytest.raises(TrainingError, match=f"{name} is of another training"):
        fit(make(), members(), 2, tmp_path)


def test_a_trial_keeps_nothing(members, fit, tmp_path):
    fit(make(), members(), 2, tmp_path, fast_dev_run=True)
    assert list(tmp_path.iterdir()) == []


def test_every_pass_shows_all_records_also_where_epochs_are_cut_short(members, fit, tmp_path):
    seen = []

    class Seen(Callback):
        def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
            seen.extend(batch.captions)

    fit(make(), members(), 6, tmp_path, callbacks=[Seen(), KeepTarget()], limit_train_batches=1)
    passes = [sorted(seen[i : i + 6]) for i in (0, 6, 12, 18)]
    assert passes == [sorted(set(seen))] * 4


def test_gradients_may_be_gathered_over_several_batches(members, fit, tmp_path):
    fit(model := make(), members(2), 3, tmp_path, callbacks=[KeepTarget(every_n_steps=1)], accumulate_grad_batches=2)
    assert len(model.losses) == 6
    assert len(list((tmp_path / "snapshots").iterdir())) == 3
    assert json.loads((tmp_path / "target/membership.json").read_text())["steps"] == 3


def test_a_loss_that_is_no_number_ends_the_training(members, fit, tmp_path):
    model = make()
    torch.nn.init.constant_(next(model.unet.parameters()), float("nan"))
    with pytest.raises(TrainingError, match=r"The loss of batch 0 is nan\. Lower `lr`"):
        fit(model, members(), 2, tmp_path)
    assert not (tmp_path / "target").exists()


@pytest.mark.parametrize(
    ("options", "precision", "told"),
    [
        ({"lr": -1.0}, None, "`lr` must be above 0 and finite, but got -1.0"),
        ({"ema_decay": 2.0}, None, r"`ema_decay` must be in \[0, 1\), but got 2.0"),
        ({}, "bf16-true", "set `trainer.precision` to 32-true, bf16-mixed or 16-mixed, but got bf16-true"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(members, fit, tmp_path, options, precision, told):
    with pytest.raises(TrainingError, match=told):
        fit(make(**options), members(), 2, tmp_path, precision=precision)
    assert list(tmp_path.iterdir()) == []


def test_strategies_that_keep_parts_of_the_weights_are_refused():
    model = make()
    model._trainer = SimpleNamespace(precision="32-true", strategy=ModelParallelStrategy())  # a Trainer wants CUDA
    with pytest.raises(TrainingError, match=r"ModelParallelStrategy keeps a part .* `trainer.strategy` to auto or ddp"):
        model.setup("fit")


def test_a_training_without_an_end_or_a_place_is_refused(members, fit, tmp_path, monkeypatch):
    with pytest.raises(TrainingError, match=r"Give `trainer\.max_steps`"):
        fit(make(), members(), -1, tmp_path)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TrainingError, match=r"Give `trainer\.default_root_dir`"):
        fit(make(), members(), 2, tmp_path)
