"""Servers of other families: where they put images, how they want to be asked, and what they say."""

import base64
from urllib.parse import quote

import pytest
import torch
from loopback import PROMPTS, SEEDS, another, gather, paint, target
from starlette.responses import JSONResponse, Response

from lit_mia.targets.base import Charges
from lit_mia.targets.images_api.settings import write_image

IMAGE = paint(["a"], [0])[0]
PNG = write_image(IMAGE)
BASE64 = base64.b64encode(PNG).decode()
WIDE = base64.b64encode(write_image(torch.zeros(3, 16, 24, dtype=torch.uint8))).decode()


@pytest.fixture(autouse=True)
def key(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-right")


def answers(*items):
    return lambda request, number: {"created": 0, "data": list(items)}


def says(status, **content):
    return lambda request, number: JSONResponse(content, status)


# ---------------------------------------------------------------------- where images are


@pytest.mark.parametrize(
    "item",
    [
        {"b64_json": "", "url": "/files/a.png"},
        {"b64_json": "null", "url": "/files/a.png"},
        {"b64_json": None, "url": "/files/a.png"},
        {"url": "files/a.png"},
        {"url": f"data:image/png;base64,{BASE64}"},
        {"url": f"data:image/png,{quote(PNG)}"},
        {"b64_json": f"data:image/png;base64,{BASE64}"},
        {"b64_json": base64.encodebytes(PNG).decode()},
        {"b64_json": base64.urlsafe_b64encode(PNG).decode().rstrip("=")},
        {"b64_json": BASE64, "url": "https://nowhere.invalid/a.png"},
    ],
)
def test_an_image_is_found_wherever_it_is(item):
    with another(answers(item), lambda request: Response(PNG)) as server:
        http = target(server)
        assert torch.equal(http.generate(["a"], [0])[0], IMAGE)
        assert http.charges() == Charges(confirmed=1)
        assert [request.url.path for request in server.requests[1:]] in (
            [],
            ["/files/a.png"],
            ["/v1/images/files/a.png"],
        )


def test_the_key_is_shown_for_an_image_only_to_the_server_itself_and_only_if_it_asks():
    def file(request):
        return Response(PNG, 200 if request.headers.get("authorization") == "Bearer sk-right" else 401)

    with another(answers({"url": "/files/a.png"}), file) as own:
        assert torch.equal(target(own).generate(["a"], [0])[0], IMAGE)
        assert ["authorization" in request.headers for request in own.requests] == [True, False, True]
        foreign_url = own.url.replace("/v1", "/files/a.png")
        with another(answers({"url": foreign_url})) as server:
            del own.requests[:]
            assert "cannot be downloaded: HTTP 401" in str(gather(target(server, attempts=1).stream(["a"], [0]))[2])
            assert len(own.requests) == 4
            assert not any("authorization" in request.headers for request in own.requests)


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/hostname",
        "http://[",
        "ftp://x/a.png",
        "//",
        "http://127.0.0.1:9/a.png",
        "http://127.0.0.1:99999/a.png",
    ],
)
def test_an_address_that_leads_nowhere_is_an_error_and_kept_by_no_store(url):
    with another(lambda request, number: {"data": [{"b64_json": BASE64} if number else {"url": url}]}) as server:
        images, refused, end = gather(target(server, attempts=1, concurrency=1).stream(PROMPTS[:2], SEEDS[:2]))
        assert (sorted(images), refused) == ([1], {})
        assert "gave no answer to 1 of 2 requests; the last said: an image of the answer cannot be downloaded" in str(
            end
        )


# ---------------------------------------------------------------------- answers that are of no use


@pytest.mark.parametrize(
    "item", [{"b64_json": WIDE}, {"b64_json": base64.b64encode(b"<html>").decode()}, {"b64_json": "no!"}, {"url": "/x"}]
)
def test_a_server_whose_images_cannot_be_used_is_paid_for_few(item):
    with another(answers(item), lambda request: Response(b"<html>")) as server:
        http = target(server)
        images, refused, end = gather(http.stream(PROMPTS, SEEDS))
        assert (images, refused) == ({}, {})
        assert "gave no answer to 3 of 40 requests; after 3 in a row the rest was not asked" in str(end)
        assert len(server.asked) == http.charges().uncertain <= 10


def test_images_of_another_size_say_which_setting_to_mend():
    with another(answers({"b64_json": WIDE})) as server:
        end = str(gather(target(server).stream(PROMPTS, SEEDS))[2])
        assert "has 24x16 pixels instead of 16x16; if all have, set `size`, and `send_size: false` if" in end


def test_one_answer_of_no_use_is_asked_again_where_others_are_good():
    def answer(request, number):
        return {"data": [{"b64_json": WIDE if number in (5, 6, 7, 8) else BASE64}]}

    with another(answer) as server:
        images, refused, end = gather(target(server, concurrency=1).stream(PROMPTS[:9], SEEDS[:9]))
        assert (sorted(images), refused, end) == (SEEDS[:9], {}, None)
        assert len(server.asked) == 9 + 4


# ---------------------------------------------------------------------- how a server wants to be asked


def test_azure_is_shown_the_key_and_the_version_where_it_wants_them():
    def answer(request, number):
        if request.headers.get("api-key") != "sk-right" or "authorization" in request.headers:
            return JSONResponse({"error": {"code": "401", "message": "Access denied due to invalid key."}}, 401)
        if dict(request.query_params) != {"api-version": "2024-02-01"}:
            return JSONResponse({"error": {"code": "404", "message": "Resource not found"}}, 404)
        return {"data": [{"b64_json": BASE64}]}

    with another(answer) as server:
        assert "HTTP 401: Access denied due to invalid key. Set" in str(gather(target(server).stream(["a"], [0]))[2])
        http = target(server, key_header="api-key")
        assert "HTTP 404: Resource not found" in str(gather(http.stream(["a"], [0]))[2])
        http = target(server, key_header="api-key", query={"api-version": "2024-02-01"})
        assert torch.equal(http.generate(["a"], [0])[0], IMAGE)


@pytest.mark.parametrize(
    ("content", "advice", "mended"),
    [
        (
            {"code": "invalid argument", "error": "Argument not supported: size"},
            "`send_size: false`",
            {"send_size": False},
        ),
        (
            {"error": {"message": "Unknown parameter: 'response_format'.", "param": "response_format", "code": "x"}},
            "Set `response_format` to `b64_json`, `url` or `omit`.",
            {"response_format": "omit"},
        ),
        (
            {"detail": [{"loc": ["body", "seed"], "msg": "Extra inputs are not permitted", "type": "extra_forbidden"}]},
            "body.seed: Extra inputs are not permitted. Set `send_seed: false`.",
            {"send_seed": False},
        ),
        ({"detail": "quality is not a field"}, "Correct or remove `quality` in `extra`.", {"extra": {}}),
    ],
)
def test_a_server_that_rejects_a_setting_costs_nothing_and_says_which(content, advice, mended):
    taken = {"model", "n", "prompt"} | {"size", "response_format", "seed", "quality"} - mended.keys()
    taken -= {"send_size": {"size"}, "send_seed": {"seed"}, "extra": {"quality"}}.get(next(iter(mended)), set())

    def answer(request, number):
        return {"data": [{"b64_json": BASE64}]} if server.asked[-1].keys() <= taken else JSONResponse(content, 422)

    settings = {"send_seed": True, "extra": {"quality": "low"}}
    with another(answer) as server:
        http = target(server, **settings)
        images, refused, end = gather(http.stream(PROMPTS, SEEDS))
        assert (images, refused, http.charges()) == ({}, {}, Charges())
        assert len(server.asked) <= 5
        assert advice in str(end)
        assert len(target(server, **settings | mended).generate(PROMPTS[:4], SEEDS[:4])) == 4


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"detail": "Diffusion engine is full."}, "HTTP 400: Diffusion engine is full."),
        (
            {"detail": [{"loc": ["body", "x"], "msg": "no"}, {"loc": ["y"], "msg": "nor"}]},
            "HTTP 400: body.x: no; y: nor.",
        ),
        ({"error": "prompt required"}, "HTTP 400: prompt required."),
    ],
)
def test_what_other_servers_say_is_passed_on(content, said):
    with another(says(400, **content)) as server:
        assert said in str(gather(target(server).stream(["a"], [0]))[2])
