"""The config of a finished audit, beside its numbers, and the folder at which its relative paths begin."""

import os
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from pathlib import Path

from lit_mia.audits.base import AUDIT_KINDS, Audit, Run
from lit_mia.audits.making import maker
from lit_mia.blocks import dumps, load
from lit_mia.files import write_whole
from lit_mia.report.base import Result

FILE = "audit.yaml"
_BEGIN = "# Relative paths begin at "


def save_config(run: Run) -> None:
    """Write the config of a run into its folder; where its paths begin is said relative to that, so both may move."""
    begin = os.path.relpath(Path.cwd(), run.output.resolve())
    write_whole(run.output / FILE, f"{_BEGIN}{begin}\n{dumps(run.config)}")


@contextmanager
def saved_audit(folder: Path, result: Result) -> Iterator[Audit]:
    """The audit of a finished folder, made anew; meanwhile the working directory is the one that it was made in.

    Args:
        folder: The folder.
        result: What it holds.

    Raises:
        ConfigError: If its config is missing, or no longer understood.
    """
    kind = next(kind for kind in AUDIT_KINDS if kind.result is type(result))
    config = load(folder / FILE)
    with chdir(_begin(folder)):
        yield maker(kind.audit, config)()


def _begin(folder: Path) -> Path:
    """Where relative paths begin; here, if the config does not say, or nothing is there any more."""
    first, *_ = (folder / FILE).read_text(encoding="utf-8").splitlines() or [""]
    begin = folder.resolve() / first.removeprefix(_BEGIN)
    return begin if first.startswith(_BEGIN) and begin.is_dir() else Path.cwd()
