"""Processes that fill one store at once: each answer is asked and paid once, whoever is killed."""

import logging
import multiprocessing
import os
import signal
import time

import pytest
from loopback import running, target
from memory_source import MemorySource
from optimal_denoiser import OptimalTarget, smooth_images
from streaming_target import StreamingTarget

from lit_mia import folders
from lit_mia.attacks.statistics import Loss
from lit_mia.errors import FolderError
from lit_mia.queries import claims as module
from lit_mia.queries.claims import Claims, Holder
from lit_mia.queries.findings import FindingStore
from lit_mia.queries.generate import GenerateQuery, fill
from lit_mia.queries.plans import Questions
from lit_mia.queries.plans import fill as plan_fill
from lit_mia.queries.store import INDEX_BYTES, Store
from lit_mia.targets.accounts import Spending

CONTEXT = multiprocessing.get_context("fork")
PRICE = 0.5
QUERIES = [GenerateQuery(f"r{number}", f"picture {number}", number) for number in range(80)]


class Answered(set):
    """A store of numbers."""

    def claims(self, folder):
        return Claims[int](folder, str, lambda asked: [number for number in asked if number not in self])


@pytest.fixture
def answered():
    return Answered()


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(module, "POLL_SECONDS", 0.01)


def test_one_process_asks_in_order_and_leaves_nothing(tmp_path, answered):
    told = []
    answered.update({2, 3})
    with answered.claims(tmp_path).batches(range(9), 4, told.append) as batches:
        assert [list(batch) for batch in batches] == [[0, 1, 4, 5], [6, 7, 8]]
    assert sum(told) == 2
    assert {file.name for file in tmp_path.iterdir()} <= {module.GATE}


def test_nothing_to_ask_writes_nothing(tmp_path, answered):
    with answered.claims(tmp_path / "read only").batches([], 4) as batches:
        assert list(batches) == []
    assert list(tmp_path.iterdir()) == []


def test_what_another_asks_is_left_to_it(tmp_path, answered):
    ours, theirs = (answered.claims(tmp_path).batches(range(6), 2) for _ in range(2))
    with ours as mine, theirs as others:
        assert (list(next(mine)), list(next(others))) == ([0, 1], [2, 3])
        answered.update({0, 1, 2, 3})
        assert list(next(mine)) == [4, 5]


def test_a_batch_of_which_others_ask_a_part_is_filled_up(tmp_path, answered):
    ours, theirs = answered.claims(tmp_path).batches(range(9), 4), answered.claims(tmp_path).batches([1, 5], 2)
    with theirs as others, ours as mine:
        next(others)
        assert list(next(mine)) == [0, 2, 3, 4]


def test_answers_of_another_are_waited_for_and_its_holder_is_told(tmp_path, answered, caplog, monkeypatch):
    monkeypatch.setattr(Holder, "this", classmethod(lambda cls: cls(7, "beside", "2031-01-01 12:00:00")))
    theirs = answered.claims(tmp_path).batches(range(3), 3)

    def answer(_):
        answered.update(range(3))

    with theirs as others, caplog.at_level(logging.WARNING):
        next(others)
        monkeypatch.setattr(module.time, "sleep", answer)
        told = []
        with answered.claims(tmp_path).batches(range(3), 3, told.append) as batches:
            assert list(batches) == []
    assert sum(told) == 3
    assert "process 7 on beside, since 2031-01-01 12:00:00" in caplog.text


def test_what_was_claimed_when_an_error_ended_it_is_asked_by_the_next(tmp_path, answered):
    def fail():
        with answered.claims(tmp_path).batches(range(3), 3) as batches:
            next(batches)
            raise RuntimeError

    with pytest.raises(RuntimeError) as caught:
        fail()
    with answered.claims(tmp_path).batches(range(3), 3) as batches:  # although `caught` holds the frame
        assert list(next(batches)) == [0, 1, 2]
    assert caught


def test_a_store_in_an_impossible_place_is_refused(tmp_path, answered):
    (tmp_path / "file").touch()
    claims = answered.claims(tmp_path / "file")
    with (
        claims.batches([1], 1) as batches,
        pytest.raises(FolderError, match=r"Nothing can be written in the folder .*file"),
    ):
        next(batches)


def test_what_could_not_be_kept_is_not_asked(tmp_path, monkeypatch):
    store, paying = Store(tmp_path, {"a": 1}), StreamingTarget(batch_size=4)
    monkeypatch.setattr(folders, "_free", lambda _: 4 * INDEX_BYTES)
    with pytest.raises(FolderError, match="no room in the folder"):
        fill(store, paying, QUERIES[:8])
    assert len(paying.asked) == len(store.keys()) == 4


# ---------------------------------------------------------------------- real processes and real requests


def ask(server, folder, **options):
    http = target(server, spending=Spending(price_per_image=PRICE), batch_size=16, concurrency=4, **options)
    fill(Store(folder, {"a": 1}), http, QUERIES)


def started(*args):
    process = CONTEXT.Process(target=ask, args=args)
    process.start()
    return process


@pytest.mark.slow
def test_two_fills_at_once_ask_and_pay_once(tmp_path):
    with running(seconds=0.02) as server:
        both = [started(server, tmp_path) for _ in range(2)]
        for process in both:
            process.join()
        assert [process.exitcode for process in both] == [0, 0]
        assert len(server.log) == len({subject for subject, _ in server.log}) == len(QUERIES)
        http = target(server, spending=Spending(price_per_image=PRICE))
        http.keep_accounts(tmp_path)
        assert http.charges().confirmed_money == len(QUERIES) * PRICE
    assert not (tmp_path / "claims").exists()


@pytest.mark.slow
def test_two_passes_at_once_ask_about_each_record_once(tmp_path):
    images = smooth_images(12, 0)
    questions = Questions(MemorySource(images, [1, 0] * 6).load(), images.numpy(), 0)
    costs = CONTEXT.Queue()

    def found_out():
        asked = OptimalTarget(images, batch_size=2)
        plans = [Loss().plan(setting) for setting in Loss().settings()]
        costs.put(plan_fill(FindingStore(tmp_path, asked.fingerprint()), asked, questions, plans).queries)

    both = [CONTEXT.Process(target=found_out) for _ in range(2)]
    for process in both:
        process.start()
    assert sum(costs.get(timeout=30) for _ in both) == len(images)
    for process in both:
        process.join()


def _kills(tmp_path, times):
    """Begin two fills, kill one of them now and then and begin it anew; the requests that were sent in all."""
    with running(seconds=0.05) as server:
        steady = started(server, tmp_path)
        for number in range(times):
            killed = started(server, tmp_path)
            time.sleep(0.25 + 0.05 * (number % 5))
            if killed.is_alive():
                os.kill(killed.pid, signal.SIGKILL)
            killed.join()
        steady.join()
        assert steady.exitcode == 0
        asked = [subject for subject, _ in server.log]
    store = Store(tmp_path, {"a": 1})
    assert store.lacks([query.key for query in QUERIES]) == []
    return asked


@pytest.mark.slow
def test_a_killed_fill_is_finished_by_the_other(tmp_path):
    asked = _kills(tmp_path, 1)
    assert set(asked) == {query.prompt for query in QUERIES}
    assert len(asked) <= len(QUERIES) + 4  # what was on its way


@pytest.mark.long
def test_many_kills_lose_nothing(tmp_path):
    """`pytest -m long tests/queries/test_claims.py`: 60 kills over 20 stores."""
    for number in range(20):
        asked = _kills(tmp_path / str(number), 3)
        assert len(asked) <= len(QUERIES) + 3 * 4
