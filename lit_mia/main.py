"""The command line: LightningCLI's fit, validate, test and predict beside audit, sweep, design and the like."""

import signal
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import NoReturn

from lit_mia import own_datamodules
from lit_mia.errors import CommandError, LitMiaError, mistake_behind
from lit_mia.folders import is_of_disk, unwritable
from lit_mia.report.terminal import spell_unprintable


@dataclass(frozen=True)
class Command:
    """A command.

    Attributes:
        summary: What it does, for the overview.
        function: Module in `lit_mia.cli` and function, which takes the command's name and what follows it.
        light: Whether it needs no class that a config may name, and so not the seconds that their import takes.
        kept: What is true when it was interrupted.
    """

    summary: str
    function: str
    light: bool = False
    kept: str = "what was stored is kept, and the same command goes on from there"


COMMANDS = {
    "audit": Command(
        "query a target, train heads and controls, write table, verdict and report.html", "commands:measure"
    ),
    "query": Command("only fill the store of an audit (--dry-run: say what it would cost)", "commands:query"),
    "report": Command("rebuild report.html from the files of an audit (--gallery: with images)", "commands:report"),
    "compare": Command("set two finished audits side by side: what changed, with intervals", "comparing:measure"),
    "sweep": Command(
        "measure training-free attacks, or an audit's heads, at many settings, never on test (ablations)",
        "commands:measure",
    ),
    "selftest": Command(
        "repeat an audit with labels drawn anew: how often is its verdict wrong, what does it find",
        "self_testing:measure",
    ),
    "card": Command("print what a finished audit says in the words and tables of a model card", "carding:card"),
    "design": Command(
        "decide by coins what a model is trained on, as folders to train on and to audit", "designing:make"
    ),
    "fit": Command(
        "train one head, or a target whose members are known",
        "lightning_cli:run_lightning",
        kept="what a target answered is kept; the same command goes on with the training of a target, and begins that "
        "of a head anew",
    ),
    "test": Command("measure a trained head on the test split and freeze its threshold", "lightning_cli:run_lightning"),
    "predict": Command("score images of unknown membership with a trained head", "lightning_cli:run_lightning"),
    "validate": Command(
        "check the files of a finished audit: lit-mia validate FOLDER; with --config: a trained head on the val split",
        "validating:validate",
    ),
    "serve-demo": Command(
        "serve the demo targets as an Images API on this machine, to audit them as one",
        "serving:serve",
        kept="nothing is served any more",
    ),
    "configs": Command("list the shipped configs, or print one: lit-mia configs NAME", "listings:configs", light=True),
    "plugins": Command("list what packages outside add", "listings:plugins"),
}


def main() -> None:
    """Run the command line; a mistake of the user ends with its message in one line and exit status 2.

    So does a crash, after its traceback: a status of 1 says that a condition of `--fail-if` holds.
    """
    spell_unprintable()
    signal.signal(signal.SIGTERM, _terminate)
    own_datamodules.prefer()
    try:
        run(sys.argv[1:])
    except LitMiaError as error:
        print("lit-mia:", *(line.strip() for line in str(error).splitlines()), file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        _interrupted(130)
    except SystemExit as ended:
        if isinstance(ended.__context__, KeyboardInterrupt):  # Lightning ends with 1, as a gate that failed
            _interrupted(130)
        if ended.code is None:  # Lightning's SIGTERMException has no code, which would look like success
            _interrupted(143)
        raise
    except Exception as error:  # Python's own status of a crash is 1, which says that a gate failed
        if is_of_disk(error):  # of what knows nothing of us, such as a trainer that keeps a checkpoint
            file = error.filename2 or error.filename
            print("lit-mia:", unwritable(Path(file).parent if file else None, error), file=sys.stderr)
        else:
            traceback.print_exc()
        sys.exit(2)


def run(args: Sequence[str]) -> object:
    """Run one command line, without the program's name.

    Returns:
        The `LightningCLI` of a Lightning command, the result of an audit or a sweep, or None.

    Raises:
        LitMiaError: If the user has to mend something.
    """
    if not args or args[0] in ("-h", "--help"):
        print(overview())
        return None
    if args[0] == "--version":
        print(f"lit-mia {version('lit-mia')}")
        return None
    command = _command(args[0])
    try:
        return _call(command, args)
    except ValueError as error:
        mistake = mistake_behind(error)
        if mistake is None:
            raise
        raise mistake from None


def overview() -> str:
    """What is printed where no command is given."""
    commands = "\n".join(f"  {name:10} {command.summary}" for name, command in COMMANDS.items())
    return f"""usage: lit-mia COMMAND [--config FILE ...] [options]

Measures how much of a text-to-image model's training set leaks through membership inference.

{commands}

FILE is a path, or the name of a shipped config, e.g. audit/quickstart. Configs come first, overrides last; in both, a
block is a path or a shipped name too, e.g. --model attack/ii_s. Options of a command: lit-mia COMMAND --help
"""


def _command(name: str) -> Command:
    if name not in COMMANDS:
        near = get_close_matches(name, COMMANDS, 1)
        asked = f" Did you mean {near[0]!r}?" if near else ""
        raise CommandError(f"There is no command {name!r}.{asked} The commands are {', '.join(COMMANDS)}.")
    return COMMANDS[name]


def _call(command: Command, args: Sequence[str]) -> object:
    if not command.light:
        from lit_mia.cli.light_imports import import_lightning_lightly

        import_lightning_lightly()
        from lit_mia.cli.classes import plugins

        plugins()
    module, _, function = command.function.partition(":")
    return getattr(import_module(f"lit_mia.cli.{module}"), function)(args[0], args[1:])


def _terminate(*_: object) -> NoReturn:
    """What SIGTERM does also where Lightning does not listen."""
    raise SystemExit


def _interrupted(code: int) -> NoReturn:
    print(f"lit-mia: interrupted; {_command(sys.argv[1]).kept}.", file=sys.stderr)
    sys.exit(code)
