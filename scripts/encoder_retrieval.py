"""How far the demo's encoder can serve Attack III: `python scripts/encoder_retrieval.py`, on train and val records.

Prints the share of records whose own image is among the 10 nearest of all, for names against originals, names against
the demo target's answers, and originals against answers. Needs the store of `scripts/quickstart.sh`.
"""

import numpy as np

from datamodules import AuxiliaryDataModule, OpenMojiSource
from lit_mia.features import OpenClipEncoder
from lit_mia.targets import DiffusersTarget


def main() -> None:
    """Print the three rates for members and non-members."""
    target = DiffusersTarget("shipped:openmoji-demo", steps=10, guidance=2.0, scheduler="dpmsolver", batch_size=64)
    encoder = OpenClipEncoder("shipped:openmoji-clip")
    data = AuxiliaryDataModule(OpenMojiSource("demo"), target, "stores/openmoji-demo", encoder)
    data.prepare_data()
    data.prepare(frozenset({"image_embedding", "generated_embedding", "text_embedding"}))
    rows = np.array(sorted(data.view.splits.rows["train"] + data.view.splits.rows["val"]))
    batch = data.arrays.batch(rows)
    x, answers, names = batch["image_embedding"], batch["generated_embedding"][:, 0], batch["text_embedding"]
    print(f"{len(rows)} records; by chance {10 / len(rows):.1%}")
    pairs = {"name → original": (names, x), "name → answer": (names, answers), "original → answer": (x, answers)}
    for title, (queries, keys) in pairs.items():
        similarity = queries @ keys.T
        found = (similarity > similarity.diagonal()[:, None]).sum(dim=1) < 10
        rates = [found[batch.member == label].float().mean().item() for label in (1, 0)]
        print(f"{title}: members {rates[0]:.1%}, non-members {rates[1]:.1%}")


if __name__ == "__main__":
    main()
