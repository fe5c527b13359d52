"""The command line: LightningCLI's fit, validate, test and predict, plus audit, query, report and sweep."""

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

from lit_mia.errors import LitMiaError

OWN_COMMANDS = {"audit": "commands", "query": "commands", "report": "commands", "sweep": "sweep_command"}
OVERVIEW = """usage: lit-mia COMMAND [--config FILE ...] [options]

Measures how much of a text-to-image model's training set leaks through membership inference.

  audit      query a target, train heads and controls, write table, verdict and report.html
  query      only fill the store of an audit (--dry-run: say what it would cost)
  report     rebuild report.html from an audit's files (--gallery: with images)
  sweep      measure training-free attacks, or an audit's heads, at many settings, never on test (ablations)
  fit        train one head
  test       measure a trained head on the test split and freeze its threshold
  predict    score images of unknown membership with a trained head
  validate   measure a trained head on the val split

FILE is a path, or the name of a shipped config, e.g. audit/quickstart. Configs come first, overrides last.
Options of a command: lit-mia COMMAND --help
"""


def main() -> None:
    """Run the command line; a mistake of the user ends with its message and exit status 2."""
    try:
        run(sys.argv[1:])
    except LitMiaError as error:
        print(f"lit-mia: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        _interrupted(130)
    except SystemExit as ended:
        if ended.code is None:  # Lightning's SIGTERMException has no code, which would look like success
            _interrupted(143)
        raise


def run(args: Sequence[str]) -> object:
    """Run one command line, without the program's name.

    Returns:
        The `LightningCLI` of a Lightning command, the report of an audit or a sweep, or None.

    Raises:
        LitMiaError: If the user has to mend something.
    """
    from lit_mia.cli.configs import resolve_configs
    from lit_mia.cli.light_imports import import_lightning_lightly

    if not args or args[0] in ("-h", "--help"):
        print(OVERVIEW)
        return None
    command, rest = args[0], resolve_configs(args[1:])
    import_lightning_lightly()
    try:
        return _call(command, rest)
    except ValueError as error:
        mistake = _mistake_behind(error)
        if mistake is None:
            raise
        raise mistake from None


def _interrupted(code: int) -> NoReturn:
    print("lit-mia: interrupted; what was stored is kept, and the same command goes on from there.", file=sys.stderr)
    sys.exit(code)


def _call(command: str, args: list[str]) -> object:
    if command in OWN_COMMANDS:
        return getattr(import_module(f"lit_mia.cli.{OWN_COMMANDS[command]}"), command)(args)
    from lit_mia.cli.lightning_cli import run_lightning

    return run_lightning([command, *args])


def _mistake_behind(error: BaseException | None) -> LitMiaError | None:
    """The user's mistake that jsonargparse has wrapped: it does so where an argument may also be None."""
    while error is not None and not isinstance(error, LitMiaError):
        error = error.__cause__
    return error
