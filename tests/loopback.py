"""A real Images API in a thread of this process: the server of `lit-mia serve-demo` with plain functions in it."""

import asyncio
import contextlib
import threading
import time

import torch
import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lit_mia.cli.demo_server.faults import Faults
from lit_mia.cli.demo_server.server import ImagesServer
from lit_mia.errors import TargetError
from lit_mia.queries.generate import GenerateQuery
from lit_mia.targets import HttpTarget
from lit_mia.targets.images_api.settings import ImagesAPI, Pace

SIDE = 16
PROMPTS = [f"picture {number}" for number in range(40)]
SEEDS = list(range(40))
QUICK = ("limit", "error", "truncated", "no_image", "wrong_size", "fewer")


def paint(prompts, seeds):
    """An image of one colour, told by prompt and seed."""
    values = [[sum(prompt.encode()) % 256, seed % 256, 7] for prompt, seed in zip(prompts, seeds, strict=True)]
    return torch.tensor(values, dtype=torch.uint8).view(-1, 3, 1, 1).repeat(1, 1, SIDE, SIDE)


def brighten(images, captions, seeds):
    """The images, brighter by 1 for every letter of the caption."""
    extra = torch.tensor([len(caption or "") for caption in captions], dtype=torch.uint8)
    return images + extra.view(-1, 1, 1, 1)


@contextlib.contextmanager
def running(generate=paint, vary=brighten, faults=None, seconds=0.0, **options):
    """A server on a free port; `seconds` is what each request takes beside its answer."""
    images = ImagesServer(generate, vary, faults or Faults(), **options)

    async def slowly(scope, receive, send):
        if scope["type"] == "http":
            await asyncio.sleep(seconds)
        await images.app(scope, receive, send)

    with serving(slowly) as images.url:
        yield images


class OtherServer:
    """A server of another family, in which tests set what it answers to requests for images, and for files."""

    def __init__(self):
        routes = [Route("/{rest:path}", self.images, methods=["POST"]), Route("/{rest:path}", self.file)]
        self.app = Starlette(routes=routes)

    def start(self, answer, file):
        self.answer, self.answer_file, self.asked, self.requests = answer, file, [], []

    async def images(self, request):
        self.asked.append(await request.json())
        self.requests.append(request)
        content = self.answer(request, len(self.asked) - 1)
        return content if isinstance(content, Response) else JSONResponse(content)

    async def file(self, request):
        self.requests.append(request)
        return self.answer_file(request)


IDLE = []
"""Servers that wait for the next test: to stop one takes longer than most tests."""


@contextlib.contextmanager
def another(answer, file=None):
    """A server of another family.

    `answer` is given each request and its number, and makes a response or the JSON of one; `file` a response to each
    request for a file.
    """
    other = IDLE.pop() if IDLE else OtherServer()
    other.start(answer, file)
    if not hasattr(other, "url"):
        other.running = serving(other.app)
        other.url = other.running.__enter__()
    yield other
    IDLE.append(other)


@contextlib.contextmanager
def serving(app):
    """The URL of an ASGI application on a free port."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="critical", timeout_graceful_shutdown=0))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.005)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/v1"
    finally:
        server.should_exit = True
        thread.join()


def api(server, **options):
    return ImagesAPI(**{"base_url": server.url, "model": "tiny", "size": f"{SIDE}x{SIDE}"} | options)


def pace(**options):
    fast = {"total_seconds": 10.0, "backoff_seconds": 0.01, "longest_wait": 2.0, "attempts": 8}
    return Pace(**fast | options)


def target(server, n=1, kind=HttpTarget, **options):
    """A target whose options are sorted into those of the API, the pace and its own."""
    of_api = {name: options.pop(name) for name in list(options) if name in ImagesAPI.__dataclass_fields__}
    of_pace = {name: options.pop(name) for name in list(options) if name in Pace.__dataclass_fields__}
    return kind(api(server, **of_api), n=n, pace=pace(**of_pace), **options)


def gather(parts):
    """Images by row, refusals by row, and the error at the end if there is one."""
    images, refused, end = {}, {}, None
    try:
        for part in parts:
            assert not images.keys() & set(part.rows)
            images |= dict(zip(part.rows, part.images, strict=True))
            refused |= part.refused
    except TargetError as error:
        end = error
    return images, refused, end


def queries_of(prompts):
    return [GenerateQuery(prompt, prompt, 0) for prompt in prompts]
