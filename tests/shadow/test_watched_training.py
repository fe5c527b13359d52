"""Targets are watched by the command line without being asked to, and by several processes as by one."""

import csv

import lightning as L
import pyarrow.parquet as pq
import pytest
import torch
import yaml
from small_records import write_records
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from lit_mia.callbacks import LeakWhileTraining
from lit_mia.main import run
from lit_mia.shadow.pixel_diffusion import PixelDiffusionTraining

pytestmark = pytest.mark.slow

LOGGER = {"class_path": "WandbLogger", "init_args": {"project": "shadow", "save_dir": "logs", "offline": True}}


def config(steps):
    source = {"class_path": "CsvSource", "init_args": {"path": "r.csv", "group_column": "artist"}}
    return {
        "seed_everything": 3,
        "model": {"class_path": "PixelDiffusionTraining", "init_args": {"size": 16, "channels": [16, 32], "lr": 2e-3}},
        "data": {"class_path": "TargetDataModule", "init_args": {"source": source, "batch_size": 8, "cache_dir": "c"}},
        "trainer": {
            "accelerator": "cpu",
            "max_steps": steps,
            "default_root_dir": "run",
            "logger": LOGGER,
            "enable_progress_bar": False,
            "enable_checkpointing": False,
        },
    }


def test_a_target_that_is_trained_by_yaml_is_watched(tmp_path, monkeypatch, read_wandb):
    import wandb

    write_records(tmp_path, ["1", "0"] * 24)
    (tmp_path / "train.yaml").write_text(yaml.safe_dump(config(30)))
    monkeypatch.chdir(tmp_path)
    run(["fit", "--config", "train.yaml"])
    wandb.finish()

    with (tmp_path / "run/leak.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["step"]) for row in rows] == [*range(0, 31, 3)]
    assert [float(row["epoch"]) for row in rows] == [step / 3 for step in range(0, 31, 3)]
    losses = pq.read_table(tmp_path / "run/record_losses.parquet").to_pandas()
    assert len(losses) == 11 * 48
    assert losses["group"][0].startswith("artist r")
    assert (losses.filter(like="loss/").groupby(losses["step"]).std() > 0).all(axis=None)
    (read,) = read_wandb(tmp_path / "logs")
    for name in ("leak/gap", "leak/gap_since_start_lo", "leak/auc_hi", "quality/held_out_loss"):
        assert read.summary[name] == pytest.approx(float(rows[-1][name]))
    assert (tmp_path / "run/leak.png").is_file()
    assert len(list((tmp_path / "logs").rglob("leak*.png"))) == 1
    assert (tmp_path / "run/target/membership.json").is_file()


def test_a_target_that_is_watched_more_often_is_the_same(members, fit, tmp_path):
    losses = []
    for every in (1, 100):
        L.seed_everything(0, verbose=False)
        model = PixelDiffusionTraining(size=16, channels=(16, 32), warmup=2)
        fit(model, members(), 4, tmp_path / str(every), callbacks=[LeakWhileTraining(every)])
        losses.append(model.losses)
    assert losses[0] == losses[1]


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
            strategy="auto" if devices == 1 else "ddp_spawn",
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
