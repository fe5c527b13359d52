"""Targets trained by the command line: cut off and gone on with, by two processes, and on a folder of photographs."""

import json
import signal
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.multiprocessing import ProcessExitedException

from lit_mia.errors import ConfigError, RecordError, TrainingError
from lit_mia.main import run
from lit_mia.shadow.pixel_diffusion import PixelDiffusionTraining

pytestmark = pytest.mark.slow

CONFIG = """
seed_everything: 3
model: {class_path: PixelDiffusionTraining, init_args: {size: 8, channels: [16, 32], warmup: 2}}
data:
  class_path: TargetDataModule
  init_args:
    source: {class_path: FolderSource, init_args: {path: photographs}}
    batch_size: 2
    member_share: 0.7
    cache_dir: decoded
trainer:
  accelerator: cpu
  max_steps: 6
  default_root_dir: runs/one
  logger: false
  enable_progress_bar: false
  enable_model_summary: false
  callbacks:
    - {class_path: KeepTarget, init_args: {checkpoint_minutes: 0.0}}
    - {class_path: LeakWhileTraining, init_args: {records: 4}}
    - {class_path: watched.Watched}
"""
COUNT = 24


def photographs(folder, count, captions=True):
    """Noise images of several sides and modes."""
    folder.mkdir()
    modes, sides = ("RGB", "L", "RGBA", "P"), ((12, 20), (20, 12), (16, 16), (9, 31))
    for number in range(count):
        pixels = np.random.default_rng(number).integers(0, 256, (*sides[number % 4], 3), dtype=np.uint8)
        Image.fromarray(pixels).convert(modes[number // 4 % 4]).save(folder / f"{number:03d}.png")
        if captions:
            (folder / f"{number:03d}.txt").write_text(f"{number:03d}")


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A working directory with the config and some photographs."""
    monkeypatch.chdir(tmp_path)
    PixelDiffusionTraining(size=8, channels=(16, 32))  # what it imports is there in forked processes
    photographs(tmp_path / "photographs", COUNT)
    (tmp_path / "fit.yaml").write_text(CONFIG)
    return tmp_path


def facts(folder):
    return json.loads((folder / "target/membership.json").read_text())


def seen(rank):
    """World size, accumulated batches and captions of each batch of a process."""
    lines = [line.split() for line in Path(f"seen-{rank}.txt").read_text().splitlines()]
    return [(int(world), int(gathered), names) for world, gathered, *names in lines]


def test_the_same_command_goes_on_after_kill_9_to_the_same_losses(here):
    options = ["fit", "--config", "fit.yaml", "--trainer.callbacks.killed_after=4"]
    process = get_context("fork").Process(target=run, args=(options,))
    process.start()
    process.join(timeout=300)
    assert process.exitcode == -signal.SIGKILL
    assert not (here / "runs/one/target").exists()
    run(["fit", "--config", "fit.yaml"])
    run(["fit", "--config", "fit.yaml", "--trainer.default_root_dir=runs/whole"])
    losses = [torch.load(here / f"runs/{name}/last.ckpt", weights_only=True)["losses"] for name in ("one", "whole")]
    assert len(losses[0]) == 6
    assert losses[0] == losses[1]
    assert facts(here / "runs/one") == facts(here / "runs/whole")


def test_two_processes_train_one_target_on_different_records_and_go_on(here, capfd):
    options = ("devices=2", "strategy=ddp_fork", "accumulate_grad_batches=2", "precision=bf16-mixed")
    two = ["fit", "--config", "fit.yaml", *(f"--trainer.{option}" for option in options)]
    with pytest.raises(ProcessExitedException):
        run([*two, "--trainer.callbacks.killed_after=3"])
    run(two)
    assert sorted(path.name for path in (here / "runs").iterdir()) == ["one"]
    assert capfd.readouterr().out.count("The target is in") == 1
    told = facts(here / "runs/one")
    assert (told["steps"], told["recipe"]["trainer"]["processes"]) == (6, 2)
    assert (told["recipe"]["trainer"]["precision"], told["recipe"]["trainer"]["accumulate_grad_batches"]) == (
        "bf16-mixed",
        2,
    )
    first, second = seen(0), seen(1)
    assert {row[:2] for row in first} | {row[:2] for row in second} == {(2, 2)}
    batches = [{*a[2], *b[2]} for a, b in zip(first, second, strict=False)]
    assert {len(batch) for batch in batches} == {4}
    passed = len(told["members"]) // 4
    assert len(set.union(*batches[:passed])) == 4 * passed
    assert set.union(*batches) <= {Path(name).stem for name in told["members"]}


def test_photographs_of_all_shapes_train_without_captions_or_say_what_they_need(here):
    photographs(here / "many", 299, captions=False)
    (here / "many/broken.jpg").write_bytes(b"no image")
    (here / "many.yaml").write_text(CONFIG.replace("path: photographs", "path: many, caption_ending: null"))
    many = ["fit", "--config", "many.yaml", "--data.batch_size=64"]
    run([*many, "--trainer.max_steps=1"])
    told = facts(here / "runs/one")
    assert len(told["members"]) + len(told["held_out"]) == 299
    assert 0.6 < len(told["members"]) / 299 < 0.8
    latent = ["--model=LatentDiffusionTraining", "--model.parts=shipped:openmoji-demo", "--model.size=32"]
    latent += ["--model.channels=[16,16]", "--trainer.max_steps=1", "--trainer.default_root_dir=runs/text"]
    with pytest.raises(RecordError, match=r"299 of 299 records have no caption, .*set `missing_caption` to one text"):
        run([*many, *latent])
    assert not (here / "runs/text").exists()
    run([*many, *latent, "--data.missing_caption=a photograph"])
    assert facts(here / "runs/text")["steps"] == 1


def test_what_a_training_goes_on_from_is_whole_and_there_is_one_of_it(here):
    fit = ["fit", "--config", "fit.yaml", "--trainer.max_steps=1"]
    run([*fit, "--ckpt_path=last"])
    kept = here / "runs/one/last.ckpt"
    assert [*(here / "runs").rglob("*.ckpt")] == [kept]
    assert not (here / "checkpoints").exists()
    kept.write_bytes(kept.read_bytes()[:1000])
    with pytest.raises(TrainingError, match=r"The checkpoint runs/one/last\.ckpt is damaged, or no checkpoint"):
        run(fit)
    with pytest.raises(TrainingError, match=r"The checkpoint nowhere\.ckpt does not exist"):
        run([*fit, "--ckpt_path=nowhere.ckpt"])


def test_what_lightning_refuses_and_a_place_that_cannot_be_made_are_told_without_a_traceback(here):
    with pytest.raises(ConfigError, match=r"devices='0'.* is not a valid input"):
        run(["fit", "--config", "fit.yaml", "--trainer.devices=0"])
    with pytest.raises(ConfigError, match="limit_train_batches"):
        run(["fit", "--config", "fit.yaml", "--trainer.limit_train_batches=0.5"])
    with pytest.raises(ConfigError, match=r"fit\.yaml/x cannot be made \(Not a directory\)"):
        run(["fit", "--config", "fit.yaml", "--trainer.default_root_dir=fit.yaml/x"])
