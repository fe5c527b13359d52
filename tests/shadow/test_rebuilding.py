"""The shipped targets follow from their YAML files: the losses of a training begun anew are those that are shipped."""

import csv
import json
from pathlib import Path

import pytest

from lit_mia.main import run
from lit_mia.models.files import ASSETS

FIRST = 50
"""Steps whose mean loss `membership.json` holds."""
LOGGED = 20
"""Steps between the losses that `training.csv` holds."""
OF_BFLOAT16 = 1e-3
"""Relative rounding of losses in the training of shipped targets; of float32 it is 1e-5."""
OF_ANOTHER_START = 5e-3
"""Where the weights to start from were themselves made anew, whose losses are those of the first ones within 0.3 %."""
START = Path("runs/shadow/openmoji_seq2seq_start/target")
OPENMOJI = [f"openmoji_{name}" for name in ("demo", "shadow", "ddpm", "ddpm_shadow", "seq2seq", "seq2seq_shadow")]
FACES = ["faces_clip", "faces_clip_permuted", "faces_clip_swapped"]


def first_losses(name, steps, root):
    """The loss of each of the first steps of a whole training."""
    quiet = ("logger", "enable_progress_bar", "enable_model_summary")
    short = (f"limit_train_batches={steps}", "max_epochs=1")  # the schedule is of all `max_steps`
    watched = ("callbacks+=LeakWhileTraining", "callbacks.records=1")  # as little as possible
    options = (*(f"{name}=false" for name in quiet), *short, "accelerator=cpu", "callbacks=KeepTarget", *watched)
    trainer = (f"--trainer.{option}" for option in (*options, f"default_root_dir={root}"))
    run(["fit", "--config", f"shadow/{name}", *trainer])
    import torch

    return torch.load(root / "last.ckpt", weights_only=True)["losses"]


def shipped(name):
    """The losses in the log of a shipped target, by step."""
    with (ASSETS / "targets" / name.replace("_", "-") / "training.csv").open(encoding="utf-8") as file:
        return {int(row["step"]): float(row["train/loss"]) for row in csv.DictReader(file) if row["step"].isdecimal()}


@pytest.mark.slow
def test_a_target_begins_as_the_shipped_one_did(tmp_path):
    losses = first_losses("faces_clip", LOGGED, tmp_path)
    assert losses[LOGGED - 1] == pytest.approx(shipped("faces_clip")[LOGGED - 1], rel=1e-5)


@pytest.mark.long
@pytest.mark.parametrize("name", [*OPENMOJI, *FACES])
def test_the_first_steps_are_those_of_the_shipped_target(name, tmp_path):
    if "seq2seq" in name and not START.is_dir():
        pytest.skip(f"needs {START}, which `lit-mia fit --config shadow/openmoji_seq2seq_start` makes")
    losses, log = first_losses(name, FIRST, tmp_path), shipped(name)
    exactness = OF_ANOTHER_START if "seq2seq" in name else OF_BFLOAT16
    for step in range(LOGGED - 1, FIRST, LOGGED):
        assert losses[step] == pytest.approx(log[step], rel=exactness), step
    facts = json.loads((ASSETS / "targets" / name.replace("_", "-") / "membership.json").read_text(encoding="utf-8"))
    if name in OPENMOJI:
        assert sum(losses) / FIRST == pytest.approx(facts["losses_every_50_steps"][0], rel=exactness)
