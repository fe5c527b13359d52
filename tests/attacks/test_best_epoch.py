"""The epoch that is best on val is the one that a fit ends with."""

import lightning as L
import pytest
import torch
from lightning.pytorch.callbacks import Callback
from planted_pairs import PlantedPairs

from lit_mia.attacks import AttackIIS
from lit_mia.attacks.budgets import BestEpoch


class Diary(Callback):
    """Writes down what each epoch measured and was."""

    def __init__(self):
        self.values, self.states, self.calibrations = [], [], []

    def on_validation_end(self, trainer, pl_module):
        self.values.append({name: float(value) for name, value in trainer.callback_metrics.items()})
        self.states.append({name: tensor.clone() for name, tensor in pl_module.state_dict().items()})
        self.calibrations.append(pl_module.calibration)


def _fit(callback, lr=0.02, max_epochs=12, signal="reconstruction", sanity=0):
    """A head that learns so fast that it soon overfits."""
    L.seed_everything(0, verbose=False)
    attack, diary = AttackIIS(widths=(32, 16), dropout=0.0, lr=lr), Diary()
    trainer = L.Trainer(
        accelerator="cpu",
        max_epochs=max_epochs,
        callbacks=[diary, callback],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=sanity,
    )
    trainer.fit(attack, datamodule=PlantedPairs(signal))
    return attack, diary


def _is(attack, state):
    return all(torch.equal(tensor, state[name]) for name, tensor in attack.state_dict().items())


@pytest.mark.parametrize(("monitor", "mode", "pick"), [("val/loss", "min", min), ("val/auc", "max", max)])
def test_weights_and_calibration_of_the_best_epoch_are_put_back(monitor, mode, pick):
    keeper = BestEpoch(monitor, mode, patience=99)
    attack, diary = _fit(keeper)
    values = [value[monitor] for value in diary.values]
    best = values.index(pick(values))
    assert keeper.epoch == best < len(values) - 1
    assert _is(attack, diary.states[best])
    assert not _is(attack, diary.states[-1])
    assert attack.calibration == diary.calibrations[best] != diary.calibrations[-1]


def test_the_fit_stops_after_epochs_without_improvement():
    keeper = BestEpoch(patience=3)
    _, diary = _fit(keeper, max_epochs=60)
    assert len(diary.values) == keeper.epoch + 1 + 3 < 60


def test_a_head_that_never_improves_ends_with_its_first_epoch():
    keeper = BestEpoch(patience=2)
    attack, diary = _fit(keeper, lr=1e-30)
    assert (keeper.epoch, len(diary.values)) == (0, 3)
    assert _is(attack, diary.states[0])


def test_the_sanity_check_is_no_epoch():
    keeper = BestEpoch("val/auc", "max", patience=99)
    _, diary = _fit(keeper, max_epochs=2, signal=None, sanity=-1)
    epochs = [value["val/auc"] for value in diary.values if "val/auc" in value][-2:]
    assert keeper.best == max(epochs)
