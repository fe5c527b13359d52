"""Output that cannot hold a character gets another one instead of an error."""

import io
import os
import subprocess
import sys

import pytest
from rich.console import Console
from rich.table import Table

from lit_mia.report.terminal import SPELLED, spell_unprintable


@pytest.fixture(params=["ascii", "cp1252", "latin-1", "utf-8"])
def output(request, monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(), encoding=request.param)
    monkeypatch.setattr("sys.stdout", stream)
    spell_unprintable()
    return stream


def test_every_mark_of_a_table_is_printed(output):
    table = Table("Attack", "ΔAUC", "✓")
    table.add_row("II-P", "+0.3 [−0.1, 0.5] × 2 → é ば", "✗")
    Console(file=output, width=80).print(table)
    output.flush()
    said = output.buffer.getvalue().decode(output.encoding)
    assert ("✗" if output.encoding == "utf-8" else " n ") in said
    assert ("[−0.1" if output.encoding == "utf-8" else "[-0.1") in said
    assert len({len(line) for line in said.splitlines() if "|" in line or "│" in line or "┃" in line}) <= 2


def test_every_spelling_is_ascii():
    assert {chr(key).isascii() for key in SPELLED} == {False}
    assert {chr(value).isascii() for value in SPELLED.values()} == {True}


@pytest.mark.slow
def test_a_process_with_an_old_encoding_prints_and_fails_as_it_should():
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "LC_ALL": "C"}
    command = [sys.executable, "-c", "import sys; sys.argv[1:] = ['−✓']; from lit_mia.main import main; main()"]
    done = subprocess.run(command, env=environment, capture_output=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith(b"lit-mia: There is no command '-y'.")
