"""Put trained parts into the package: `python scripts/ship_demo.py --step N` after `make_tools.py` and both targets.

Copies the snapshots of that step, encoder, captioner, training logs and leak curve, and draws the contact sheet.
"""

import argparse
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from training_run import WORK

from datamodules.sources.openmoji import OpenMojiSource
from lit_mia.queries.generate import queries_for
from lit_mia.records import MEMBER, NON_MEMBER
from lit_mia.splits import assign_splits
from lit_mia.targets.diffusion import DiffusersTarget

ASSETS = Path("lit_mia/assets")
PER_CLASS = 32
GAP = 8
PAPER = (255, 255, 255)


def main() -> None:
    """Copy everything and draw the sheets."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--step", type=int, required=True)
    step = parser.parse_args().step
    for target in ("demo", "shadow"):
        made = WORK / f"openmoji-{target}"
        ship(made / f"snapshots/step-{step:05d}", ASSETS / f"targets/openmoji-{target}", made)
    ship(WORK / "openmoji-clip", ASSETS / "encoders/openmoji-clip", WORK / "clip")
    ship(WORK / "openmoji-blip", ASSETS / "captioners/openmoji-blip", WORK / "captioner")
    for tool in ("autoencoder", "autoencoder-2", "text"):
        copy_log(WORK / tool, ASSETS / "targets", f"{tool}-training.csv")
    for name in ("leak_curve.csv", "leak_curve.png"):
        shutil.copy(WORK / "openmoji-demo" / name, ASSETS / "targets" / name)
    draw_sheet()


def ship(made: Path, to: Path, training: Path) -> None:
    """Put a finished model into the package, with the log of its training.

    Args:
        made: The exported model.
        to: Its folder in the package, whose contents are replaced.
        training: Where its training kept its logs.
    """
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(made, to)
    copy_log(training, to)


def copy_log(folder: Path, to: Path, name: str = "training.csv") -> None:
    """The CSV logs of a training, one block for each time it was started or resumed."""
    logs = sorted(folder.glob("log/version_*/metrics.csv"), key=lambda path: path.stat().st_mtime)
    (to / name).write_text("\n".join(log.read_text(encoding="utf-8") for log in logs), encoding="utf-8")


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
    Image.fromarray(np.concatenate(sheets)).save(ASSETS / "targets/contact_sheet.png")


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


if __name__ == "__main__":
    main()
