"""The command that prints a script by which a shell completes commands, their options and shipped names."""

import argparse
from collections.abc import Callable, Iterator, Sequence, Set
from typing import Any

import lightning as L
import shtab
from jsonargparse import ArgumentParser
from lightning.pytorch.cli import LightningArgumentParser

from lit_mia.audits.base import AUDIT_KINDS
from lit_mia.audits.making import object_keys
from lit_mia.blocks import config_folder, shipped_names
from lit_mia.cli import carding, comparing, designing, initializing, reporting, serving, validating
from lit_mia.cli.command_table import COMMANDS
from lit_mia.cli.commands import parser_of
from lit_mia.cli.gating import add_gate
from lit_mia.cli.self_testing import add_effort
from lit_mia.report.helping import CommandParser, description
from lit_mia.report.telling import OPTIONS

SHELLS = ("bash", "zsh")
_OF_AUDITS: dict[str, Callable[[ArgumentParser], None] | None] = {
    "audit": add_gate,
    "sweep": add_gate,
    "query": None,
    "selftest": add_effort,
}
"""Commands that read the config of an audit → what their parsers have beside it."""
_OF_THEIR_OWN: dict[str, Callable[[str], ArgumentParser]] = {
    "report": reporting.parser,
    "compare": comparing.parser,
    "validate": validating.parser,
    "card": carding.parser,
    "design": designing.parser,
    "init": initializing.parser,
    "serve-demo": serving.parser,
}
WORDS: dict[str, Callable[[], Sequence[str]]] = {"configs": shipped_names, "completion": lambda: SHELLS}
"""Commands that a word follows → the words."""
_OF_LIGHTNING = ("fit", "test", "predict", "validate")
_CONFIGS_OF = {"query": "audit", "selftest": "audit", "test": "fit", "validate": "fit", "predict": "fit"}
"""Command → the other one whose shipped configs it reads too."""
_BASH = """{function}() {{
  compgen -W "{names}" -- "$1"
  compgen -f -- "$1"
}}"""
_ZSH = """{function}() {{
  _alternative 'shipped:shipped config:({names})' 'files:file:_files'
}}"""
_BLOCKS = "_lit_mia_file_of_blocks"


def completion(command: str, args: Sequence[str]) -> None:
    """Print a script for a shell, which completes commands, their options and the names of shipped configs.

    Args:
        command: `completion`.
        args: What follows it.
    """
    made = CommandParser(prog=f"lit-mia {command}", description=description(completion))
    made.add_argument("shell", choices=SHELLS, help="The shell.")
    print(script(made.parse_args(list(args)).shell))


def script(shell: str) -> str:
    """The script.

    Args:
        shell: One of `SHELLS`.
    """
    top = argparse.ArgumentParser(prog="lit-mia", add_help=False)
    commands, blocks = top.add_subparsers(), object_keys().everywhere
    for name, command in COMMANDS.items():
        completed = commands.add_parser(name, help=command.summary, add_help=False)
        for parser in parsers_of(name):
            for action in parser._actions:
                _add(completed, action, name, blocks)
        for option, does in (OPTIONS if command.answers else {}).items():
            completed.add_argument(option, help=does, action="store_true")
        if name in WORDS:
            completed.add_argument("word", nargs="?", choices=WORDS[name]())
    return str(shtab.complete(top, shell, preamble="\n".join(_functions(shell))))


def parsers_of(command: str) -> Iterator[argparse.ArgumentParser]:
    """The parsers that may read what follows a command; none of a command that a word follows.

    Args:
        command: The command.
    """
    if command in _OF_AUDITS:
        kinds = [kind for kind in AUDIT_KINDS if kind.command == ("sweep" if command == "sweep" else "audit")]
        yield from (parser_of(command, kind, _OF_AUDITS[command]) for kind in kinds)
    if command in _OF_THEIR_OWN:
        yield _OF_THEIR_OWN[command](command)
    if command in _OF_LIGHTNING:
        yield _of_lightning()


def _of_lightning() -> ArgumentParser:
    """The options of a Lightning command that are the same whatever model and data are."""
    parser = LightningArgumentParser()
    parser.add_argument("--config", help="A YAML file, or the name of a shipped one.")
    parser.add_argument("--model", help="A head, or what trains a target.")
    parser.add_argument("--data", help="A data module.")
    parser.add_argument("--ckpt_path", help="A trained head.")
    parser.add_lightning_class_args(L.Trainer, "trainer")
    return parser


def _add(completed: argparse.ArgumentParser, action: argparse.Action, command: str, blocks: Set[str]) -> None:
    """Let a command have what one of its parsers takes, without what adds to lists or shows help of a class."""
    names = [name for name in action.option_strings if not name.endswith((".help", "+"))]
    known = completed._option_string_actions.keys() & set(names)
    if action.help == argparse.SUPPRESS or known or (action.option_strings and not names):
        return
    help_text = " ".join(str(action.help or "").replace("%", "%%").split())
    if action.nargs == 0:
        completed.add_argument(*names, help=help_text, action="store_true")
        return
    added = completed.add_argument(*(names or [action.dest]), help=help_text, choices=action.choices)
    if action.choices is None:
        added.complete = _what_stands_at(added.dest, command, blocks)  # type: ignore[attr-defined]


def _what_stands_at(key: str, command: str, blocks: Set[str]) -> Any:
    """How each shell completes a value: blocks and configs by name, all else as files."""
    if key != "config" and key.rpartition(".")[-1] not in blocks:
        return shtab.FILE
    return dict.fromkeys(SHELLS, _of_configs(command) if key == "config" else _BLOCKS)


def _of_configs(command: str) -> str:
    """The function that completes the configs of a command."""
    return f"_lit_mia_file_of_{_CONFIGS_OF.get(command, command)}"


def _functions(shell: str) -> Iterator[str]:
    """The functions that complete names and files."""
    form, named = _BASH if shell == "bash" else _ZSH, shipped_names()
    firsts = {name: (config_folder() / f"{name}.yaml").read_text(encoding="utf-8").split("\n")[0] for name in named}
    for command in dict.fromkeys(_CONFIGS_OF.get(name, name) for name in COMMANDS):
        own = " ".join(name for name, first in firsts.items() if first.startswith(f"# lit-mia {command} "))
        yield form.format(function=_of_configs(command), names=own)
    blocks = " ".join(name for name, first in firsts.items() if not first.startswith("# lit-mia "))
    yield form.format(function=_BLOCKS, names=blocks)
