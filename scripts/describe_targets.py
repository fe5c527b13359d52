"""What the README shows of shipped targets: `python scripts/describe_targets.py sheet|noise|people`.

`sheet`: members and non-members over what the latent demo target draws from their names. `noise`: the error of the
pixel-space demo's predicted noise by timestep; attacks that look near t = 0 need it to be well trained there. Both on
train and val records only. `people`: who was shown to the models of identity inference, how often, under which name.
"""

import csv
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from ship import ASSETS

from datamodules.sources.cohort import draw_cohort
from datamodules.sources.openmoji import OpenMojiSource
from datamodules.sources.people import WORLD_SEED
from lit_mia.queries.generate import queries_for
from lit_mia.queries.plans import Questions
from lit_mia.records import MEMBER, NON_MEMBER
from lit_mia.splits import assign_splits
from lit_mia.targets.denoiser import DenoiserTarget
from lit_mia.targets.diffusion import DiffusersTarget

TARGETS = ASSETS / "targets"
DOCS = Path(__file__).parent.parent / "docs"
PER_CLASS = 32
GAP = 8
PAPER = (255, 255, 255)
TIMESTEPS = (1, 10, 50, 100, 200, 350, 500)


def draw_sheet() -> None:
    """Members above, non-members below, each image over what the demo target makes of its caption; train split only."""
    records = OpenMojiSource("demo").load()
    train = records.select(assign_splits(records).rows["train"])
    target = DiffusersTarget("shipped:openmoji-demo", steps=10, guidance=2.0, scheduler="dpmsolver", batch_size=64)
    sheets = []
    for label in (MEMBER, NON_MEMBER):
        rows = [i for i, member in enumerate(train.members) if member == label]
        some = train.select(rows[:: len(rows) // PER_CLASS][:PER_CLASS])
        queries = queries_for(some, 1, 0)
        answers = target.generate([q.prompt for q in queries], [q.seed for q in queries]).permute(0, 2, 3, 1).numpy()
        pairs = [(some.open_image(i), Image.fromarray(answer)) for i, answer in enumerate(answers)]
        sheets.append(np.asarray(contact_sheet(pairs, 16)))
    Image.fromarray(np.concatenate(sheets)).save(DOCS / "contact_sheet.png")


def contact_sheet(pairs: Sequence[tuple[Image.Image, Image.Image]], columns: int) -> Image.Image:
    """One picture of many pairs, each image above its generation.

    Args:
        pairs: Image and generation; all are drawn at the size of the first image.
        columns: Pairs side by side, at most.
    """
    width, height = pairs[0][0].size
    columns = min(columns, len(pairs))
    rows = -(-len(pairs) // columns)
    cell = (width + GAP, 2 * height + 2 * GAP)
    sheet = Image.new("RGB", (columns * cell[0] + GAP, rows * cell[1] + GAP), PAPER)
    for i, pair in enumerate(pairs):
        left, top = (i % columns) * cell[0] + GAP, (i // columns) * cell[1] + GAP
        for j, image in enumerate(pair):
            sheet.paste(image.convert("RGB").resize((width, height)), (left, top + j * height))
    return sheet


@torch.inference_mode()
def tabulate_noise() -> None:
    """Mean squared error of the predicted noise by timestep; 1 is what predicting nothing would reach."""
    target = DenoiserTarget("shipped:openmoji-ddpm", batch_size=128)
    everything = OpenMojiSource("demo", size=target.image_size).load()
    splits = assign_splits(everything)
    records = everything.select(sorted(splits.rows["train"] + splits.rows["val"]))
    images = np.stack([np.asarray(records.open_image(i)) for i in range(len(records))]).transpose(0, 3, 1, 2)
    subject = Questions(records, images, seed=0).subject(target, range(len(records)))
    member = torch.tensor(records.members) == MEMBER
    rows = []
    for t in TIMESTEPS:
        parts = torch.arange(len(records)).split(target.batch_size)
        noisy = subject.noised(t, 0)
        eps = [target.predict_noise(noisy[p], torch.full((len(p),), t), subject.condition) for p in parts]
        error = (torch.cat(eps) - subject.noise(0)).square().flatten(1).mean(1)
        rows.append({"t": t, "members": float(error[member].mean()), "neither side": float(error[~member].mean())})
    with (TARGETS / "openmoji-ddpm/noise_error.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: round(value, 5) for name, value in row.items()} for row in rows)


def list_people() -> None:
    """`people.csv` of each model; `question` is 0 for background people."""
    for name in ("faces-clip", "faces-clip-permuted", "faces-clip-swapped"):
        cohort = draw_cohort(WORLD_SEED, swapped=name.endswith("swapped"))
        called = cohort.permuted_names() if name.endswith("permuted") else cohort.names
        with (TARGETS / name / "people.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["name", "member", "occurrences", "called", "question"])
            for person, (own, count) in enumerate(zip(cohort.names, cohort.occurrences, strict=True)):
                alias = called[person] if count else ""
                writer.writerow([own, int(count > 0), count, alias, int(person < cohort.questioned)])


if __name__ == "__main__":
    {"sheet": draw_sheet, "noise": tabulate_noise, "people": list_people}[sys.argv[1]]()
