"""Queries that get no image for good are missing, with a reason; what is wrong with a server is an error."""

import base64
import contextlib
import logging

import pytest
from loopback import PROMPTS, SEEDS, another, gather, paint, queries_of, target
from small_records import QUARTERS, write_records
from starlette.responses import JSONResponse

from datamodules import AuxiliaryDataModule
from lit_mia.errors import TargetError
from lit_mia.queries.generate import fill, refusals
from lit_mia.queries.store import Store
from lit_mia.targets.base import Charges
from lit_mia.targets.images_api.settings import write_image

GOOD = {"data": [{"b64_json": base64.b64encode(write_image(paint(["a"], [0])[0])).decode()}]}
TOO_LONG = {"detail": "This prompt is too long."}


@contextlib.contextmanager
def refusing(prompts, content, status=200):
    """A server that says something instead of an image for some prompts."""

    def answer(request, number):
        return JSONResponse(content, status) if server.asked[number]["prompt"] in prompts else GOOD

    with another(answer) as server:
        yield server


@pytest.mark.parametrize(
    ("rows", "status", "content", "reason", "charges"),
    [
        ((0, 1, 2), 200, {"data": []}, "the answer is a list without an image", Charges(confirmed=9, uncertain=3)),
        ((5, 8, 11), 200, {"data": [{"respect_moderation": False}]}, "respect_moderation", Charges(confirmed=12)),
        ((0, 1, 2), 400, {"error": {"code": 400, "message": "NSFW content."}}, "nsfw content", Charges(confirmed=12)),
        ((5, 8, 11), 500, {"detail": "Blocked by shield 7"}, "blocked by shield", Charges(confirmed=12)),
        ((0, 1, 2), 400, TOO_LONG, "HTTP 400: This prompt is too long.", Charges(confirmed=9)),
        ((9, 10, 11), 400, TOO_LONG, "HTTP 400: This prompt is too long.", Charges(confirmed=9)),
    ],
)
def test_a_query_without_an_image_is_asked_and_paid_once(tmp_path, rows, status, content, reason, charges):
    queries, prompts = queries_of(PROMPTS[:12]), [PROMPTS[row] for row in rows]
    with refusing(prompts, content, status) as server:
        for _ in range(2):
            store, http = Store(tmp_path, {"a": 1}), target(server, refusal_patterns=["blocked by shield"])
            fill(store, http, queries)
            assert refusals(store, queries) == dict.fromkeys(prompts, reason)
            assert (len(store.keys()), len(server.asked), http.charges()) == (9, 12, charges)


def test_what_fails_otherwise_stays_an_error_and_is_asked_again(tmp_path):
    with refusing(PROMPTS[5:6], {"detail": "out of memory"}, 500) as server:
        for _ in range(2):
            store = Store(tmp_path, {"a": 1})
            with pytest.raises(TargetError, match=r"no answer to 1 of .*: HTTP 500: out of memory.*`refusal_patterns`"):
                fill(store, target(server, attempts=2), queries_of(PROMPTS))
            assert (len(store.keys()), store.refused()) == (39, {})
        assert len(server.asked) == 39 + 2 * 2


@pytest.mark.parametrize(("status", "content"), [(200, {"data": []}), (400, TOO_LONG)])
def test_a_server_that_gives_nobody_an_image_is_an_error(tmp_path, status, content):
    with refusing(PROMPTS, content, status) as server:
        store = Store(tmp_path, {"a": 1})
        with pytest.raises(TargetError, match="no answer to 10 of 40 requests; after 10 in a row"):
            fill(store, target(server), queries_of(PROMPTS))
        assert (store.keys(), store.refused()) == (set(), {})
        assert len(server.asked) <= 12


def test_a_server_that_turns_against_everybody_is_an_error(tmp_path):
    with refusing(PROMPTS[20:], TOO_LONG, 400) as server:
        store = Store(tmp_path, {"a": 1})
        with pytest.raises(TargetError, match="no answer to 14 of 40 requests; after 14 in a row"):
            fill(store, target(server, concurrency=4), queries_of(PROMPTS))
        assert (len(store.keys()), store.refused()) == (20, {})


def test_the_last_missing_query_is_judged_by_the_answers_of_earlier_runs(tmp_path):
    with refusing(PROMPTS[9:10], TOO_LONG, 400) as server:
        fill(Store(tmp_path, {"a": 1}), target(server), queries_of(PROMPTS[:9]))
        store = Store(tmp_path, {"a": 1})
        fill(store, target(server), queries_of(PROMPTS[:10]))
        assert list(store.refused().values()) == ["HTTP 400: This prompt is too long."]
    with refusing(PROMPTS[9:10], TOO_LONG, 400) as server, pytest.raises(TargetError, match="no answer to 1 of 1 req"):
        fill(Store(tmp_path / "new", {"a": 1}), target(server), queries_of(PROMPTS[9:10]))


def test_small_batches_are_judged_together():
    with refusing(PROMPTS[1:], TOO_LONG, 400) as server:
        http = target(server, concurrency=4)
        parts = [gather(http.stream(PROMPTS[row : row + 1], [row])) for row in range(16)]
        assert [bool(refused) for _, refused, _ in parts] == [False] + [True] * 13 + [False, True]
        assert "gave no answer to 1 of 1 requests; after 14 in a row the rest was not asked" in str(parts[14][2])
    with refusing(PROMPTS[:6:2], TOO_LONG, 400) as server:
        http = target(server)
        parts = [gather(http.stream(PROMPTS[row : row + 1], [row])) for row in range(1, 7)]
        assert [sorted(refused) for _, refused, _ in parts] == [[], [0], [], [0], [], []]
        assert [end for _, _, end in parts] == [None] * 6


def test_a_setting_that_is_rejected_late_is_the_fault_of_the_query():
    content = {"error": {"message": "Bad size of the prompt.", "param": "size"}}
    with refusing(PROMPTS[6:10], content, 400) as server:
        images, refused, end = gather(target(server, concurrency=1).stream(PROMPTS, SEEDS))
        assert (len(images), sorted(refused), end) == (36, [6, 7, 8, 9], None)


def test_an_audit_goes_on_without_them_and_names_them(tmp_path, caplog):
    source = write_records(tmp_path / "records", ["1", "0"] * 14)
    caplog.set_level(logging.WARNING)
    with refusing(["picture r05", "picture r06"], {"data": []}) as server:
        for _ in range(2):
            data = AuxiliaryDataModule(
                source, target(server), str(tmp_path / "store"), image_size=8, fractions=QUARTERS, split_seed=62
            )
            data.prepare(frozenset({"generated"}))
            assert {*data.view.labelled.ids} - {*data.view.known.ids} == {"r05.png", "r06.png"}
        assert len(server.asked) == 28
    without = "the answer is a list without an image"
    assert f"refused 2 of 28 records, which are left out: 2 × {without} (r05.png, r06.png)" in caplog.text
