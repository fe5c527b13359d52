"""Put a trained model into the package, with the log of its training.

`python scripts/ship.py runs/shadow/openmoji_ddpm/target targets/openmoji-ddpm runs/csv/version_0/metrics.csv`
`python scripts/ship.py runs/shadow/openmoji_design_lora/target targets/openmoji-lora --half`
"""

import argparse
import shutil
from collections.abc import Sequence
from pathlib import Path

from safetensors import safe_open
from safetensors.torch import load_file, save_file

ASSETS = Path("lit_mia/assets")


def main() -> None:
    """Copy one model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("made", type=Path, help="the folder of the model")
    parser.add_argument("place", help="its folder in the package, whose contents are replaced")
    parser.add_argument("logs", type=Path, nargs="*", help="CSV logs, one for each time the training began or went on")
    parser.add_argument("--half", action="store_true", help="keep the weights in float16")
    args = parser.parse_args()
    ship(args.made, ASSETS / args.place, args.logs)
    for file in (ASSETS / args.place).rglob("*.safetensors") if args.half else ():
        halve(file)


def ship(made: Path, to: Path, logs: Sequence[Path]) -> None:
    """Replace a folder of the package by a model and its log.

    Args:
        made: The model.
        to: The folder.
        logs: Logs of the training.
    """
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(made, to)
    if logs:
        (to / "training.csv").write_text("\n".join(log.read_text(encoding="utf-8") for log in logs), encoding="utf-8")


def halve(file: Path) -> None:
    """Round the weights of a file to float16; what else it holds is kept.

    Args:
        file: A safetensors file.
    """
    with safe_open(file, "pt") as opened:
        told = opened.metadata()
    save_file({name: weight.half() for name, weight in load_file(file).items()}, file, told)


if __name__ == "__main__":
    main()
