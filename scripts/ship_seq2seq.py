"""Put the sequence-to-sequence targets into the package: `python scripts/ship_seq2seq.py --step N --shadow-step M`.

After `make_tools.py vq`, `seq2seq`, `make_demo_targets.py seq2seq`, `seq2seq-shadow` and `leak_curve.py seq2seq`.
"""

import argparse
import shutil

from ship_demo import ASSETS, copy_log, ship
from training_run import WORK


def main() -> None:
    """Copy snapshots, image tokenizer, logs and the leak curve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--step", type=int, required=True)
    parser.add_argument("--shadow-step", type=int, required=True)
    args = parser.parse_args()
    for name, step in (("seq2seq", args.step), ("seq2seq-shadow", args.shadow_step)):
        made = WORK / f"openmoji-{name}"
        ship(made / f"snapshots/step-{step:05d}", ASSETS / f"targets/openmoji-{name}", made)
    for name in ("leak_curve.csv", "leak_curve.png"):
        shutil.copy(WORK / "openmoji-seq2seq" / name, ASSETS / "targets/openmoji-seq2seq" / name)
    copy_log(WORK / "seq2seq", ASSETS / "targets", "seq2seq-start-training.csv")
    ship(WORK / "openmoji-vq", ASSETS / "tools/openmoji-vq", WORK / "vq")


if __name__ == "__main__":
    main()
