"""Files that a command writes where it is told to, in the place of an earlier one of its own only."""

from pathlib import Path

from lit_mia.errors import CommandError
from lit_mia.files import write_whole


def check_own(file: Path, mark: str, instead: str = "") -> None:
    """Refuse to write a file in the place of something else.

    Args:
        file: What `--output` names.
        mark: How a file of the command begins.
        instead: What to do in place of another file, as a further sentence.

    Raises:
        CommandError: If it is a folder, holds something else, or cannot be looked at.
    """
    try:
        if file.is_dir():
            raise CommandError(f"`--output` names a file to write, but {file} is a folder. Give a file in it.")
        if file.exists() and not (file.is_file() and file.read_bytes().startswith(mark.encode())):
            raise CommandError(
                f"`--output {file}` would take the place of what that file holds. Give another file{instead}."
            )
    except OSError as error:
        raise _unwritable(error) from error


def write_own(file: Path, text: str) -> None:
    """Write a file that `check_own` lets pass.

    Raises:
        CommandError: If it cannot be written.
    """
    try:
        write_whole(file, text)
    except OSError as error:
        raise _unwritable(error) from error


def _unwritable(error: OSError) -> CommandError:
    return CommandError(f"`--output` cannot be written: {error}. Give another file.")
