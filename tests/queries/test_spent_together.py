"""What processes of one launch spend together is told by the first, whoever begins, ends or is killed when."""

import multiprocessing
import os
import signal
from types import SimpleNamespace

import pytest

from lit_mia.cost import Cost
from lit_mia.queries.together import launched, spent_together

CONTEXT = multiprocessing.get_context("fork")


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    """No launcher started the tests."""
    for name in ("RANK", "SLURM_PROCID"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def store(tmp_path):
    return SimpleNamespace(path=tmp_path)


@spent_together
def spend(store, n=0, begun=None, end=None, kill=False):
    """Asks `n` images, tells that it has begun, and waits until it may end."""
    if begun is not None:
        begun.set()
        end.wait(10)
    if kill:
        os.kill(os.getpid(), signal.SIGKILL)
    return Cost(n, 2 * n, 1.0, 0.5 * n)


def as_rank(monkeypatch, rank, launch="a"):
    monkeypatch.setenv("RANK", str(rank))
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", launch)


def test_a_process_that_was_started_alone_tells_what_it_spent(store):
    assert launched() is None
    assert spend(store, 3) == Cost(3, 6, 1.0, 1.5)
    assert list(store.path.iterdir()) == []


def test_the_first_one_tells_what_all_have_spent_and_each_only_once(store, monkeypatch):
    for rank, n in ((1, 5), (2, 1), (1, 2)):
        as_rank(monkeypatch, rank)
        assert spend(store, n).queries == n
    as_rank(monkeypatch, 1, launch="of others")
    spend(store, 100)
    as_rank(monkeypatch, 0)
    assert spend(store, 4) == Cost(12, 24, 1.0, 6.0)
    assert spend(store, 4) == Cost(4, 8, 1.0, 2.0)
    as_rank(monkeypatch, 0, launch="of others")
    assert spend(store, 0).queries == 100
    assert list((store.path / "spent").iterdir()) == []


@pytest.mark.parametrize(("kill", "queries"), [(False, 7), (True, 3)])
def test_the_first_one_waits_for_those_that_still_ask_and_for_no_dead_one(store, monkeypatch, kill, queries):
    begun, end, told = CONTEXT.Event(), CONTEXT.Event(), CONTEXT.Queue()
    as_rank(monkeypatch, 1)
    helper = CONTEXT.Process(target=spend, args=(store, 4, begun, end, kill))
    helper.start()
    assert begun.wait(10)
    as_rank(monkeypatch, 0)
    first = CONTEXT.Process(target=lambda: told.put(spend(store, 3).queries))
    first.start()
    first.join(0.3)
    assert first.is_alive(), "it waits"
    end.set()
    assert told.get(timeout=10) == queries
    helper.join(10)
    first.join(10)


def test_srun_numbers_its_processes_too(monkeypatch):
    monkeypatch.setenv("SLURM_PROCID", "3")
    monkeypatch.setenv("SLURM_JOB_ID", "17")
    one = launched()
    monkeypatch.setenv("SLURM_STEP_ID", "1")
    other = launched()
    assert one is not None
    assert other is not None
    assert (one.rank, other.rank) == (3, 3)
    assert one.launch != other.launch


def test_a_store_on_a_read_only_disk_is_read(store, monkeypatch):
    as_rank(monkeypatch, 1)
    store.path = store.path / "nowhere"
    assert spend(store, 0) == Cost(0, 0, 1.0, 0.0)
