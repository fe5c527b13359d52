"""Where the files of a config say what a parser refuses: it names keys, but knows no files."""

import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import yaml
from jsonargparse import ArgumentError

from lit_mia.blocks import block_file
from lit_mia.errors import LitMiaError

_NAMED = re.compile(r"""(?:key|option|Option|Group) ["']([^"']+)["']""")
"""How a parser names the keys that lead to what it refuses, the outermost first."""
_BETWEEN = frozenset({"init_args", "<<"})
"""Keys that a parser does not name."""
Keys = tuple[str, ...]
Stated = tuple[str, Path | None]


@contextmanager
def told_where(files: Sequence[Stated]) -> Iterator[None]:
    """Add to what a parser says of a config, which ends the program or leads to an error of ours, where it is written.

    Args:
        files: The files of the config and what was laid over them, in this order: each after the dotted key that it
            stands at, and None for a value that stands in no file.
    """
    try:
        yield
    except SystemExit as ended:
        if place := where(str(ended.__context__), files):
            print(f"lit-mia: {place}", file=sys.stderr)
        raise
    except LitMiaError as error:
        if place := where(_of_parser(error), files):
            raise type(error)(f"{error}\n{place}") from error
        raise


def _of_parser(error: BaseException | None) -> str:
    """What a parser said that led to an error; empty if none did."""
    while error is not None and not isinstance(error, ArgumentError):
        error = error.__cause__
    return "" if error is None else str(error)


def where(said: str, files: Iterable[Stated]) -> str:
    """Lines of the files in which the keys stand that a parser names; empty if there are none.

    Args:
        said: What the parser says. Keys of a config within a config may lack those that lead to it.
        files: As in `told_where`.
    """
    keys = tuple(part for named in _NAMED.findall(said) for part in _parts(named))
    if not keys:
        return ""
    stated = _laid_over(files)
    whole = [line for at, line in stated if at == keys]
    lines = whole or [line for at, line in stated if at[-len(keys) :] == keys]
    return f"`{keys[-1]}` stands in {' and '.join(dict.fromkeys(lines))}." if lines else ""


def _laid_over(files: Iterable[Stated]) -> list[tuple[Keys, str]]:
    """The keys of files, each with its line, without those in whose place something else was put."""
    stated: list[tuple[Keys, str]] = []
    for key, file in files:
        above = tuple(_parts(key))
        if above and not key.endswith("+"):
            stated = [(at, line) for at, line in stated if at[: len(above)] != above]
        if file is not None:
            stated += _stated_in(file, above)
    return stated


def _parts(key: str) -> Iterator[str]:
    """The keys of a dotted one, without places in lists."""
    parts = key.removesuffix("+").split(".")
    return (part for part in parts if part and part not in _BETWEEN and not part.isdecimal())


def _stated_in(file: Path, keys: Keys) -> Iterator[tuple[Keys, str]]:
    """The keys of a file and of the blocks that it names, each with its line; `keys` lead to the file."""
    root = yaml.compose(file.read_text(encoding="utf-8"), yaml.SafeLoader)
    return iter(()) if root is None else _stated(root, file, keys)


def _stated(node: yaml.Node, file: Path, keys: Keys) -> Iterator[tuple[Keys, str]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            parts = tuple(_parts(str(key.value)))
            if parts:
                yield (*keys, *parts), f"line {key.start_mark.line + 1} of {file}"
            yield from _stated(value, file, (*keys, *parts))
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _stated(item, file, keys)
    elif (block := block_file(node.value, file.parent)) is not None:
        yield from _stated_in(block, keys)
