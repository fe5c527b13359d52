"""Does the demo's captioner know OpenMoji's drawings? `python scripts/caption_retrieval.py`; asks no target.

`--captioner FOLDER` and `--encoder configs/encoder/….yaml` take others than the demo's.
On train, val and calibration records: how often a caption's text embedding has the record's true name, or its own
drawing, among the 10 nearest; beside captions dealt out at random, and the name in the place of the caption.
"""

import tempfile
from pathlib import Path

import torch
from jsonargparse import auto_cli
from torch import Tensor

from datamodules import OpenMojiSource
from lit_mia.features import Encoder, OpenClipEncoder, TransformersCaptioner
from lit_mia.features.pixels import decode_images
from lit_mia.metrics.retrieval import closer_keys, retrieval
from lit_mia.splits import assign_splits


def main(captioner: str = "shipped:openmoji-blip", encoder: Encoder | None = None) -> None:
    """Print the rates and a few captions."""
    encoder = encoder or OpenClipEncoder("shipped:openmoji-clip")
    records = OpenMojiSource("demo").load()
    splits = assign_splits(records)
    records = records.select(sorted(row for split, rows in splits.rows.items() if split != "test" for row in rows))
    with tempfile.TemporaryDirectory() as folder:
        drawings = torch.tensor(decode_images(records, 64, Path(folder)).images)
    names = [str(name).lower() for name in records.captions]
    captions = TransformersCaptioner(captioner, min_length=2).caption(drawings)
    dealt = torch.randperm(len(names), generator=torch.Generator().manual_seed(0))
    texts, true, images = encoder.embed_texts(captions), encoder.embed_texts(names), encoder.embed_images(drawings)

    said = sum(caption.replace(" ", "") == name.replace(" ", "") for caption, name in zip(captions, names, strict=True))
    print(encoder.name)
    print(f"{len(names)} records, {len(set(captions))} different captions, {said} of them the true name to the letter")
    report("caption → true name", texts, true)
    report("shuffled caption → true name", texts[dealt], true)
    report("caption → own drawing", texts, images)
    report("shuffled caption → own drawing", texts[dealt], images)
    report("true name → own drawing", true, images)
    for row in range(0, len(names), len(names) // 20):
        print(f"  {names[row]}: {captions[row]}")


def report(title: str, queries: Tensor, keys: Tensor) -> None:
    """Print one rate with its interval."""
    found = retrieval(closer_keys(queries, keys))
    low, high = found.interval()
    print(f"{title}: {found.rate:.1%} [{low:.1%}, {high:.1%}], by chance {found.chance:.1%}, p = {found.p:.2g}")


if __name__ == "__main__":
    auto_cli(main, as_positional=False)
