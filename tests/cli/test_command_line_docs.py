"""docs/command_line.md: its commands are read by their parsers, and its statuses are those of the program."""

import re
import shlex
from pathlib import Path

import pytest

from lit_mia.cli.command_table import COMMANDS, STATUSES
from lit_mia.cli.completing import WORDS, parsers_of
from lit_mia.main import run
from lit_mia.report.telling import EPILOG, OPTIONS

TEXT = (Path(__file__).parents[2] / "docs/command_line.md").read_text(encoding="utf-8")
LINES = [line for block in re.findall(r"```bash\n(.*?)```", TEXT, re.DOTALL) for line in block.splitlines()]


@pytest.mark.parametrize("line", dict.fromkeys(LINES))
def test_a_command_can_be_read(line, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    name, command, *args = shlex.split(line.partition(">")[0])
    assert name == "lit-mia"
    if "--config" in args:
        with pytest.raises(SystemExit) as ended:
            run([command, *(arg for arg in args if arg != "--dry-run"), "--print_config"])
        assert ended.value.code == 0
        assert "design: randomized_split" in capsys.readouterr().out
    elif command in WORDS:
        run([command, *args])
        assert capsys.readouterr().out
    else:
        given = next(parsers_of(command)).parse_args([arg for arg in args if arg not in OPTIONS])
        assert args[0].lstrip("-") in {*given.as_dict(), *map(str, given.as_dict().values())}


def test_the_statuses_are_those_of_the_program():
    table = TEXT.partition("<!-- statuses -->\n")[2].partition("<!-- /statuses -->")[0].splitlines()[2:]
    assert [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in table] == [*STATUSES.items()]


def test_every_command_and_option_is_told(capsys):
    assert {name for name in COMMANDS if f"`{name}" not in TEXT} == set()
    run(["--help"])
    said = capsys.readouterr().out
    for option, does in OPTIONS.items():
        assert f"`{option}`" in TEXT
        assert f"{option}: {does}" in EPILOG
        assert does in said
    assert all(meaning in said for meaning in STATUSES.values())
