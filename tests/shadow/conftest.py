"""Trainings of tiny targets on the records of `tiny_tools`."""

import lightning as L
import pytest
from matplotlib.figure import Figure
from memory_source import MemorySource
from tiny_tools import captioned, tokenizer, tools, train

from datamodules import TargetDataModule
from lit_mia.attacks.training import quiet
from lit_mia.callbacks import KeepTarget
from lit_mia.training_batch import TrainingBatch

__all__ = ["captioned", "tokenizer", "tools", "train"]


@pytest.fixture(scope="session", autouse=True)
def _no_figures():
    """A figure at the end of every tiny training would take longer than the training; `tests/callbacks` draws them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lit_mia.callbacks.leak_while_training.leak_figure", lambda rows: Figure())
        yield


@pytest.fixture(scope="session")
def members(captioned, tmp_path_factory):
    """Makes a datamodule: six of the eight records are trained on, two are held out."""

    def made(batch_size=4, **options):
        source = MemorySource(captioned.images, (1,) * 6 + (0,) * 2, captioned.captions)
        return TargetDataModule(source, batch_size, cache_dir=str(tmp_path_factory.mktemp("decoded")), **options)

    return made


@pytest.fixture(scope="session")
def fit():
    """Trains a target for some steps on the CPU; gives the trainer."""

    def fitted(model, data, steps, root, *, callbacks=(), resume=False, **options):
        L.seed_everything(5, verbose=False)
        with quiet():
            trainer = L.Trainer(
                accelerator="cpu",
                max_steps=steps,
                default_root_dir=root,
                callbacks=list(callbacks) or [KeepTarget()],
                logger=False,
                enable_checkpointing=False,
                enable_progress_bar=False,
                enable_model_summary=False,
                **options,
            )
            trainer.fit(model, data, ckpt_path=root / "last.ckpt" if resume else None, weights_only=True)
        return trainer

    return fitted


@pytest.fixture(scope="session")
def encoded(captioned):
    """Makes the batch of some records that a model has encoded."""

    def made(model, rows=slice(None)):
        return model.encoded(TrainingBatch(captioned.images[rows], captioned.captions[rows], {}))

    return made
