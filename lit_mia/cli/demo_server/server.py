"""The Images API as an ASGI application."""

import asyncio
import base64
import contextlib
import io
import json
import random
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from hashlib import sha256
from typing import Any, final

import numpy as np
import torch
from PIL import Image
from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from torch import Tensor

from lit_mia.cli.demo_server.batching import Batcher, Question
from lit_mia.cli.demo_server.faults import Fault, Faults
from lit_mia.errors import LitMiaError, TargetError
from lit_mia.transparency import rgb_over_white

LONGEST_PROMPT = 1000


@final
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
        faults: Faults = Faults(),  # noqa: B008 (frozen)
        *,
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
        upload = form.get("image")
        if not isinstance(upload, UploadFile):
            raise TargetError("The form holds no file `image`.")
        picture = rgb_over_white(Image.open(io.BytesIO(await upload.read())))
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
