"""Put the sequence-to-sequence targets into the package: `python scripts/ship_seq2seq.py --step N [--shadow-step M]`.

After `make_tools.py vq`, `seq2seq`, `make_demo_targets.py seq2seq`, `seq2seq-shadow` and `leak_curve.py seq2seq`.
"""

import argparse
import shutil

from ship_demo import ASSETS, WORK, copy_log


def main() -> None:
    """Copy snapshots, image tokenizer, logs and the leak curve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--step", type=int, required=True)
    parser.add_argument("--shadow-step", type=int, required=True)
    args = parser.parse_args()
    for name, step in (("seq2seq", args.step), ("seq2seq-shadow", args.shadow_step)):
        folder = ASSETS / f"targets/openmoji-{name}"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(WORK / f"openmoji-{name}/snapshots/step-{step:05d}", folder)
        copy_log(WORK / f"openmoji-{name}", folder)
    for name in ("leak_curve.csv", "leak_curve.png"):
        shutil.copy(WORK / "openmoji-seq2seq" / name, ASSETS / "targets/openmoji-seq2seq" / name)
    copy_log(WORK / "seq2seq", ASSETS / "targets", "seq2seq-start-training.csv")
    vq = ASSETS / "tools/openmoji-vq"
    shutil.rmtree(vq, ignore_errors=True)
    shutil.copytree(WORK / "openmoji-vq", vq)
    copy_log(WORK / "vq", vq)


if __name__ == "__main__":
    main()
