"""`lit-mia serve-demo`: what is said before models are loaded, and a server that answers until Ctrl-C."""

import signal
import socket
import subprocess
import sys

import httpx
import pytest

from lit_mia.cli import serving
from lit_mia.errors import CommandError
from lit_mia.main import run


def test_what_is_missing_is_said_before_models_are_loaded(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CommandError, match=rf"Nothing can be served on port {port} \(.*in use.*`--port`"):
            run(["serve-demo", f"--port={port}"])
    with pytest.raises(CommandError, match="NO_SUCH_KEY holds no key"):
        run(["serve-demo", "--key_variable=NO_SUCH_KEY"])
    monkeypatch.setattr(serving, "EXTRA", ("no_such_package",))
    with pytest.raises(CommandError, match=r"needs no_such_package: pip install 'lit-mia\[serve\]'"):
        run(["serve-demo"])


@pytest.mark.slow
def test_it_serves_until_ctrl_c_and_tells_how_requests_ended(tiny_pipeline_folder, tiny_ddpm_folder):
    options = [f"--generate.path={tiny_pipeline_folder}", "--generate.steps=1"]
    command = [sys.executable, "-m", "lit_mia", "serve-demo", "--port=0", *options, f"--vary.path={tiny_ddpm_folder}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        url = process.stdout.readline().split()[-1]
        asked = {"model": "openmoji", "prompt": "a cat"}
        answers = [httpx.post(f"{url}/images/generations", json=asked), httpx.post(f"{url}/images/edits", data=asked)]
        process.send_signal(signal.SIGINT)
        said, errors = process.communicate(timeout=60)
    assert [answer.status_code for answer in answers] == [200, 400]
    assert "The form holds no file `image`" in answers[1].text
    assert (process.returncode, said) == (0, "requests: {'answered': 1}\n"), errors


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--faults.rate", "2", "`rate` must be in [0, 1], but got 2.0"),
        ("--faults.refused", "-0.1", "`refused` must be in [0, 1], but got -0.1"),
        ("--faults.hang_seconds", "-1", "`hang_seconds` must be at least 0, but got -1.0"),
        ("--faults.kinds", "[]", "`kinds` names no kind of fault"),
    ],
)
def test_faults_that_cannot_be_are_refused_before_anything_is_served(failure, option, value, message):
    assert message in failure("serve-demo", f"{option}={value}", "--port", "0")
