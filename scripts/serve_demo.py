"""Serve local targets as an OpenAI-compatible Images API on loopback: `python scripts/serve_demo.py`.

By default the shipped demo targets. Faults can be switched on: `python scripts/serve_demo.py --faults.rate 0.3`.
Needs the extra `serve`.
"""

import asyncio
import base64
import contextlib
import io
import json
import os
import random
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import torch
import uvicorn
from jsonargparse import ArgumentParser
from PIL import Image
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from torch import Tensor

from lit_mia.errors import LitMiaError
from lit_mia.targets import GenerateTarget, VaryTarget
from lit_mia.transparency import rgb_over_white

TARGETS = Path(__file__).parent.parent / "configs/target"
Fault = Literal["limit", "error", "hang", "truncated", "no_image", "wrong_size", "fewer", "one_broken", "drip"]
ALL_FAULTS: tuple[Fault, ...] = get_args(Fault)
LONGEST_PROMPT = 1000


@dataclass(frozen=True)
class Faults:
    """What goes wrong.

    Attributes:
        rate: Share of the requests that fail.
        kinds: In which ways, equally often: 429, 500, no answer, half the JSON, bytes that are no image, an image of
            another size, one image of several, several of which the first is no image, an answer that drips in.
        refused: Share of the prompts and images that moderation refuses, always the same ones.
        seed: Seed of both.
        retry_after: What a 429 says in `Retry-After`.
        hang_seconds: How long an answer takes that hangs or drips.
    """

    rate: float = 0.0
    kinds: tuple[Fault, ...] = ALL_FAULTS
    refused: float = 0.0
    seed: int = 0
    retry_after: str = "1"
    hang_seconds: float = 3600.0


@dataclass(frozen=True)
class Question:
    """A request for one image, or for one variation of an image."""

    seed: int
    prompt: str | None
    image: Tensor | None


Answer = tuple["asyncio.Future[Tensor]", int]
"""The call of a target that has answered a question, and the place of its image among the call's."""


class Batcher:
    """Gathers what is asked at the same time into one call of a target.

    Args:
        answer: Makes one image for each of some questions.
        batch_size: Most questions per call.
        wait: Seconds to wait for more of them.
    """

    def __init__(self, answer: Callable[[Sequence[Question]], Tensor], batch_size: int, wait: float = 0.02) -> None:
        self._answer, self._batch_size, self._wait = answer, batch_size, wait
        self._asked: asyncio.Queue[tuple[Question, asyncio.Future[Answer]]] = asyncio.Queue()

    async def ask(self, questions: Sequence[Question]) -> list[Tensor]:
        """One image per question, uint8 `[3, h, w]`."""
        futures = [asyncio.get_running_loop().create_future() for _ in questions]
        for pair in zip(questions, futures, strict=True):
            self._asked.put_nowait(pair)
        answers = await asyncio.gather(*futures)
        return [(await call)[place] for call, place in answers]  # what the call raises, each of its clients is told

    async def serve(self) -> None:
        """Answer until cancelled."""
        while True:
            batch = [await self._asked.get()]
            await asyncio.sleep(self._wait)
            while len(batch) < self._batch_size and not self._asked.empty():
                batch.append(self._asked.get_nowait())
            questions = [question for question, _ in batch]
            call = asyncio.get_running_loop().run_in_executor(None, self._answer, questions)
            await asyncio.wait([call])
            for place, (_, future) in enumerate(batch):
                if not future.done():  # its client may have left
                    future.set_result((call, place))


class ImagesServer:
    """The API; `app` is the ASGI application.

    Args:
        generate: Makes images of prompts and seeds, uint8 `[n, 3, h, w]`.
        vary: Makes variations of images, given also captions and seeds.
        faults: What goes wrong.
        batch_size: Most images per call of either.
        key: The key that clients must show; None admits all.
        model: The name that clients must give; None admits all.
    """

    def __init__(
        self,
        generate: Callable[[list[str], list[int]], Tensor],
        vary: Callable[[Tensor, list[str | None], list[int]], Tensor],
        faults: Faults = Faults(),
        batch_size: int = 64,
        key: str | None = None,
        model: str | None = None,
    ) -> None:
        self.faults, self.key, self.model = faults, key, model
        self.log: list[tuple[str, str]] = []  # every request: its prompt, or the hash of its image, and its end
        self._random, self._files = random.Random(faults.seed), dict[str, bytes]()
        self._generations = Batcher(lambda asked: generate(*_texts(asked)), batch_size)
        self._variations = Batcher(lambda asked: vary(_images(asked), *_texts(asked)), batch_size)
        routes = [
            Route("/v1/images/{endpoint}", self.images, methods=["POST"]),
            Route("/files/{name}", self.file, methods=["GET"]),
        ]
        handlers = {LitMiaError: _refused, Exception: _failed}
        self.app = Starlette(routes=routes, lifespan=self._running, exception_handlers=handlers)

    async def images(self, request: Request) -> Response:
        """One request of the API."""
        shown, endpoint = request.headers.get("authorization"), request.path_params["endpoint"]
        if self.key and shown != f"Bearer {self.key}":
            return _error(401, "invalid_api_key", f"Incorrect API key provided: {shown}")
        fields, image = await _read(request)
        known = endpoint in ("generations", "variations", "edits") and self.model in (None, fields.get("model"))
        if not known:
            return _error(404, "model_not_found", f"The model {fields.get('model')!r} does not exist.")
        if len(fields.get("prompt") or "") > LONGEST_PROMPT:
            return _error(400, "string_above_max_length", f"The prompt is longer than {LONGEST_PROMPT} characters.")
        subject = str(fields.get("prompt")) if image is None else sha256(image.numpy().tobytes()).hexdigest()
        if self._is_refused(subject):
            self.log.append((subject, "refused"))
            return _error(400, "moderation_blocked", "Your request was rejected by the safety system.")
        fault = self._random.choice(self.faults.kinds) if self._random.random() < self.faults.rate else None
        self.log.append((subject, fault or "answered"))
        if fault == "limit":
            return _error(429, "rate_limit_exceeded", "Slow down.", {"Retry-After": self.faults.retry_after})
        if fault == "error":
            return _error(500, "server_error", "Something broke.")
        if fault == "hang":
            await asyncio.sleep(self.faults.hang_seconds)
        return await self._answer(request, fields, image, fault)

    async def file(self, request: Request) -> Response:
        """An image that was answered by its URL, once."""
        if "authorization" in request.headers:
            return _error(400, "leak", "A key was sent to where the images are.")
        data = self._files.pop(request.path_params["name"], None)
        return Response(status_code=404) if data is None else Response(data, media_type="image/png")

    def summary(self) -> dict[str, int]:
        """How many requests ended how."""
        return dict(Counter(end for _, end in self.log))

    def _is_refused(self, subject: str) -> bool:
        digest = sha256(f"{self.faults.seed}/{subject}".encode()).digest()
        return int.from_bytes(digest[:4]) < self.faults.refused * 2**32

    async def _answer(
        self, request: Request, fields: dict[str, Any], image: Tensor | None, fault: Fault | None
    ) -> Response:
        first = int(fields.get("seed", secrets.randbits(62)))
        questions = [Question(first + i, fields.get("prompt"), image) for i in range(int(fields.get("n", 1)))]
        made = await (self._generations if image is None else self._variations).ask(questions)
        size = f"{made[0].shape[2]}x{made[0].shape[1]}"
        if fields.get("size", size) != size:
            return _error(400, "invalid_size", f"The size {fields['size']} is not supported, only {size}.")
        made = made[:1] if fault == "fewer" else made
        files = [b"<html>no image</html>" if fault == "no_image" else _png(one, fault == "wrong_size") for one in made]
        if fault == "one_broken":
            files[0] = b"<html>no image</html>"
        if fields.get("response_format") == "url":
            data = [{"url": f"{request.base_url}files/{self._publish(file)}"} for file in files]
        else:
            data = [{"b64_json": base64.b64encode(file).decode()} for file in files]
        body = json.dumps({"created": 0, "data": data}).encode()
        if fault == "drip":
            return StreamingResponse(self._drip(body), media_type="application/json")
        return Response(body[: len(body) // 2] if fault == "truncated" else body, media_type="application/json")

    def _publish(self, data: bytes) -> str:
        name = f"{secrets.token_hex(8)}.png"
        self._files[name] = data
        return name

    async def _drip(self, body: bytes) -> AsyncIterator[bytes]:
        for byte in body:
            yield bytes([byte])
            await asyncio.sleep(self.faults.hang_seconds / len(body))

    @contextlib.asynccontextmanager
    async def _running(self, _: Starlette) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(batcher.serve()) for batcher in (self._generations, self._variations)]
        yield
        for task in tasks:
            task.cancel()


def _texts(asked: Sequence[Question]) -> tuple[list[Any], list[int]]:
    return [question.prompt for question in asked], [question.seed for question in asked]


def _images(asked: Sequence[Question]) -> Tensor:
    return torch.stack([question.image for question in asked if question.image is not None])


async def _read(request: Request) -> tuple[dict[str, Any], Tensor | None]:
    """The fields of a request, and its image if it has one."""
    if request.headers.get("content-type", "").startswith("application/json"):
        return await request.json(), None
    async with request.form() as form:
        fields = {name: value for name, value in form.items() if isinstance(value, str)}
        picture = rgb_over_white(Image.open(io.BytesIO(await form["image"].read())))
    return fields, torch.from_numpy(np.array(picture)).permute(2, 0, 1)


def _png(image: Tensor, wider: bool) -> bytes:
    picture, file = Image.fromarray(image.permute(1, 2, 0).numpy()), io.BytesIO()
    (picture.resize((picture.width + 8, picture.height)) if wider else picture).save(file, "PNG")
    return file.getvalue()


async def _refused(_: Request, error: Exception) -> Response:
    """What a client is told of a mistake of its own."""
    return _error(400, "invalid_request", str(error))


async def _failed(_: Request, error: Exception) -> Response:
    """What a client is told when the target fails."""
    return _error(500, "server_error", f"The target failed: {type(error).__name__}: {error}")


def _error(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> Response:
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": code}
    return JSONResponse({"error": error}, status, headers)


def main() -> None:
    """Serve until interrupted, and then tell how the requests ended."""
    parser = ArgumentParser(description=__doc__)
    parser.add_subclass_arguments(GenerateTarget, "generate", default=str(TARGETS / "openmoji_demo.yaml"))
    parser.add_subclass_arguments(VaryTarget, "vary", default=str(TARGETS / "openmoji_ddpm.yaml"))
    parser.add_class_arguments(Faults, "faults")
    parser.add_argument("--port", type=int, default=8765)
    parser.add_argument("--model", type=str, default="openmoji", help="The name that clients must give.")
    parser.add_argument("--key_variable", type=str, default="", help="Environment variable with the key to demand.")
    given = parser.parse_args()
    ready = parser.instantiate(given)
    generate, vary, side = ready.generate.generate, ready.vary.vary, ready.vary.image_size
    generate([""], [0])  # loads the models
    vary(torch.zeros(1, 3, side, side, dtype=torch.uint8), [""], [0])
    key = os.environ[given.key_variable] if given.key_variable else None
    server = ImagesServer(generate, vary, ready.faults, ready.generate.batch_size, key, given.model)
    print(f"serving on http://127.0.0.1:{given.port}/v1", flush=True)
    uvicorn.run(server.app, host="127.0.0.1", port=given.port, log_level="critical", timeout_graceful_shutdown=1)
    print(f"requests: {server.summary()}")


if __name__ == "__main__":
    main()
