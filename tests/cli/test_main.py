"""The table of commands: the overview, the version and what is no command."""

from importlib.metadata import version

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
