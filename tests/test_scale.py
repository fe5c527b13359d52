"""Memory that grows with the records; whole tables: `scripts/bench_scale.py` and `scripts/bench_statistics.py`."""

import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "scripts"))

from bench_scale import FORMATS, Watch, measured
from bench_statistics import tasks

BYTES_PER_RECORD = 1500
"""Of each further record, where .6 kB were measured; 3 kB before."""


STATISTICS = ("all numbers of an audit", "its files of single records")
MEGABYTES, ALONE, KEPT = 4096, 800, 64
"""What a million scores may take, what a process takes that has loaded all libraries, and what allocators may keep."""


def most_memory(folder, n, form="parquet"):
    folder.mkdir()
    FORMATS[form][0](folder, n)
    with ProcessPoolExecutor(1, get_context("spawn")) as process:
        found = process.submit(measured, form, folder).result()
    return max(megabytes for _, megabytes in found.values())


@pytest.mark.slow
def test_a_further_record_takes_little_memory(tmp_path):
    few, many = (most_memory(tmp_path / str(n), n) for n in (10_000, 30_000))
    assert 0 < many - few < BYTES_PER_RECORD * 20_000 / 2**20


@pytest.mark.long
@pytest.mark.parametrize("form", FORMATS)
def test_a_hundred_times_the_records_take_a_fifth_more_memory(tmp_path, form):
    few, many = (most_memory(tmp_path / str(n), n, form) for n in (1_000, 100_000))
    assert many < 1.2 * few


def memory_of_statistics(name, side):
    watch, task = Watch(), tasks(side)[name]
    tasks(50)[name]()  # loads what is loaded at the first use
    with watch.stage(name):
        task()
    return watch.found[name][1]


def in_a_process(name, side):
    with ProcessPoolExecutor(1, get_context("spawn")) as process:
        return process.submit(memory_of_statistics, name, side).result()


@pytest.mark.slow
@pytest.mark.parametrize("name", STATISTICS)
def test_scores_take_a_share_of_what_a_million_may(name):
    few, many = (in_a_process(name, side) for side in (15_000, 50_000))
    assert 0 < many - few < (MEGABYTES - ALONE) * 70_000 / 1e6 + KEPT


@pytest.mark.long
@pytest.mark.parametrize("name", STATISTICS)
def test_a_million_scores_take_four_gigabytes_at_the_most(name):
    assert in_a_process(name, 500_000) < MEGABYTES
