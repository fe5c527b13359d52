"""Compares the numbers of finished results before and after a change of the code, to the last digit.

    python scripts/compare_results.py runs/before runs/after

Both folders hold result folders of the same names, made from the same configs over the same stores. What depends on
when and where a result was made is left out: dates, versions, commits, times, costs of this run, and openings of test.
Exit status 1 if anything else differs.
"""

import argparse
import csv
import json
import math
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

CIRCUMSTANCES = {"created", "versions", "git", "cost", "tried", "config", "name", "seconds_total"}
OLD_NAMES = ("audit.json", "sweep.json", "ablation.json")
TABLES = ("roc.csv", "people.csv", "sweep.csv", "ablation.csv", "summary.csv")


def numbers_of(folder: Path) -> dict[str, Any]:
    """The JSON of a result, whatever its name was."""
    path = next(folder / name for name in OLD_NAMES if (folder / name).is_file())
    data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return data


def differences(before: Any, after: Any, place: str = "") -> Iterator[str]:
    """Where two values differ; what only the second has is no difference."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key, value in before.items():
            if key in after:
                yield from differences(value, after[key], f"{place}.{key}" if place else key)
            elif value is not None:
                yield f"{place}.{key} is gone (was {value!r})"
    elif isinstance(before, list) and isinstance(after, list):
        if len(before) != len(after):
            yield f"{place} has {len(after)} entries, not {len(before)}"
        for number, pair in enumerate(zip(before, after, strict=False)):
            yield from differences(*pair, f"{place}[{number}]")
    elif before != after and not (_is_nan(before) and _is_nan(after)):
        yield f"{place}: {before!r} → {after!r}"


def table_differences(before: Path, after: Path) -> Iterator[str]:
    """Where two CSV files differ, cell by cell, in the columns that the first has."""
    one, two = (list(csv.DictReader(path.open(encoding="utf-8", newline=""))) for path in (before, after))
    if len(one) != len(two):
        yield f"{before.name} has {len(two)} lines, not {len(one)}"
    for number, (old, new) in enumerate(zip(one, two, strict=False)):
        yield from differences(old, new, f"{before.name} line {number}")


def score_differences(before: Path, after: Path) -> Iterator[str]:
    """Whether the scores of single records differ."""
    import pyarrow.parquet as pq

    if not pq.read_table(before).equals(pq.read_table(after)):
        yield f"{before.name} differs"


def compare(before: Path, after: Path) -> tuple[list[str], int]:
    """What differs between two result folders, and how many numbers were compared."""
    one, two = ({k: v for k, v in numbers_of(f).items() if k not in CIRCUMSTANCES} for f in (before, after))
    found = [*differences(one, two)]
    for name in TABLES:
        if (before / name).is_file():
            found += table_differences(before / name, after / name)
    if (before / "scores.parquet").is_file():
        found += score_differences(before / "scores.parquet", after / "scores.parquet")
    return found, sum(1 for _ in _leaves(one))


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping | list):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from _leaves(item)
    else:
        yield value


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def main() -> None:
    """Compare all folders that both sides have."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    options = parser.parse_args()
    wrong = 0
    for folder in sorted(path for path in options.before.iterdir() if path.is_dir()):
        if not any((options.after / folder.name / name).is_file() for name in OLD_NAMES):
            print(f"{folder.name}: not there afterwards")
            wrong += 1
            continue
        found, leaves = compare(folder, options.after / folder.name)
        wrong += len(found)
        print(f"{folder.name}: {leaves} values in JSON, and its tables: {f'{len(found)} differ' if found else 'equal'}")
        for line in found[:20]:
            print(f"  {line}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
