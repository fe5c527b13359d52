"""What HTTP targets pay: budgets hold over runs and processes, and what was received is never paid again."""

import multiprocessing
import os
import signal
import time

import pytest
from loopback import PROMPTS, QUICK, SEEDS, Faults, gather, paint, queries_of, running, target

from lit_mia.errors import BudgetError
from lit_mia.queries.generate import GenerateQuery, fill
from lit_mia.queries.store import Store
from lit_mia.targets.accounts import Accounts, Spending

pytestmark = pytest.mark.slow

CONTEXT = multiprocessing.get_context("fork")


def test_a_budget_is_never_exceeded_and_nothing_received_is_lost(tmp_path):
    with running(faults=Faults(rate=0.3, kinds=QUICK, retry_after="0")) as server:

        def charged():
            return len(server.log) - server.summary().get("limit", 0)

        store, small = Store(tmp_path, {"a": 1}), Spending(price_per_image=0.5, max_money=10.0)
        for _ in range(2):  # the second run has nothing left
            http = target(server, spending=small)
            with pytest.raises(BudgetError, match=r"`max_money` 10.0.*20 requests for 10.0.*raise the budget"):
                fill(store, http, queries_of(PROMPTS))
            assert charged() == 20
            assert http.charges().confirmed == len(store.keys()) > 5
        http = target(server, spending=Spending(price_per_image=0.5, max_money=100.0))
        fill(store, http, queries_of(PROMPTS))
        assert len(store.keys()) == http.charges().confirmed == len(PROMPTS)
        assert charged() == http.charges().images


def test_a_fill_counts_only_its_own_money(tmp_path):
    other = Accounts(tmp_path, Spending(price_per_image=0.5))

    def paint_beside_another(prompts, seeds):
        other.begin(1)
        return paint(prompts, seeds)

    with running(paint_beside_another) as server:
        http = target(server, spending=Spending(price_per_image=0.5))
        cost = fill(Store(tmp_path, {"a": 1}), http, queries_of(PROMPTS[:4]))
        assert (cost.money, http.charges().confirmed, http.charges().uncertain > 0) == (2.0, 4, True)


def test_two_processes_share_a_budget(tmp_path):
    with running(faults=Faults(rate=0.3, kinds=QUICK, retry_after="0")) as server:

        def ask(prefix):
            http = target(server, spending=Spending(max_requests=30))
            http.keep_accounts(tmp_path)
            gather(http.stream([f"{prefix} {prompt}" for prompt in PROMPTS], SEEDS))

        workers = [CONTEXT.Process(target=ask, args=(name,)) for name in "ab"]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert len(server.log) - server.summary()["limit"] == 30


def test_a_killed_run_is_resumed(tmp_path):
    with running(seconds=0.1, faults=Faults(rate=0.3, kinds=QUICK, retry_after="0")) as server:

        def ask():
            http = target(server, spending=Spending(max_requests=200), concurrency=4)
            fill(Store(tmp_path, {"a": 1}), http, queries_of(PROMPTS))

        worker = CONTEXT.Process(target=ask)
        worker.start()
        while len(list(tmp_path.glob("shard-*.parquet"))) < 5:
            time.sleep(0.01)
        os.kill(worker.pid, signal.SIGKILL)
        worker.join()
        time.sleep(0.3)  # what was under way ends at the server
        kept = Store(tmp_path, {"a": 1}).keys()
        assert 0 < len(kept) < len(PROMPTS)
        before = len(server.log)
        ask()
        again = {prompt for prompt, _ in server.log[before:]}
        assert {GenerateQuery(prompt, prompt, 0).key for prompt in again} & kept == set()
        assert len(Store(tmp_path, {"a": 1}).keys()) == len(PROMPTS)
        http = target(server)
        http.keep_accounts(tmp_path)
        assert http.charges().images >= len(server.log) - server.summary()["limit"]
