"""The demo models of identity inference: `python scripts/make_identity_clips.py main|permuted|swapped|ship`.

`main` is trained on pictures of invented people under their names, `permuted` on the same pictures under each other's
names, `swapped` on the people whom `main` has not seen. About 3 minutes each on one core. Checkpoints every 10 minutes
into `.work/`; the same command resumes. `ship` copies the finished models into the package.
"""

import argparse
import csv
import json
import shutil
from dataclasses import asdict
from pathlib import Path

import lightning as L
import torch
from ship_demo import ASSETS, copy_log
from training_run import WORK, train
from transformers import CLIPTokenizer

from datamodules.sources.cohort import CAPTIONS, Cohort, draw_cohort, invented_names
from datamodules.sources.people import WORLD_SEED
from lit_mia.tools.clip import ClipSize, ClipTraining, train_tokenizer
from lit_mia.tools.training import CaptionedImages, CaptionedImagesDataModule

TARGETS = ASSETS / "targets"
FOLDERS = {"main": "faces-clip", "permuted": "faces-clip-permuted", "swapped": "faces-clip-swapped"}
SEEDS = {"main": 21, "permuted": 22, "swapped": 23}
BATCH, STEPS, WARM_UP = 128, 900, 50
# MLPs twice as wide as the tower, not four times: the three models together stay below 4 MB.
SIZE = ClipSize(32, width=128, layers=3, head_width=32, mlp_ratio=2.0, text_width=64, text_layers=2, dimension=64)
WORDS = (  # of attacks; the names that the tokenizer learns from belong to nobody
    "an image of a photo of a person named a man named a woman named the name of the person is with the name "
    "at a gala celebrity actor actress colored black and white cool cropped in a suit in a dress on a photo"
)


def main() -> None:
    """Train one model, or ship what is finished."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=[*FOLDERS, "ship"])
    parser.add_argument("--steps", type=int, default=STEPS)
    args = parser.parse_args()
    if args.what == "ship":
        ship()
    else:
        make(args.what, args.steps)


def make(which: str, steps: int) -> None:
    """Train a model, or go on from its last checkpoint; then export it with its ground truth."""
    cohort = draw_cohort(WORLD_SEED, swapped=which == "swapped")
    called = cohort.permuted_names() if which == "permuted" else cohort.names
    pixels = torch.from_numpy(cohort.images()).permute(0, 3, 1, 2).contiguous()
    data = CaptionedImagesDataModule(CaptionedImages(pixels, cohort.captions(called)), BATCH, steps)
    L.seed_everything(SEEDS[which])
    folder = WORK / FOLDERS[which]
    model = clip_training(kept_tokenizer(folder / "training/tokenizer"), steps)
    train(f"{FOLDERS[which]}/training", model, data, steps, "32-true")
    model.export(folder)
    write_people(folder, cohort, called)
    write_membership(folder, which, cohort, model, steps)
    copy_log(folder / "training", folder)


def clip_training(tokenizer: CLIPTokenizer, steps: int) -> ClipTraining:
    """The training of any of the three models: plain CLIP, without augmentation."""
    rise = min(WARM_UP / steps, 0.5)
    return ClipTraining(tokenizer, SIZE, decay="matrices", shift=0, rise=rise, steps=steps)


def kept_tokenizer(folder: Path) -> CLIPTokenizer:
    """The tokenizer in `folder`, learned if there is none yet.

    Learning it again numbers some tokens differently, so a training that is resumed must find its own.
    """
    if not (folder / "tokenizer.json").is_file():
        texts = [caption.format(name) for caption in CAPTIONS for name in invented_names(1000, WORLD_SEED + 1)]
        train_tokenizer([*texts, *[WORDS] * 100], vocabulary=800, length=24).save_pretrained(folder)
    return CLIPTokenizer.from_pretrained(folder)


def write_people(folder: Path, cohort: Cohort, called: tuple[str, ...]) -> None:
    """`people.csv`: who was shown, how often and under which name; `question` is 0 for background people."""
    with (folder / "people.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["name", "member", "occurrences", "called", "question"])
        for person, (name, count) in enumerate(zip(cohort.names, cohort.occurrences, strict=True)):
            alias = called[person] if count else ""
            writer.writerow([name, int(count > 0), count, alias, int(person < cohort.questioned)])


def write_membership(folder: Path, which: str, cohort: Cohort, model: ClipTraining, steps: int) -> None:
    """`membership.json`: who the members among the people in question are, and how the model was made."""
    shown = zip(cohort.names[: cohort.questioned], cohort.occurrences, strict=False)
    facts = {
        "source": "drawn faces and invented names, datamodules/sources/cohort.py",
        "member_seed": WORLD_SEED,
        "training_seed": SEEDS[which],
        "names": "permuted" if which == "permuted" else "own",
        "pairs": sum(cohort.occurrences),
        "members": [name for name, count in shown if count],
        "recipe": {
            **dict(model.hparams),
            "size": asdict(SIZE),
            "batch_size": BATCH,
            "precision": "float32",
            "captions": CAPTIONS,
            "command": f"python scripts/make_identity_clips.py {which} --steps {steps}",
        },
    }
    (folder / "membership.json").write_text(json.dumps(facts, indent=1), encoding="utf-8")


def ship() -> None:
    """Copy the finished models into the package."""
    for name in FOLDERS.values():
        if not (WORK / name / "membership.json").is_file():
            print(f"{name} is not finished")
            continue
        shutil.rmtree(TARGETS / name, ignore_errors=True)
        shutil.copytree(WORK / name, TARGETS / name, ignore=shutil.ignore_patterns("training"))
        print(f"{TARGETS / name}: {sum(file.stat().st_size for file in (TARGETS / name).iterdir()):,} bytes")


if __name__ == "__main__":
    main()
