"""The account of paid requests: nothing is spent that is not on the disk, and no budget is exceeded."""

import json
import multiprocessing

import pytest

from lit_mia.errors import BudgetError, TargetError
from lit_mia.targets.accounts import Accounts, Spending
from lit_mia.targets.base import Charges


def spend_all(folder, sent):
    accounts, n = Accounts(folder, Spending(max_requests=30)), 0
    while True:
        try:
            accounts.begin(1)
        except BudgetError:
            break
        n += 1
    sent.put(n)


def test_charges_are_what_was_answered_and_what_may_have_been_paid(tmp_path):
    accounts = Accounts(tmp_path, Spending())
    for outcome in ("confirmed", "uncertain", "free"):
        accounts.end(accounts.begin(3), outcome)
    accounts.begin(1)
    assert accounts.charges() == Accounts(tmp_path, Spending()).charges() == Charges(confirmed=3, uncertain=4)


def test_money_is_what_each_request_cost_when_it_was_asked(tmp_path):
    early = Accounts(tmp_path, Spending(price_per_image=0.1))
    early.end(early.begin(3), "confirmed")
    late = Accounts(tmp_path, Spending(price_per_image=0.5))
    late.end(late.begin(1), "confirmed")
    late.begin(2)
    assert early.charges() == late.charges() == Charges(4, 2, confirmed_money=0.8, uncertain_money=1.0)
    assert (late.charges().images, late.charges().money) == (6, 1.8)


def test_own_charges_are_those_that_this_object_began(tmp_path):
    mine, other = (Accounts(tmp_path, Spending(price_per_image=0.5)) for _ in range(2))
    mine.end(mine.begin(1), "confirmed")
    mine.end(mine.begin(4), "free")
    other.begin(2)
    assert mine.charges(own=True) == Charges(confirmed=1, confirmed_money=0.5)
    assert other.charges(own=True) == Charges(uncertain=2, uncertain_money=1.0)


def test_what_was_not_charged_frees_its_place_in_the_budget(tmp_path):
    accounts = Accounts(tmp_path, Spending(max_requests=1))
    accounts.end(accounts.begin(1), "free")
    accounts.end(accounts.begin(1), "uncertain")
    with pytest.raises(BudgetError, match=r"`max_requests` 1 .*after 1 requests.*0 answered, 1 under way or unclear"):
        accounts.begin(1)


def test_money_is_counted_exactly(tmp_path):
    accounts = Accounts(tmp_path, Spending(price_per_image=0.1, max_money=0.3))
    accounts.end(accounts.begin(1), "confirmed")
    accounts.begin(2)  # 0.1 + 0.2 > 0.3 in binary fractions
    with pytest.raises(BudgetError, match=r"`max_money` 0.3.*for 0.3 \(1 answered, 1 under way or unclear"):
        accounts.begin(1)
    cheaper = Accounts(tmp_path, Spending(price_per_image=0.01, max_money=0.31))
    cheaper.begin(1)
    with pytest.raises(BudgetError):
        cheaper.begin(1)


@pytest.mark.parametrize("cut", [1, 20])
def test_a_torn_last_line_is_no_obstacle(tmp_path, cut):
    accounts = Accounts(tmp_path, Spending())
    accounts.end(accounts.begin(1), "confirmed")
    accounts.begin(1)
    accounts.path.write_bytes(accounts.path.read_bytes()[:-cut])
    again = Accounts(tmp_path, Spending())
    assert again.charges() == Charges(confirmed=1)
    again.end(again.begin(1), "confirmed")
    assert again.charges() == Accounts(tmp_path, Spending()).charges()
    assert again.charges().confirmed == 2


def test_an_attempt_is_on_the_disk_before_it_can_be_sent(tmp_path):
    accounts = Accounts(tmp_path, Spending(price_per_image=0.5))
    attempt = accounts.begin(2)
    (line,) = map(json.loads, accounts.path.read_text().splitlines())
    assert line.pop("time") > 0
    assert line == {"attempt": attempt, "images": 2, "money": "1.0"}


def test_processes_share_a_budget(tmp_path):
    context = multiprocessing.get_context("fork")
    sent = context.Queue()
    workers = [context.Process(target=spend_all, args=(tmp_path, sent)) for _ in range(2)]
    for worker in workers:
        worker.start()
    counts = [sent.get(timeout=20) for _ in workers]
    for worker in workers:
        worker.join()
    assert sum(counts) == 30


@pytest.mark.parametrize(
    ("spending", "message"),
    [
        ({"max_money": 1.0}, "`max_money` 1.0 needs a `price_per_image`"),
        ({"price_per_image": -1}, "`price_per_image` must be at least 0, but got -1"),
        ({"max_requests": -1}, "`max_requests` must be at least 0"),
        ({"price_per_image": float("nan")}, "`price_per_image` must be at least 0, but got nan"),
        ({"price_per_image": 1.0, "max_money": float("nan")}, "`max_money` must be at least 0, but got nan"),
    ],
)
def test_mistakes_are_named(spending, message):
    assert message in " ".join(Spending(**spending).mistakes())


@pytest.mark.parametrize("line", ["7", '{"attempt": "a"}', '{"attempt": "a", "images": "x", "money": "1"}', "[]"])
def test_a_damaged_account_is_told_before_anything_is_asked(tmp_path, line):
    (tmp_path / "attempts.jsonl").write_text(f"{line}\n", encoding="utf-8")
    with pytest.raises(TargetError, match="is damaged"):
        Accounts(tmp_path, Spending()).charges()


def test_charges_are_read_where_nothing_can_be_written(tmp_path):
    accounts = Accounts(tmp_path, Spending())
    accounts.end(accounts.begin(3), "confirmed")
    (tmp_path / "attempts.jsonl.lock").unlink()
    assert Accounts(tmp_path, Spending()).charges().confirmed == 3
    assert [file.name for file in tmp_path.iterdir()] == ["attempts.jsonl"]
