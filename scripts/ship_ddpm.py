"""Put the pixel-space targets into the package: `python scripts/ship_ddpm.py`.

After `make_demo_targets.py ddpm` and `ddpm-shadow`. Copies their last snapshots and logs, and measures the noise error
of the demo target against the timestep for members and for images of neither side (train and val records only): attacks
that look near t = 0 need it to be well trained there.
"""

import csv

import numpy as np
import torch
from ship_demo import ASSETS, ship
from training_run import WORK

from datamodules.sources.openmoji import OpenMojiSource
from lit_mia.queries.plans import Questions
from lit_mia.records import MEMBER
from lit_mia.splits import assign_splits
from lit_mia.targets.denoiser import DenoiserTarget

TIMESTEPS = (1, 10, 50, 100, 200, 350, 500)


def main() -> None:
    """Copy what is there and measure."""
    for name in ("ddpm", "ddpm-shadow"):
        snapshots = sorted((WORK / f"openmoji-{name}/snapshots").glob("step-*"))
        if snapshots:
            folder = ASSETS / f"targets/openmoji-{name}"
            ship(snapshots[-1], folder, WORK / f"openmoji-{name}")
            print(f"{folder}: {snapshots[-1].name}")
    write(noise_errors())


@torch.inference_mode()
def noise_errors() -> list[dict[str, float]]:
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
        print(rows[-1])
    return rows


def write(rows: list[dict[str, float]]) -> None:
    """The table beside the target."""
    with (ASSETS / "targets/openmoji-ddpm/noise_error.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: round(value, 5) for name, value in row.items()} for row in rows)


if __name__ == "__main__":
    main()
