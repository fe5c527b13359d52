"""Text to image over HTTP, against a real server: nothing is lost, asked twice, or paid without being counted."""

import asyncio
import logging
import threading
import time

import pytest
import torch
from loopback import PROMPTS, SEEDS, SIDE, Faults, api, gather, paint, running, target

from lit_mia.errors import TargetError
from lit_mia.targets.accounts import Spending
from lit_mia.targets.base import Charges

# ---------------------------------------------------------------------- answers


@pytest.mark.parametrize("response_format", ["b64_json", "url", "omit"])
def test_answers_are_those_of_the_model(response_format):
    with running() as server:
        http = target(server, response_format=response_format, send_seed=True)
        images = http.generate(PROMPTS[:9], SEEDS[:9])
        assert torch.equal(images, paint(PROMPTS[:9], SEEDS[:9]))
        assert http.charges() == Charges(confirmed=9)


def test_equal_prompts_share_a_request():
    with running() as server:
        http = target(server, n=4)
        images, _, end = gather(http.stream(["a", "b", *["a"] * 8], [0] * 10))
        assert (len(images), end) == (10, None)
        assert sorted(server.log) == [("a", "answered")] * 3 + [("b", "answered")]
        assert http.charges() == Charges(confirmed=10)
        assert [int(images[row][0, 0, 0]) for row in (0, 1, 9)] == [97, 98, 97]


def test_a_server_that_gives_too_few_is_asked_for_the_rest():
    with running(faults=Faults(rate=1.0, kinds=("fewer",))) as server:
        assert target(server, n=4).generate(["a"] * 4, [0] * 4).shape == (4, 3, SIDE, SIDE)
        assert server.summary() == {"fewer": 4}


@pytest.mark.parametrize("response_format", ["b64_json", "url"])
def test_good_images_beside_a_broken_one_are_kept_and_only_the_rest_is_asked_again(response_format):
    with running(faults=Faults(rate=1.0, kinds=("one_broken",))) as server:
        http = target(server, n=4, attempts=1, response_format=response_format)
        images, refused, end = gather(http.stream(["a"] * 4, [0] * 4))
        assert (len(images), server.summary()) == (3, {"one_broken": 2})
        assert refused == {3: "an image of the answer cannot be decoded (UnidentifiedImageError)"}  # it came alone
        assert end is None
        assert http.charges() == Charges(confirmed=4, uncertain=1)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (RuntimeError("out of memory"), "HTTP 500: The target failed: RuntimeError: out of memory"),
        (TargetError("no."), "HTTP 400: no"),
    ],
)
def test_a_server_whose_model_fails_says_so_and_goes_on(error, said):
    def paint_or_fail(prompts, seeds):
        if prompts == ["fail"]:
            raise error
        return paint(prompts, seeds)

    with running(paint_or_fail) as server:
        http = target(server, attempts=1, total_seconds=2.0)
        assert f"the last said: {said}." in str(gather(http.stream(["fail"], [0]))[2])
        assert len(http.generate(["a"], [0])) == 1


def test_it_works_where_an_event_loop_runs():
    async def inside():
        return target(server).generate(["a"], [0])

    with running() as server:
        assert asyncio.run(inside()).shape == (1, 3, SIDE, SIDE)


def test_one_may_stop_reading():
    with running() as server:
        parts = target(server, concurrency=1).stream(PROMPTS, SEEDS)
        next(parts)
        parts.close()
        assert len(server.log) < len(PROMPTS)


def test_requests_run_side_by_side():
    with running(seconds=0.2) as server:
        began = time.perf_counter()
        target(server, concurrency=20).generate(PROMPTS, SEEDS)
        assert time.perf_counter() - began < 0.5 * 0.2 * len(PROMPTS)


# ---------------------------------------------------------------------- faults


def test_faults_lose_nothing_and_ask_nothing_twice():
    with running(faults=Faults(rate=0.3, seed=7, retry_after="0", hang_seconds=20)) as server:
        http = target(server, concurrency=16, total_seconds=1.5)
        images, _, end = gather(http.stream(PROMPTS, SEEDS))
        assert (sorted(images), end) == (SEEDS, None)
        ends = server.summary()
        assert ends.keys() > {"limit", "hang", "drip", "answered"}
        complete = ends["answered"] + ends.get("fewer", 0)
        assert complete == len(PROMPTS)  # so none was asked again after its answer
        charged = len(server.log) - ends["limit"]
        assert http.charges() == Charges(confirmed=complete, uncertain=charged - complete)


@pytest.mark.parametrize("kind", ["error", "truncated", "no_image", "wrong_size", "drip"])
def test_a_broken_answer_may_have_been_charged(kind):
    with running(faults=Faults(rate=1.0, kinds=(kind,), hang_seconds=5)) as server:
        http = target(server, attempts=2, total_seconds=0.5)
        _, _, end = gather(http.stream(["a"], [0]))
        assert "gave no answer to 1 of 1 requests" in str(end)
        assert http.charges() == Charges(uncertain=2)


def test_a_silent_server_is_given_up():
    with running(faults=Faults(rate=1.0, kinds=("hang",), hang_seconds=5)) as server:
        http = target(server, attempts=1, read_seconds=0.2)
        assert "ReadTimeout" in str(gather(http.stream(["a"], [0]))[2])


def test_one_query_that_fails_for_good_leaves_the_others_alone():
    with running() as server:
        images, refused, end = gather(target(server).stream([*PROMPTS[:9], "long " * 300], SEEDS[:10]))
        assert sorted(images) == SEEDS[:9]
        assert (refused, end) == ({9: "HTTP 400: string_above_max_length"}, None)


def test_a_hopeless_round_is_not_paid_to_its_end():
    with running(faults=Faults(rate=1.0, kinds=("wrong_size",))) as server:
        http = target(server, attempts=2, concurrency=2)
        assert "24x16 pixels instead of 16x16" in str(gather(http.stream(PROMPTS, SEEDS))[2])
        assert http.charges().uncertain <= 8


def test_retry_after_is_honoured():
    with running(faults=Faults(rate=1.0, kinds=("limit",), retry_after="0.6")) as server:

        def recover():
            while len(server.log) < 2:
                time.sleep(0.005)
            server.faults = Faults()

        threading.Thread(target=recover).start()
        http = target(server, concurrency=2)
        began = time.perf_counter()
        http.generate(PROMPTS[:6], SEEDS[:6])
        assert time.perf_counter() - began >= 0.6
        assert server.summary()["limit"] == 2  # the others waited with them
        assert http.charges() == Charges(confirmed=6)


def test_a_server_that_asks_for_too_much_patience_ends_the_run():
    with running(faults=Faults(rate=1.0, kinds=("limit",), retry_after="3600")) as server:
        _, _, end = gather(target(server).stream(PROMPTS, SEEDS))
        assert "asks to wait 3600 seconds; `longest_wait` is 2 seconds" in str(end)


def test_a_rate_limit_without_an_end_ends_the_run():
    with running(faults=Faults(rate=1.0, kinds=("limit",), retry_after="0")) as server:
        _, _, end = gather(target(server, longest_wait=0.1, attempts=2).stream(PROMPTS[:2], SEEDS[:2]))
        assert "has let nothing in for a long time" in str(end)


def test_nobody_there():
    with running() as server:
        pass
    http = target(server, attempts=2)
    images, _, end = gather(http.stream(PROMPTS, SEEDS))
    assert "127.0.0.1 cannot be reached (ConnectError)" in str(end)
    assert (images, http.charges()) == ({}, Charges())


# ---------------------------------------------------------------------- refusals, keys, settings


def test_refusals_are_told_and_not_asked_again():
    with running(faults=Faults(refused=0.3)) as server:
        http = target(server, n=2)
        images, refused, end = gather(http.stream([*PROMPTS, PROMPTS[0]], [*SEEDS, 40]))
        assert end is None
        assert 4 < len(refused) < 30
        assert sorted([*images, *refused]) == list(range(41))
        assert set(refused.values()) == {"moderation_blocked"}
        assert len(server.log) == len(PROMPTS)
        assert http.charges() == Charges(confirmed=41)
        with pytest.raises(TargetError, match=r"refuses query 0: moderation_blocked"):
            http.generate([PROMPTS[min(refused)]], [0])


def test_a_wrong_key_ends_the_run_and_is_never_shown(tmp_path, monkeypatch, caplog):
    secret = "sk-very-secret"
    monkeypatch.setenv("MY_KEY", secret)
    caplog.set_level(logging.DEBUG)
    with running(key="another") as server:
        http = target(server, key_variable="MY_KEY", concurrency=4, spending=Spending(max_requests=100))
        http.keep_accounts(tmp_path)
        _, _, end = gather(http.stream(PROMPTS, SEEDS))
        assert "HTTP 401: Incorrect API key provided: Bearer ***. Set the environment variable MY_KEY" in str(end)
        assert http.charges() == Charges()
    shown = [str(end), repr(end), repr(http), str(vars(http)), str(http.fingerprint()), caplog.text]
    files = [file.read_text() for file in tmp_path.iterdir()]
    assert len(files[0] + files[-1]) > 100
    assert not any(secret in text for text in (*shown, *files))


def test_the_key_is_not_shown_to_where_images_are(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "right")
    with running(key="right") as server:
        assert len(target(server, response_format="url").generate(["a"], [0])) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": "other"}, r"HTTP 404: The model 'other' does not exist.*correct `base_url` or `model`"),
        ({"size": "32x32"}, r"HTTP 400: The size 32x32 is not supported, only 16x16"),
    ],
)
def test_what_the_server_does_not_know(options, message):
    with running(model="tiny") as server:
        http = target(server, concurrency=2, **options)
        with pytest.raises(TargetError, match=message):
            list(http.stream(PROMPTS, SEEDS))
        assert len(server.log) <= 5
        assert http.charges() == Charges()


def test_a_fingerprint_holds_what_changes_an_answer():
    with running() as server:
        pass
    same = [target(server, n=3), target(server, concurrency=2), target(server, key_variable="OTHER", name="x")]
    other = [target(server, **{name: value}) for name, value in (("model", "m"), ("send_seed", True), ("size", "8x8"))]
    assert [http.fingerprint() == target(server).fingerprint() for http in (*same, *other)] == [True] * 3 + [False] * 3
    assert target(server).name == "tiny"


def test_all_mistakes_are_named_at_once():
    with running() as server:
        pass
    with pytest.raises(
        TargetError, match=r"`n` must be.*`size` must be.*`concurrency` must be at least 1.*`max_money`"
    ):
        target(server, n=0, size="big", concurrency=0, spending=Spending(max_money=1.0))
    assert api(server).mistakes() == []
