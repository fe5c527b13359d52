"""The table of commands: the overview, the version and what is no command."""

import os
import subprocess
import sys
from importlib.metadata import version

import pytest

from lit_mia.cli.command_table import COMMANDS
from lit_mia.main import run


def test_the_overview_names_every_command(capsys):
    for args in ([], ["--help"], ["-h"]):
        assert run(args) is None
        said = capsys.readouterr().out
        assert said.startswith("usage: lit-mia COMMAND")
        for name, command in COMMANDS.items():
            assert f"  {name:10} {command.summary}" in said


def test_the_version_is_that_of_the_package(capsys):
    run(["--version"])
    assert capsys.readouterr().out == f"lit-mia {version('lit-mia')}\n"


def test_what_is_no_command_lists_all_of_them(failure):
    said = failure("audti", "--config", "x")
    assert (
        said == f"lit-mia: There is no command 'audti'. Did you mean 'audit'? The commands are {', '.join(COMMANDS)}."
    )
    assert "Did you mean" not in failure("zzz")


@pytest.mark.parametrize("command", ["card", "completion", "configs", "init", "plugins", "report"])
def test_help_says_what_a_command_does_and_not_how_its_function_is_called(command, capsys):
    with pytest.raises(SystemExit):
        run([command, "--help"])
    said = capsys.readouterr().out
    assert f"usage: lit-mia {command}" in said
    assert "Args:" not in said


def test_what_nobody_reads_ends_with_a_status_of_its_own_and_no_traceback():
    reads, writes = os.pipe()
    os.close(reads)
    command = [sys.executable, "-m", "lit_mia", "configs", "audit/quickstart", "--json"]
    ended = subprocess.run(command, stdout=writes, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writes)
    assert ended.returncode == 120
    assert "Traceback" not in ended.stderr
