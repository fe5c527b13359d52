"""Identity inference in one page: `python scripts/check_identity_clip.py FOLDER [--swapped] [--pool 1000]`.

An independent, literal version of the rule, written to compare the package's result with: it shares no code with it but
the people and their pictures. Prints the share of people recognised by k at tau = 1 and 11, n = 30.
"""

import argparse
from collections import Counter

import numpy as np
import open_clip
import torch

from datamodules.sources.people import FacesSource

TEMPLATES = (
    *("{0}", "an image of {0}", "a photo of {0}", "{0} on a photo", "a photo of a person named {0}"),
    *("a person named {0}", "a man named {0}", "a woman named {0}", "the name of the person is {0}"),
    *("a photo of a person with the name {0}", "{0} at a gala", "a photo of the celebrity {0}", "actor {0}"),
    *("actress {0}", "a colored photo of {0}", "a black and white photo of {0}", "a cool photo of {0}"),
    *("a cropped photo of {0}", "a cropped image of {0}", "{0} in a suit", "{0} in a dress"),
)


@torch.inference_mode()
def main() -> None:
    """Ask about every person and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder")
    parser.add_argument("--swapped", action="store_true", help="the membership of the swapped model")
    parser.add_argument("--pool", type=int, default=1000)
    args = parser.parse_args()
    model, _, preprocess = open_clip.create_model_and_transforms(f"local-dir:{args.folder}", weights_only=True)
    tokenize = open_clip.get_tokenizer(f"local-dir:{args.folder}")
    model.eval()

    source = FacesSource(swapped=args.swapped)
    people = source.load()
    pool = [*people.names, *source.names_in_pool()][: args.pool]
    texts = [model.encode_text(tokenize([t.format(name) for name in pool]), normalize=True) for t in TEMPLATES]
    counts = []
    for row, name in enumerate(people.names):
        pictures = torch.stack([preprocess(people.open_image(row, i)) for i in range(people.image_counts[row])])
        faces = model.encode_image(pictures, normalize=True)
        counts.append(sum(winner([pool[i] for i in (faces @ text.T).argmax(1)]) == name for text in texts))

    correct, shown = np.array(counts), np.array(people.occurrences, dtype=int)
    print(f"{args.folder}, pool {len(pool)}, null bound {len(TEMPLATES) / len(pool):.4f}")
    for k in np.unique(shown):
        score = correct[shown == k]
        print(f"k={k:<3} people {len(score):<4} tau=1 {np.mean(score >= 1):.3f}  tau=11 {np.mean(score >= 11):.3f}")


def winner(names: list[str]) -> str | None:
    """The most frequent name, or None if two share the first place."""
    (first, most), *others = Counter(names).most_common(2)
    return None if others and others[0][1] == most else first


if __name__ == "__main__":
    main()
