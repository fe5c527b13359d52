"""Several processes measure what one does."""

import lightning as L
import pyarrow.parquet as pq
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from lit_mia.callbacks.leak_while_training import LeakWhileTraining

pytestmark = pytest.mark.slow


class Line(L.LightningModule):
    """Fits a line; a record's loss has noise of its own."""

    def __init__(self):
        super().__init__()
        self.net = nn.Linear(4, 1)

    def training_step(self, batch, batch_idx):
        return self.probe_losses(batch, [0] * len(batch[0])).mean()

    def probe_losses(self, batch, seeds):
        x, y = batch
        noise = torch.stack([torch.randn(4, generator=torch.Generator().manual_seed(seed)) for seed in seeds])
        return (self.net(x + noise) - y).square()

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.01)


def test_two_processes_measure_what_one_does(tmp_path):
    generator = torch.Generator().manual_seed(0)
    trained, held_out = (
        TensorDataset(torch.randn(30, 4, generator=generator), torch.randn(30, 1, generator=generator))
        for _ in range(2)
    )
    found = []
    for devices in (1, 2):
        L.seed_everything(0, verbose=False)
        callback = LeakWhileTraining.between(DataLoader(trained, 12), DataLoader(held_out, 16), every_n_steps=1)
        trainer = L.Trainer(
            accelerator="cpu",
            devices=devices,
            strategy="auto" if devices == 1 else "ddp_fork",
            max_steps=2,
            callbacks=[callback],
            default_root_dir=tmp_path / str(devices),
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        trainer.fit(Line(), DataLoader(trained, 8 // devices))
        found.append(pq.read_table(tmp_path / str(devices) / "record_losses.parquet").to_pandas())
        assert len(found[-1]) == 3 * 60
    one, two = ([table[table["step"] == step] for step in (0, 2)] for table in found)
    assert one[0].equals(two[0])
    assert (one[1]["loss/1"].to_numpy() != one[0]["loss/1"].to_numpy()).all()
    assert list(two[1]["id"]) == list(one[1]["id"])
