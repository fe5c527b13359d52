"""What answers of an Images API mean, and what is sent; no server is needed."""

import io
import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
import torch
from PIL import Image

from lit_mia.errors import TargetError
from lit_mia.targets.images_api.answers import (
    BrokenError,
    ClosedError,
    LimitedError,
    RefusedError,
    RejectedError,
    check_status,
    read_answer,
    read_base64,
    read_image,
)
from lit_mia.targets.images_api.settings import ImageQuery, ImagesAPI, write_image

API = ImagesAPI("https://example.org/v1/", "painter", size="6x4")
QUERY = ImageQuery("generations", "a cat", 7)


def body(**error):
    return json.dumps({"error": {"message": "It says so.", **error}}).encode()


def encoded(image, kind):
    file = io.BytesIO()
    image.save(file, kind)
    return file.getvalue()


@pytest.mark.parametrize(
    ("status", "content", "meaning", "outcome"),
    [
        (400, body(code="moderation_blocked", type="image_generation_user_error"), RefusedError, "confirmed"),
        (400, body(code="content_policy_violation"), RefusedError, "confirmed"),
        (400, body(code=None, inner_error={"code": "ResponsibleAIPolicyViolation"}), RefusedError, "confirmed"),
        (403, body(code="content_filter"), RefusedError, "confirmed"),
        (400, body(code="invalid_size"), RejectedError, "free"),
        (422, b'{"detail": "no such field"}', RejectedError, "free"),
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


@pytest.mark.parametrize(("status", "advice"), [(401, "OPENAI_API_KEY"), (403, "painter"), (404, "`base_url`")])
def test_what_nobody_gets_says_what_to_mend(status, advice):
    with pytest.raises(ClosedError, match=rf"HTTP {status}: It says so\. .*{advice}"):
        check_status(API, status, {}, body())


@pytest.mark.parametrize(
    ("wrap", "length"),
    [
        (str.encode, 200),
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
    "content", [b'{"data": [', b"[]", b'{"data": null}', b'{"data": []}', b'{"data": [{}]}', b"\xff"]
)
def test_an_answer_without_images_is_broken(content):
    with pytest.raises(BrokenError):
        read_answer(content)


def test_an_answer_may_mix_base64_and_urls_and_what_is_neither():
    items = [{"b64_json": "QQ==", "url": None}, {}, None, {"url": "http://x/y.png", "revised_prompt": "z"}]
    assert read_answer(json.dumps({"data": items}).encode()) == [("b64", "QQ=="), ("url", "http://x/y.png")]
    assert read_base64("QQ==") == b"A"
    with pytest.raises(BrokenError):
        read_base64("Q*")


@pytest.mark.parametrize(
    ("mode", "kind"), [("L", "PNG"), ("P", "PNG"), ("RGB", "JPEG"), ("RGB", "WEBP"), ("I;16", "PNG")]
)
def test_every_mode_becomes_rgb(mode, kind):
    image = Image.new("RGB", (6, 4), (200, 200, 200)) if mode == "RGB" else Image.new(mode, (6, 4), 200)
    pixels = read_image(encoded(image, kind), API.shape)
    assert (pixels.dtype, pixels.shape) == (torch.uint8, (3, 4, 6))


def test_transparent_pixels_become_white():
    assert (read_image(encoded(Image.new("RGBA", (6, 4), (0, 0, 0, 0)), "PNG"), API.shape) == 255).all()


def test_a_file_written_is_read_unchanged():
    image = torch.randint(0, 256, API.shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    assert torch.equal(read_image(write_image(image), API.shape), image)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"<html>", "cannot be decoded"),
        (encoded(Image.new("RGB", (6, 4)), "PNG")[:-30], "cannot be decoded"),
        (encoded(Image.new("RGB", (6, 4)), "GIF"), "cannot be decoded"),
        (encoded(Image.new("RGB", (4, 6)), "PNG"), "has 4x6 pixels instead of 6x4; if all have, set `size`"),
    ],
)
def test_what_is_no_image_of_that_size_is_broken(data, message):
    with pytest.raises(BrokenError, match=message):
        read_image(data, API.shape)


def test_a_request_holds_what_was_set():
    assert API.url("generations") == "https://example.org/v1/images/generations"
    fields = {"model": "painter", "n": 2, "size": "6x4", "prompt": "a cat", "response_format": "b64_json"}
    assert API.body(QUERY, 2) == {"json": fields}
    other = ImagesAPI("http://x", "m", size="1x1", send_seed=True, extra={"quality": "low"}, response_format="omit")
    assert other.body(QUERY, 1) == {
        "json": {"model": "m", "n": 1, "size": "1x1", "quality": "low", "prompt": "a cat", "seed": 7}
    }
    form = API.body(ImageQuery("variations", image=b"png"), 1)
    assert form["files"] == {"image": ("image.png", b"png", "image/png")}
    assert "prompt" not in form["data"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"base_url": "example.org/v1"}, "http:// or https://"),
        ({"base_url": "https://me:secret@example.org"}, "must hold no user, password or query"),
        ({"base_url": "https://example.org?key=secret"}, "must hold no user, password or query"),
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
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1 sk-2")
    with pytest.raises(TargetError, match="OPENAI_API_KEY") as raised:
        API.key()
    assert "sk-" not in str(raised.value)
    monkeypatch.delenv("OPENAI_API_KEY")
    assert API.key() is None
