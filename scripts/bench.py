"""Speed of heads, of asking, of embedding and of describing: `python scripts/bench.py`; the table of `docs/speed.md`.

Every line is a ratio from one run, of two ways that take turns: heads by one Trainer after another against heads side
by side; the share of the wall that `generate` spends in denoiser and decoder; images that are decoded and embedded, or
described, by this package against a plain loop that decodes a batch, then embeds or describes it. Medians of the
repeats. Needs the store of `scripts/quickstart.sh`, and reads records of train and val only.
"""

import argparse
import copy
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from bench_queries import fill_fresh, watched
from numpy.typing import NDArray

from datamodules import AuxiliaryDataModule, OpenMojiSource
from datamodules.inputs import embedded_images
from lit_mia.attacks import AttackIIP, AttackIP
from lit_mia.attacks.budgets import Budget
from lit_mia.attacks.pixel import BlindPixels
from lit_mia.attacks.trained import score_all
from lit_mia.attacks.training import fit_head, quiet, train_together
from lit_mia.features import Captioner, OpenClipEncoder, TransformersCaptioner
from lit_mia.features.captioners import cached_captions
from lit_mia.features.pixels import decode_images, square
from lit_mia.queries.generate import queries_for
from lit_mia.records import Records
from lit_mia.targets import DiffusersTarget
from lit_mia.transparency import rgb_over_white

HEADS = (AttackIP(), AttackIIP(), BlindPixels())
SIZE, BATCH = 64, 64


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=6, help="Epochs of each head.")
    parser.add_argument("--images", type=int, default=256, help="Images drawn; four times as many are embedded.")
    args = parser.parse_args()
    target = DiffusersTarget("shipped:openmoji-demo", steps=10, guidance=2.0, scheduler="dpmsolver", batch_size=BATCH)
    encoder = OpenClipEncoder("shipped:openmoji-clip", batch_size=BATCH)
    data = AuxiliaryDataModule(OpenMojiSource("demo"), target, "stores/openmoji-demo", encoder)
    data.prepare_data()
    data.prepare(frozenset({"image", "generated"}))
    rows = sorted(data.view.splits.rows["train"] + data.view.splits.rows["val"])
    records = data.view.known.select(rows)
    heads(data, 1)  # what is imported at the first fit
    print("| what | ratio | range |\n| --- | --- | --- |")
    line("pixel heads: Trainers one by one ÷ side by side", [heads(data, args.epochs) for _ in range(args.repeats)])
    asked = records.select(range(args.images))
    line("`generate`: denoiser and decoder ÷ wall", [inside(target, asked) for _ in range(args.repeats)])
    many = records.select(range(min(4 * args.images, len(records))))
    line("`embed`: plain loop ÷ this package", [embedding(encoder, many) for _ in range(args.repeats)])
    captioner = TransformersCaptioner("shipped:openmoji-blip", min_length=2, batch_size=BATCH)
    line("captioner: plain loop ÷ this package", [describing(captioner, asked) for _ in range(args.repeats)])


def line(what: str, ratios: list[float]) -> None:
    """Print a line of the table."""
    print(f"| {what} | {np.median(ratios):.2f} | {min(ratios):.2f} to {max(ratios):.2f} |", flush=True)


def heads(data: AuxiliaryDataModule, epochs: int) -> float:
    """How many times longer Trainers take that train and score one head after another."""
    budget = Budget(seeds=2, max_epochs=epochs, patience=epochs, accelerator="cpu")

    def one_by_one() -> None:
        for head in HEADS:
            for seed in range(budget.seeds):
                copied = copy.deepcopy(head)
                with quiet():
                    fit_head(copied, data, budget, seed)
                score_all(copied, data)

    def side_by_side() -> None:
        for trained in train_together([(head, data) for head in HEADS], budget):
            assert trained is not None
            trained.scores(data)

    return seconds(one_by_one) / seconds(side_by_side)


def inside(target: DiffusersTarget, records: Records) -> float:
    """Share of a fill of a fresh store that passes in denoiser and decoder."""
    queries = queries_for(records, 1, seed=0)
    fill_fresh(target, queries[:1])  # loads the pipeline
    watch = watched(target)
    wall = fill_fresh(target, queries)
    return (watch.seconds["denoiser"] + watch.seconds["decoder"]) / wall


def embedding(encoder: OpenClipEncoder, records: Records) -> float:
    """How many times longer a plain loop takes to embed images."""
    return against_a_plain_loop(
        records, encoder.embed_images, lambda folder: embedded_images(records, encoder, SIZE, folder)
    )


def describing(captioner: Captioner, records: Records) -> float:
    """How many times longer a plain loop takes to describe images."""
    return against_a_plain_loop(
        records,
        captioner.caption,
        lambda folder: cached_captions(captioner, decode_images(records, SIZE, folder).images, folder, {}),
    )


def against_a_plain_loop(
    records: Records, compute: Callable[[NDArray[np.uint8]], object], ours: Callable[[Path], object]
) -> float:
    """How many times longer a loop takes that decodes a batch, then computes, than ours, given an empty folder."""
    compute(np.zeros((BATCH, 3, SIZE, SIZE), np.uint8))  # loads the model

    def plain() -> None:
        for start in range(0, len(records), BATCH):
            images = [rgb_over_white(records.open_image(row)) for row in range(len(records))[start : start + BATCH]]
            compute(np.stack([square(image, SIZE) for image in images]))

    with tempfile.TemporaryDirectory() as folder:
        return seconds(plain) / seconds(lambda: ours(Path(folder)))


def seconds(work: Callable[[], object]) -> float:
    """How long some work takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
