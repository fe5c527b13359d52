"""The command that serves local targets as an API, to try audits of APIs on."""

import os
import socket
from collections.abc import Sequence
from contextlib import suppress
from importlib.util import find_spec
from typing import Any

import torch
from jsonargparse import ArgumentParser

from lit_mia.blocks import ObjectKeys, find_config
from lit_mia.cli.commands import resolve
from lit_mia.cli.demo_server.faults import Faults
from lit_mia.cli.stated import told_where
from lit_mia.errors import CommandError
from lit_mia.report.helping import CommandParser, description
from lit_mia.targets import GenerateTarget, VaryTarget

HOST = "127.0.0.1"
EXTRA = ("python_multipart", "starlette", "uvicorn")
"""The packages of the extra `serve`."""


def serve(command: str, args: Sequence[str]) -> None:
    """Serve local targets as an OpenAI-compatible Images API on this machine, until interrupted.

    By default the shipped demo targets, as the shipped config audit/openmoji_http asks them. Faults are switched on by
    `--faults.rate 0.3`.
    """
    if missing := [name for name in EXTRA if find_spec(name) is None]:
        raise CommandError(f"`lit-mia {command}` needs {', '.join(missing)}: pip install 'lit-mia[serve]'.")
    made = parser(command)
    line = resolve(args, ObjectKeys([GenerateTarget, VaryTarget], {"generate", "vary"}))
    with told_where(line.files):
        given = made.parse_args(line.args)
    key = _key(given.key_variable)
    with _listening(given.port) as listening:
        _serve(made.instantiate(given), key, listening)


def parser(command: str) -> ArgumentParser:
    """Its parser.

    Args:
        command: `serve-demo`.
    """
    made = CommandParser(prog=f"lit-mia {command}", description=description(serve))
    made.add_subclass_arguments(GenerateTarget, "generate", default=str(find_config("target/openmoji_demo")))
    made.add_subclass_arguments(VaryTarget, "vary", default=str(find_config("target/openmoji_ddpm")))
    made.add_class_arguments(Faults, "faults")
    made.add_argument("--port", type=int, default=8765, help="Port of this machine; 0 takes a free one.")
    made.add_argument("--model", type=str, default="openmoji", help="The name that clients must give.")
    made.add_argument("--key_variable", type=str, default="", help="Environment variable with the key to demand.")
    return made


def _serve(ready: Any, key: str | None, listening: socket.socket) -> None:
    """Serve on a socket, and tell how the requests ended."""
    import uvicorn

    from lit_mia.cli.demo_server.server import ImagesServer

    generate, vary, side = ready.generate.generate, ready.vary.vary, ready.vary.image_size
    generate([""], [0])  # loads the models
    vary(torch.zeros(1, 3, side, side, dtype=torch.uint8), [""], [0])
    server = ImagesServer(
        generate, vary, ready.faults, batch_size=ready.generate.batch_size, key=key, model=ready.model
    )
    print(f"serving on http://{HOST}:{listening.getsockname()[1]}/v1", flush=True)
    config = uvicorn.Config(server.app, log_level="critical", timeout_graceful_shutdown=1)
    with suppress(KeyboardInterrupt):
        uvicorn.Server(config).run([listening])
    print(f"requests: {server.summary()}")


def _listening(port: int) -> socket.socket:
    """A socket on loopback, before models are loaded."""
    try:
        return socket.create_server((HOST, port))
    except (OSError, OverflowError) as error:
        raise CommandError(f"Nothing can be served on port {port} ({error}). Give another `--port`.") from error


def _key(variable: str) -> str | None:
    """The key that clients must show; None if no variable was given."""
    key = os.environ.get(variable) if variable else None
    if variable and not key:
        raise CommandError(f"The environment variable {variable} holds no key to demand. Set it, or leave it out.")
    return key
