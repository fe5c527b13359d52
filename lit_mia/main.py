"""The command line: LightningCLI's fit, validate, test and predict beside audit, sweep, design and the like."""

import os
import signal
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from lit_mia import own_datamodules
from lit_mia.errors import LitMiaError, told_as_ours
from lit_mia.folders import is_of_disk, unwritable
from lit_mia.report.terminal import open_closed, spell_unprintable

if TYPE_CHECKING:
    from lit_mia.cli.command_table import Command


def main() -> None:
    """Run the command line; a mistake of the user ends with its message in one line and exit status 2.

    So does a crash, after its traceback: a status of 1 says that a condition of `--fail-if` holds.
    """
    open_closed()
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
        if isinstance(ended.__context__, BrokenPipeError):  # so does Rich
            _unread()
        if ended.code is None:  # Lightning's SIGTERMException has no code, which would look like success
            _interrupted(143)
        raise
    except BrokenPipeError:
        _unread()
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
    from lit_mia.cli.command_table import command_called, overview

    if not args or args[0] in ("-h", "--help"):
        print(overview())
        return None
    if args[0] == "--version":
        print(f"lit-mia {version('lit-mia')}")
        return None
    command = command_called(args[0])
    with told_as_ours():
        return _call(command, args)


def _call(command: "Command", args: Sequence[str]) -> object:
    if not command.light:
        from lit_mia.cli.light_imports import import_lightning_lightly

        import_lightning_lightly()
        from lit_mia.cli.classes import plugins

        plugins()
    module, _, function = command.function.partition(":")
    called = getattr(import_module(f"lit_mia.cli.{module}"), function)
    if not command.answers:
        return called(args[0], args[1:])
    from lit_mia.report.telling import telling

    with telling(args[1:]) as rest:
        return called(args[0], rest)


def _terminate(*_: object) -> NoReturn:
    """What SIGTERM does also where Lightning does not listen."""
    raise SystemExit


def _unread() -> NoReturn:
    """End as Python does where what is left to print has no reader."""
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())
    sys.exit(120)


def _interrupted(code: int) -> NoReturn:
    from lit_mia.cli.command_table import command_called

    print(f"lit-mia: interrupted; {command_called(sys.argv[1]).kept}.", file=sys.stderr)
    sys.exit(code)
