"""Every opening of a test split is counted, whatever store and settings are new, and none is lost."""

import json
import multiprocessing
import os
from pathlib import Path

import pytest
from PIL import Image

from lit_mia.errors import StoreError
from lit_mia.openings import PLACE, OpeningsAccount, account_of
from lit_mia.records import Records
from lit_mia.targets.sameness import model_of

TARGET = {"weights": "ab", "steps": 10, "torch": "2.4"}


def records(n=6, members=(1, 0), groups=None):
    ids = tuple(f"r{i}" for i in range(n))
    labels = tuple(members[i % 2] for i in range(n))
    return Records(ids, ids, labels, groups or ids, lambda row: Image.new("RGB", (1, 1)), stamps=ids)


def files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.jsonl"))


def test_a_new_store_does_not_reset_the_count(tmp_path):
    for time in range(1, 4):
        account = OpeningsAccount("a", tmp_path / f"store-{time}")
        assert account.count("audit", {"seed": time % 2}) == (min(time, 2), time, {"audit": time})
    assert OpeningsAccount("b", tmp_path / "store-1").count("audit", {}).openings == 1


def test_a_new_machine_knows_what_the_store_knows(tmp_path, monkeypatch):
    store = tmp_path / "store"
    OpeningsAccount("a", store).count("test", {})
    monkeypatch.setenv(PLACE, str(tmp_path / "elsewhere"))
    assert OpeningsAccount("a", store).count("audit", {}) == (1, 2, {"test": 1, "audit": 1})
    assert OpeningsAccount("a", tmp_path / "new").count("audit", {}).openings == 3
    assert OpeningsAccount("a", store).count("audit", {}).openings == 4


def test_damaged_lines_are_counted_and_kept(tmp_path):
    store = tmp_path / "store"
    OpeningsAccount("a", store).count("audit", {})
    for path in files(tmp_path):
        path.write_bytes(path.read_bytes()[:-30] + b"\xff\n[1, 2]\n")
    assert OpeningsAccount("a", store).count("audit", {}) == (3, 3, {"unknown": 2, "audit": 1})
    assert [len(path.read_text(encoding="utf-8").splitlines()) for path in files(tmp_path)] == [3, 3]


def test_openings_of_former_versions_are_counted_once(tmp_path):
    store = tmp_path / "store"
    store.mkdir()
    (store / "ledger.json").write_text(json.dumps({"configurations": ["x", "y"], "openings": 5}), encoding="utf-8")
    assert OpeningsAccount("a", store).count("test", {}) == (3, 6, {"audit": 5, "test": 1})
    assert OpeningsAccount("a", store).count("test", {}) == (3, 7, {"audit": 5, "test": 2})


@pytest.mark.parametrize(
    "damage", [b"{", b"\xff", b"7", b'{"configurations": [], "openings": 1e999}', b'{"openings": 9}']
)
def test_a_damaged_account_of_former_versions_is_one_opening_and_ends_nothing(tmp_path, damage):
    (tmp_path / "ledger.json").write_bytes(damage)
    account = OpeningsAccount("a", tmp_path)
    account.check()
    assert account.count("test", {}).openings == 2


def _count(store: str, times: int) -> None:
    for _ in range(times):
        OpeningsAccount("a", Path(store)).count("audit", {})


def test_processes_at_the_same_time_lose_nothing(tmp_path):
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_count, args=(str(tmp_path / f"store-{i % 2}"), 5)) for i in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert OpeningsAccount("a", tmp_path / "store-0").count("audit", {}).openings == 21


@pytest.mark.parametrize("blocked", ["store", "home", "both"])
def test_a_folder_that_cannot_be_written_is_told(blocked, tmp_path, caplog):
    places = {"store": tmp_path / "store", "home": Path(os.environ[PLACE])}
    for name, path in places.items():
        if blocked in (name, "both"):
            path.write_text("a file where a folder should be", encoding="utf-8")
    account = OpeningsAccount("a", places["store"])
    if blocked == "both":
        for ask in (account.check, lambda: account.count("audit", {})):
            with pytest.raises(StoreError, match=PLACE):
                ask()
    else:
        account.check()
        assert account.count("audit", {}).openings == 1
        assert "could not be put down" in caplog.text


def account(table, **told):
    return account_of(table, model_of({**TARGET, **told}))


def test_an_account_is_of_records_and_model_and_not_of_settings():
    one = account(records())
    assert one == account(records().select([5, 4, 3, 2, 1, 0]), steps=50, torch="2.5")
    assert one == account(records(groups=("g",) * 6))
    others = [
        account(records(n=5)),
        account(records(members=(0, 1))),
        account(records(), weights="cd"),
        account(records(), lora="ef"),
        account_of(records(), model_of({"name": "own"})),
    ]
    assert len({one, *others}) == 6
