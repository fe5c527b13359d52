"""Put a trained model into the package, with the log of its training.

`python scripts/ship.py runs/shadow/openmoji_ddpm/target targets/openmoji-ddpm runs/csv/version_0/metrics.csv`
"""

import argparse
import shutil
from collections.abc import Sequence
from pathlib import Path

ASSETS = Path("lit_mia/assets")


def main() -> None:
    """Copy one model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("made", type=Path, help="the folder of the model")
    parser.add_argument("place", help="its folder in the package, whose contents are replaced")
    parser.add_argument("logs", type=Path, nargs="*", help="CSV logs, one for each time the training began or went on")
    args = parser.parse_args()
    ship(args.made, ASSETS / args.place, args.logs)


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


if __name__ == "__main__":
    main()
