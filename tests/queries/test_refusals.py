import logging
import multiprocessing

import pytest

from lit_mia.queries import store_files as module
from lit_mia.queries.store_files import Refusals


def add_many(folder, prefix, n):
    refusals = Refusals(folder)
    for number in range(n):
        refusals.add({f"{prefix}{number}": "no"})
        refusals.compact()


def files(folder):
    return sorted(folder.glob("refused-*.json"))


def test_refusals_come_back_after_reopening_and_merging(tmp_path):
    refusals = Refusals(tmp_path)
    refusals.add({"a": "violence", "b": "a person"})
    refusals.add({"c": "violence", "a": "second thoughts"})
    expected = {"a": "violence", "b": "a person", "c": "violence"}  # of two reasons the earlier one counts
    assert refusals.reasons() == Refusals(tmp_path).reasons() == expected
    refusals.compact()
    assert len(files(tmp_path)) == 1
    assert refusals.reasons() == Refusals(tmp_path).reasons() == expected
    name = files(tmp_path)[0]
    refusals.compact()
    assert files(tmp_path) == [name]


def test_a_crash_while_merging_loses_nothing(tmp_path, monkeypatch):
    refusals = Refusals(tmp_path)
    refusals.add({"a": "no"})
    refusals.add({"b": "no"})

    def crash(path, missing_ok):
        raise KeyboardInterrupt

    monkeypatch.setattr(module.Path, "unlink", crash)
    with pytest.raises(KeyboardInterrupt):
        refusals.compact()
    monkeypatch.undo()
    assert len(files(tmp_path)) == 3
    assert Refusals(tmp_path).reasons() == {"a": "no", "b": "no"}


def test_a_damaged_file_is_reported_and_its_queries_are_open(tmp_path, caplog):
    refusals = Refusals(tmp_path)
    refusals.add({"a": "no"})
    refusals.add({"b": "no"})
    damaged = files(tmp_path)[0]
    damaged.write_bytes(damaged.read_bytes()[:-3])
    with caplog.at_level(logging.WARNING):
        again = Refusals(tmp_path)
        assert again.reasons() == {"b": "no"}
        again.compact()
    assert caplog.text.count("is damaged and ignored") == 1
    assert damaged.exists()


def test_a_reader_follows_files_that_others_merge(tmp_path):
    reader, writer = Refusals(tmp_path), Refusals(tmp_path)
    writer.add({"a": "no"})
    assert reader.reasons() == {"a": "no"}
    writer.add({"b": "no"})
    writer.compact()
    assert reader.reasons() == {"a": "no", "b": "no"}


def test_two_processes_may_add_and_merge_at_once(tmp_path):
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=add_many, args=(tmp_path, prefix, 30)) for prefix in "xy"]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]
    assert Refusals(tmp_path).reasons().keys() == {f"{prefix}{number}" for prefix in "xy" for number in range(30)}
