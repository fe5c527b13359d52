"""Targets are watched by the command line without being asked to, and are the same for it."""

import csv

import lightning as L
import pyarrow.parquet as pq
import pytest
import yaml
from small_records import write_records

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
    (tmp_path / "train.yaml").write_text(yaml.safe_dump(config(10)))
    monkeypatch.chdir(tmp_path)
    run(["fit", "--config", "train.yaml"])
    wandb.finish()

    with (tmp_path / "run/leak.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["step"]) for row in rows] == [*range(11)]
    assert [float(row["epoch"]) for row in rows] == [pytest.approx(step / 3) for step in range(11)]
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
