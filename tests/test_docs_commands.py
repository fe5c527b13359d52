"""Every block of code and every command of README.md and docs is parsed or run."""

import ast
import json
import re
import shlex
import tomllib
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from unittest.mock import patch

import jsonargparse
import pytest
import yaml
from documents import BLOCKS, PAGES, ROOT, Block, prose_of
from torch.distributed.run import get_args_parser

from lit_mia.cli.command_table import COMMANDS
from lit_mia.main import run

SHELL, OUTPUT = {"bash", "sh", "console"}, {"text", "csv"}
LANGUAGES = {*SHELL, *OUTPUT, "yaml", "python", "toml", "json"}
COMPOSED = {"audit", "query", "sweep", "selftest", "design", "fit", "test", "predict"}
"""Commands that can say what a command line comes to; of the others only the options are read."""
AUDIT = "data: data/openmoji\nattacks: [attack/ii_s]\n"
STAND_INS = {
    **dict.fromkeys(("my_audit.yaml", "own_audit.yaml", "audit.yaml", "before.yaml", "after.yaml"), AUDIT),
    "my_attack.yaml": "class_path: AttackIIS\n",
    "my_target.yaml": "class_path: DiffusersTarget\ninit_args: {path: my-folder}\n",
}
"""Files that a reader has, where no block of the page holds them."""
NAMED = re.compile(r"# ([\w/]+\.yaml)\b")
OWN = {(block.page, named[1]): block.text for block in BLOCKS if (named := NAMED.match(block.text))}
"""Page and name in its first line → a file that a block holds."""


KNOWN = {"cd", "eval", "export", "git", "mkdir", "mypy", "nvidia-smi", "pytest", "ruff", "source", "uv", "wandb"}
"""Programs of others that pages name, whose options are not read here."""


class OptionsRead(BaseException):
    """A command has read its options and does no more."""


def lines_of(block: Block) -> Iterator[str]:
    """The command lines of a block, continued ones joined, without comments, variables set and where output goes."""
    for line in block.text.replace("\\\n", " ").splitlines():
        words = shlex.split(line.removeprefix("$ "), comments=True)
        while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
            words = words[1:]
        if words:
            yield shlex.join(takewhile(lambda word: word not in ("|", ">", ">>"), words))


LINES = {
    line: block for block in BLOCKS if block.language in SHELL and block.mark != "unchecked" for line in lines_of(block)
}
"""Every command line → a block that holds it."""
FIRST_LINES = {path.read_text(encoding="utf-8").splitlines()[0][2:] for path in (ROOT / "configs").rglob("*.yaml")}
"""The commands of the shipped configs, which test_configs_parse.py reads."""


def ours(line: str) -> list[str] | None:
    """What lit-mia is given, also behind a launcher; None of other programs."""
    program, *words = shlex.split(line)
    if Path(program).name == "lit-mia":
        return words
    if program == "srun" and "lit-mia" in words:
        return words[words.index("lit-mia") + 1 :]
    if program == "torchrun":
        read = get_args_parser().parse_args(words)
        assert (read.module, read.training_script) == (True, "lit_mia")
        return list(read.training_script_args)
    return None


READ = {line: block for line, block in LINES.items() if ours(line) is not None and line not in FIRST_LINES}
OTHERS = {line: block for line, block in LINES.items() if ours(line) is None}


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_a_block_says_what_it_is_and_can_be_read(block):
    assert block.language in LANGUAGES, "Name its language: bash, yaml, python, toml, json, or text for output."
    if block.mark == "unchecked":
        assert len(block.reason.split()) >= 3, "Say why it is not checked."
    elif block.language == "python":
        ast.parse(block.text)
    elif block.language == "yaml":
        assert yaml.safe_load(block.text)
    elif block.language == "toml":
        assert tomllib.loads(block.text)
    elif block.language == "json":
        assert json.loads(block.text)
    elif block.language in OUTPUT:
        assert not re.search(r"^\s*(\$|lit-mia) ", block.text, re.MULTILINE), "Commands stand in blocks of bash."


@pytest.mark.parametrize("line", OTHERS)
def test_another_program_is_given_files_that_are_there(line):
    program, *words = shlex.split(line)
    if program == "python" and words[0] == "-m":
        assert words[1] in {"pytest", "build", "venv", "pip", "mkdocs"}
    elif program == "python":
        assert (ROOT / words[0]).is_file(), str(OTHERS[line])
    elif program.startswith("scripts/"):
        assert (ROOT / program).is_file(), str(OTHERS[line])
    elif program == "pip":
        extras = re.findall(r"\[([\w,-]+)\]", line)
        known = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
        assert {extra for given in extras for extra in given.split(",")} <= known.keys()
    elif program == "mkdocs":
        assert (ROOT / words[words.index("--config-file") + 1]).is_file()
    else:
        known = {
            "git",
            "cd",
            "export",
            "source",
            "eval",
            "mkdir",
            "nvidia-smi",
            "pytest",
            "ruff",
            "mypy",
            "wandb",
            "uv",
        }
        assert Path(program).name in known, f"{OTHERS[line]}: {line}"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_commands_and_configs_in_the_text_are_there(path):
    code = re.findall(r"`([^`\n]+)`", prose_of(path))
    asked = {words[1] for text in code if (words := text.split())[0] == "lit-mia" and len(words) > 1}
    assert {word for word in asked - COMMANDS.keys() if re.fullmatch(r"[a-z-]+", word) and word[0] != "-"} == set()
    named = {name for text in code for name in re.findall(r"\bconfigs/[a-z]+/[a-z]\w*\.yaml", text)}
    assert {name for name in named if not (ROOT / name).is_file()} == set()


@pytest.mark.slow
@pytest.mark.parametrize("line", READ)
def test_lit_mia_understands_a_command(line, tmp_path, monkeypatch, capsys):
    words = ours(line)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["lit-mia", *words])
    held = holding(words, READ[line].page)
    if words[0] in COMPOSED:
        with pytest.raises(SystemExit) as ended:
            run([*(word for word in words if word not in ("--dry-run", "--json")), "--print_config"])
        assert ended.value.code == 0, capsys.readouterr().err
    else:
        with patch.object(jsonargparse.ArgumentParser, "parse_args", read_only), pytest.raises(OptionsRead):
            run(words)
    assert {path.name for path in tmp_path.iterdir()} == held


PARSE = jsonargparse.ArgumentParser.parse_args


def read_only(parser, *args, **kwargs):
    """Options are read by the parser of the command, and nothing is done."""
    PARSE(parser, *args, **kwargs)
    raise OptionsRead


def holding(words: list[str], page: str) -> set[str]:
    """Write the files that a command names and the reader has, with those that they name."""
    text = " ".join(words)
    written = {name: OWN.get((page, name), STAND_INS.get(name)) for name in re.findall(r"\b\w+\.yaml", text)}
    for name, content in written.items():
        if content is not None:
            Path(name).write_text(content, encoding="utf-8")
    inner = [word for content in written.values() if content for word in content.splitlines()[1:]]
    return {name for name in written if written[name]} | (holding(inner, page) if inner else set())


@pytest.mark.slow
@pytest.mark.parametrize("block", [block for block in BLOCKS if block.mark == "executed"], ids=str)
def test_a_block_that_says_so_is_executed(block, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(compile(block.text, str(block), "exec"), {"__name__": "block"})
