"""What answers of an Images API mean, and what is sent; no server is needed."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from lit_mia.errors import TargetError
from lit_mia.targets.images_api.answers import check_status, read_answer
from lit_mia.targets.images_api.failures import (
    BrokenError,
    ClosedError,
    LimitedError,
    RefusedError,
    RejectedError,
)
from lit_mia.targets.images_api.settings import ImageQuery, ImagesAPI

API = ImagesAPI("https://example.org/v1/", "painter", size="6x4")
QUERY = ImageQuery("generations", "a cat", 7)


def body(**error):
    return json.dumps({"error": {"message": "It says so.", **error}}).encode()


@pytest.mark.parametrize(
    ("status", "content", "meaning", "outcome"),
    [
        (400, body(code="moderation_blocked", type="image_generation_user_error"), RefusedError, "confirmed"),
        (400, body(code="content_policy_violation"), RefusedError, "confirmed"),
        (400, body(code=None, inner_error={"code": "ResponsibleAIPolicyViolation"}), RefusedError, "confirmed"),
        (403, body(code="content_filter"), RefusedError, "confirmed"),
        (400, body(code="invalid_size"), RejectedError, "free"),
        (422, b'{"detail": "no such field"}', RejectedError, "free"),
        (400, body(code="sensitive_words_detected", type="new_api_error"), RefusedError, "confirmed"),
        (400, body(code="400", message="litellm.ContentPolicyViolationError: no"), RefusedError, "confirmed"),
        (400, body(code=400, message="rejected as a result of our safety system."), RefusedError, "confirmed"),
        (400, b'{"code": 400, "error": "NSFW content detected"}', RefusedError, "confirmed"),
        (422, b'{"detail": "This violates our content policy."}', RefusedError, "confirmed"),
        (400, body(code="400", provider={"innererror": {"code": "content_filter"}}), RefusedError, "confirmed"),
        (400, body(message="Unknown parameter: 'moderation'.", param="moderation"), RejectedError, "free"),
        (429, body(message="Slow down; see our content policy."), LimitedError, "free"),
        (500, body(message="The safety system is down."), BrokenError, "uncertain"),
        (402, b'{"detail": "Payment Required"}', ClosedError, "free"),
        (403, body(code="insufficient_user_quota"), ClosedError, "free"),
        (405, b'{"detail": "Method Not Allowed"}', ClosedError, "free"),
        (400, body(code="billing_hard_limit_reached"), ClosedError, "free"),
        (429, body(code="project_spend_limit_exceeded", type="insufficient_quota"), ClosedError, "free"),
        (429, body(code="rate_limit_exceeded"), LimitedError, "free"),
        (401, body(code="invalid_api_key"), ClosedError, "free"),
        (403, b"", ClosedError, "free"),
        (404, body(code="model_not_found"), ClosedError, "free"),
        (302, b"", ClosedError, "free"),
        (408, b"", BrokenError, "uncertain"),
        (500, b"<html>", BrokenError, "uncertain"),
        (503, body(code="moderation_blocked"), BrokenError, "uncertain"),
    ],
)
def test_a_status_means(status, content, meaning, outcome):
    with pytest.raises(meaning) as raised:
        check_status(API, status, {}, content)
    assert raised.value.outcome == outcome


@pytest.mark.parametrize(
    ("status", "advice"), [(401, "OPENAI_API_KEY.*`key_header`"), (403, "painter"), (404, "`base_url`.*`query: {api-v")]
)
def test_what_nobody_gets_says_what_to_mend(status, advice):
    with pytest.raises(ClosedError, match=rf"HTTP {status}: It says so\. .*{advice}"):
        check_status(API, status, {}, body())


@pytest.mark.parametrize(
    ("wrap", "length"),
    [
        (str.encode, 500),
        (lambda said: body(message=said), 500),
        (lambda said: json.dumps({"error": said}).encode(), 500),
    ],
)
def test_a_key_is_hidden_before_what_the_server_says_is_cut(monkeypatch, wrap, length):
    secret = "sk-" + "0123456789" * 4
    monkeypatch.setenv("OPENAI_API_KEY", secret)
    with pytest.raises(RejectedError) as raised:
        check_status(API, 400, {}, wrap("x" * (length - 20) + secret + "y" * 30))
    assert str(raised.value).endswith("x***" + "y" * 17)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("3", 3),
        ("0.5", 0.5),
        (timedelta(seconds=60), 60),
        (timedelta(seconds=-60), 0),
        ("soon", 0),
        ("-1", 0),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_a_number_or_a_date(status, header, seconds):
    if isinstance(header, timedelta):
        header = format_datetime(datetime.now(UTC) + header, usegmt=True)
    with pytest.raises((LimitedError, BrokenError)) as raised:
        check_status(API, status, {"retry-after": header}, b"")
    assert raised.value.wait == pytest.approx(seconds, abs=30 if seconds == 60 else 0)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (body(param="size", code="x"), "`send_size: false`"),
        (body(message="Unknown parameter: 'response_format'.", param="response_format"), "`b64_json`, `url` or `omit`"),
        (b'{"error": "invalid response_format, only b64_json is supported"}', "`response_format` to"),
        (b'{"code": "Client specified an invalid argument", "error": "Argument not supported: size"}', "send_size"),
        (b'{"detail": [{"loc": ["body", "seed"], "msg": "Extra inputs", "type": "extra_forbidden"}]}', "send_seed"),
        (b'{"detail": "Invalid quality: low"}', "Correct or remove `quality` in `extra`"),
        (body(param="n"), "`n: 1`"),
        (b'{"detail": "model mismatch"}', "^$"),
        (body(param="prompt"), "^$"),
    ],
)
def test_a_rejected_setting_is_named(content, message):
    with pytest.raises(RejectedError) as raised:
        check_status(replace(API, extra={"quality": "low"}), 400, {}, content)
    assert re.search(message, raised.value.advice)


def test_half_a_letter_in_what_a_server_says_can_be_written():
    with pytest.raises(RejectedError) as raised:
        check_status(API, 400, {}, b'{"error": {"message": "no \\ud83d"}}')
    assert raised.value.reason.encode() == b"HTTP 400: no ?"


@pytest.mark.parametrize("deep", [b"[" * 100_000, b'{"error":' * 480 + b"1" + b"}" * 480])
def test_what_is_nested_too_deeply_is_no_crash(deep):
    with pytest.raises(RejectedError, match="HTTP 400"):
        check_status(API, 400, {}, deep)
    with pytest.raises(BrokenError, match=r"the answer is no JSON|holds no images"):
        read_answer(API, deep)


@pytest.mark.parametrize(
    ("content", "said", "reason"),
    [
        (b'{"detail": "Prompt too long"}', "Prompt too long", "Prompt too long"),
        (
            b'{"detail": [{"loc": ["body", "prompt"], "msg": "field required", "type": "missing"}, {"msg": "bad"}]}',
            "body.prompt: field required; bad",
            "body.prompt: field required; bad",
        ),
        (b'{"detail": {"code": "E7", "message": "No."}}', "No", "E7"),
        (b'{"error": {"detail": "No."}}', "No", "No."),
        (b'{"message": "No.", "code": 400}', "No", "No."),
        (body(message="No. (request id: 2024abc)"), "No", "No."),
        (b"<html>no</html>", "<html>no</html>", "<html>no</html>"),
        (b'{"other": 1}', '{"other": 1}', '{"other": 1}'),
    ],
)
def test_what_a_server_says_is_found_in_every_form(content, said, reason):
    with pytest.raises(RejectedError) as raised:
        check_status(API, 422, {}, content)
    assert str(raised.value) == f"HTTP 422: {said}"
    assert raised.value.reason == f"HTTP 422: {reason}"


@pytest.mark.parametrize("status", [200, 400, 403, 500])
def test_a_pattern_makes_a_refusal_of_what_matches(status):
    patterned = replace(API, refusal_patterns=["knight", "blocked by .* shield"])
    content = b'{"detail": [{"msg": "Blocked by the shield", "input": {"prompt": "a knight"}}]}'
    with pytest.raises(RefusedError, match=r"^blocked by \.\* shield$"):
        read_answer(patterned, content) if status == 200 else check_status(patterned, status, {}, content)
    for other in (401, 429):
        with pytest.raises((ClosedError, LimitedError)):
            check_status(patterned, other, {}, content)


@pytest.mark.parametrize(
    "content", [b'{"data": [', b"[]", b'{"data": null}', b'{"error": "try again"}', b'{"images": []}', b"\xff"]
)
def test_an_answer_that_is_no_list_of_images_is_broken(content):
    with pytest.raises(BrokenError):
        read_answer(API, content)


@pytest.mark.parametrize("items", [[], [{}], [None, {"b64_json": "", "url": " "}], [{"b64_json": None, "url": 7}]])
def test_a_list_without_an_image_may_be_charged(items):
    with pytest.raises(RejectedError) as raised:
        read_answer(API, json.dumps({"data": items}).encode())
    assert raised.value.outcome == "uncertain"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({"data": [{"url": "", "respect_moderation": False}]}, "respect_moderation"),
        ({"data": [{"url": "http://x/blurred.png", "respect_moderation": False}]}, "respect_moderation"),
        ({"data": [], "error": {"code": "content_filter"}}, "content_filter"),
        ({"error": {"code": "400", "message": "Blocked by content moderation."}}, "content moderation"),
    ],
)
def test_a_success_may_be_a_refusal(content, reason):
    with pytest.raises(RefusedError) as raised:
        read_answer(API, json.dumps(content).encode())
    assert (str(raised.value), raised.value.outcome) == (reason, "confirmed")


def test_an_answer_may_mix_base64_and_urls_and_what_is_neither():
    items = [
        {"b64_json": "QQ==", "url": None},
        {},
        None,
        {"b64_json": "", "url": "http://x/y.png", "revised_prompt": "z"},
        {"b64_json": "QQ==", "url": "http://x", "respect_moderation": True},
        {"url": "http://x", "respect_moderation": False},
    ]
    assert read_answer(API, json.dumps({"data": items}).encode()) == [
        {"b64_json": "QQ=="},
        {"url": "http://x/y.png"},
        {"b64_json": "QQ==", "url": "http://x"},
    ]


def test_a_request_holds_what_was_set():
    assert API.url("generations") == "https://example.org/v1/images/generations"
    fields = {"model": "painter", "n": 2, "size": "6x4", "prompt": "a cat", "response_format": "b64_json"}
    assert API.body(QUERY, 2) == {"json": fields}
    other = ImagesAPI("http://x", "m", size="1x1", send_seed=True, extra={"quality": "low"}, response_format="omit")
    assert other.body(QUERY, 1) == {
        "json": {"model": "m", "n": 1, "size": "1x1", "quality": "low", "prompt": "a cat", "seed": 7}
    }
    azure = replace(API, key_header="api-key", query={"api-version": "2025-04-01-preview"}, send_size=False)
    assert azure.url("edits") == "https://example.org/v1/images/edits?api-version=2025-04-01-preview"
    assert "size" not in azure.body(QUERY, 1)["json"]
    form = API.body(ImageQuery("variations", image=b"png"), 1)
    assert form["files"] == {"image": ("image.png", b"png", "image/png")}
    assert "prompt" not in form["data"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"base_url": "example.org/v1"}, "http:// or https://"),
        ({"base_url": "https://me:secret@example.org"}, "must hold no user, password or query"),
        ({"base_url": "https://example.org?key=secret"}, "must hold no user, password or query"),
        ({"base_url": "https://example.org/v1/images/generations"}, "must end before `/images/…`"),
        ({"query": {"api_key": "secret"}}, "`query` must hold no key"),
        ({"key_header": "api key"}, "`key_header` must be the name of a header, but got 'api key'"),
        ({"refusal_patterns": ["good", "("]}, "`refusal_patterns` must be regular expressions"),
        ({"refusal_patterns": [".*"]}, "that an empty text does not match, but got '.*'"),
        ({"size": "auto"}, "`size` must be like 1024x1024, but got 'auto'"),
        ({"size": "0x4"}, "`size` must be"),
    ],
)
def test_mistakes_are_named_without_secrets(changes, message):
    said = " ".join(ImagesAPI(**{"base_url": "http://x", "model": "m", **changes}).mistakes())
    assert message in said
    assert "secret" not in said


def test_a_key_that_cannot_be_sent_is_not_shown(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", " sk-1\n")
    assert API.key() == "sk-1"
    assert API.key_headers() == {"Authorization": "Bearer sk-1"}
    assert replace(API, key_header="api-key").key_headers() == {"api-key": "sk-1"}
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1 sk-2")
    with pytest.raises(TargetError, match="OPENAI_API_KEY") as raised:
        API.key()
    assert "sk-" not in str(raised.value)
    monkeypatch.delenv("OPENAI_API_KEY")
    assert API.key() is None
    assert API.key_headers() == {}


def test_settings_that_are_not_used_are_not_in_the_fingerprint():
    usual = {"base_url": "https://example.org/v1", "model": "painter", "size": "6x4", "send_seed": False, "extra": "{}"}
    silent = replace(API, key_header="api-key", refusal_patterns=["no"])
    assert API.fingerprint() == silent.fingerprint() == usual
    asked = replace(API, query={"api-version": "1"}, send_size=False)
    assert asked.fingerprint() == usual | {"query": '{"api-version": "1"}', "send_size": False}
