"""How far an encoder can serve Attack III: `python scripts/encoder_retrieval.py [--encoder configs/encoder/….yaml]`.

Prints the share of records whose own image is among the 10 nearest of all, for names against originals, names against
the demo target's answers, and originals against answers: on train and val records, and on val and calibration records.
Needs the store of `scripts/quickstart.sh`; the encoder is the demo's if none is given.
"""

from collections.abc import Sequence

import numpy as np
from jsonargparse import auto_cli

from datamodules import AuxiliaryDataModule, OpenMojiSource
from lit_mia.features import Encoder, OpenClipEncoder
from lit_mia.metrics.retrieval import closer_keys
from lit_mia.targets import DiffusersTarget


def main(encoder: Encoder | None = None) -> None:
    """Print the three rates for members and non-members, on both sets of records."""
    target = DiffusersTarget("shipped:openmoji-demo", steps=10, guidance=2.0, scheduler="dpmsolver", batch_size=64)
    encoder = encoder or OpenClipEncoder("shipped:openmoji-clip")
    data = AuxiliaryDataModule(OpenMojiSource("demo"), target, "stores/openmoji-demo", encoder)
    data.prepare_data()
    data.prepare(frozenset({"image_embedding", "generated_embedding", "text_embedding"}))
    print(encoder.name)
    for splits in (("train", "val"), ("val", "calibration")):
        report(data, splits)


def report(data: AuxiliaryDataModule, splits: Sequence[str]) -> None:
    """Print the rates on the records of some splits."""
    rows = np.array(sorted(row for split in splits for row in data.view.splits.rows[split]))
    batch = data.arrays.batch(rows)
    x, answers, names = batch["image_embedding"], batch["generated_embedding"][:, 0], batch["text_embedding"]
    print(f"{' and '.join(splits)}: {len(rows)} records; by chance {10 / len(rows):.1%}")
    pairs = {"name → original": (names, x), "name → answer": (names, answers), "original → answer": (x, answers)}
    for title, (queries, keys) in pairs.items():
        found = closer_keys(queries, keys) < 10
        rates = [found[batch.member == label].float().mean().item() for label in (1, 0)]
        print(f"  {title}: members {rates[0]:.1%}, non-members {rates[1]:.1%}")


if __name__ == "__main__":
    auto_cli(main, as_positional=False)
