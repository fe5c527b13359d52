"""The command that writes the config of an audit of one's own target, with a comment on each key."""

import re
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from jsonargparse import ArgumentParser

from lit_mia.cli.beginning.looking import look_at_target, say_images, tables_of
from lit_mia.cli.beginning.writing import MARK, Access, Beginning, config_text
from lit_mia.cli.own_files import check_own, write_own
from lit_mia.errors import CommandError
from lit_mia.report.helping import CommandParser, description

_TARGET = "Where is the target (a folder of a diffusers pipeline, or a hub id)? "
_IMAGES = "Where are images that it was trained on (a folder, or a CSV of all images with labels)? "
_NON_MEMBERS = "Where are images of the same kind that it was not trained on (a folder)? "
_ACCESS = "What may be asked of it (generate: an image of a caption; denoise: its noise prediction; both)? "
_UNWRITABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""Characters of a file's name that end a comment, or that YAML or UTF-8 does not have."""


def initialize(command: str, args: Sequence[str]) -> None:
    """Write the commented config of an audit of your own target; what is not given as an option is asked.

    Args:
        command: `init`.
        args: What follows it.

    Raises:
        CommandError: If something is missing and nobody can be asked, or a file would be overwritten.
        RecordError: If the images cannot be read.
        TargetError: If the target is none.
    """
    options = parser(command).parse_args(list(args))
    output = _output(options.output, options.overwrite)
    target = options.target or _asked("--target", _TARGET)
    takes_text = look_at_target(target)
    images, csv = options.images, options.csv
    if images is None and csv is None:
        given = _asked("--images", _IMAGES)
        images, csv = (None, given) if Path(given).suffix.lower() in (".csv", ".tsv") else (given, None)
    if (csv is None) == (images is None) or (csv is not None and options.non_members is not None):
        raise CommandError("Give `--images FOLDER` and `--non-members FOLDER`, or `--csv FILE` alone.")
    non_members = None if csv is not None else options.non_members or _asked("--non-members", _NON_MEMBERS)
    if images and non_members and Path(images).expanduser().resolve() == Path(non_members).expanduser().resolve():
        raise CommandError(f"Members and non-members are both in {images}. Give the folder of each.")
    tables = tables_of(images, non_members, csv)
    access = _access(options.access or _asked("--access", _ACCESS), takes_text)
    captioned = all(all(table.captions) for table in tables)
    say_images(tables, captioned)
    text = config_text(Beginning(target, images, non_members, csv, access, captioned), output)
    write_own(output, text)
    command = f"lit-mia audit --config {shlex.quote(str(output))} --dry-run"
    print(f"Written: {output}\nNext: `{command}` says what it would cost.")


def parser(command: str) -> ArgumentParser:
    """Its parser.

    Args:
        command: `init`.
    """
    made = CommandParser(prog=f"lit-mia {command}", description=description(initialize))
    made.add_argument("--target", type=str, help="Folder of a diffusers pipeline, or a hub id.")
    made.add_argument("--images", type=str, help="Folder of images that it was trained on.")
    made.add_argument("--non-members", type=str, help="Folder of images that it was not trained on.")
    made.add_argument("--csv", type=str, help="In place of both, a CSV with columns image, caption and member.")
    made.add_argument("--access", choices=get_args(Access), help="What may be asked of the target.")
    made.add_argument("--output", type=str, default="own_audit.yaml", help="The file to write.")
    made.add_argument("--overwrite", action="store_true", help="Replace an earlier config of this command.")
    return made


def _output(given: str, overwrite: bool) -> Path:
    output = Path(given).expanduser()
    if _UNWRITABLE.search(given):
        raise CommandError(f"`--output {given!r}` has a character that no comment of a config can hold. Give another.")
    check_own(output, MARK)
    if output.exists() and not overwrite:
        raise CommandError(f"{output} exists already. Give another `--output`, or `--overwrite` to replace it.")
    return output


def _asked(option: str, question: str) -> str:
    if sys.stdin is None or not sys.stdin.isatty():
        raise CommandError(
            f"`{option}` is missing, and nobody can be asked here. Give `--target`, `--images` with `--non-members` or "
            "`--csv`, and `--access`."
        )
    try:
        answer = input(question).strip()
    except EOFError:
        answer = ""
    if not answer:
        raise CommandError(f"Nothing was answered. Answer the question, or give `{option}`.")
    return answer


def _access(given: str, takes_text: bool) -> Access:
    found = next((access for access in get_args(Access) if access == given), None)
    if found is None:
        raise CommandError(f"`--access` must be one of {', '.join(get_args(Access))}, but got {given!r}.")
    if found != "denoise" and not takes_text:
        raise CommandError(f"The target reads no captions, so `--access {found}` asks nothing of it. Give denoise.")
    access: Access = found
    return access
