"""The commands that list: shipped configs, and what packages outside add."""

from collections.abc import Iterable, Sequence
from itertools import groupby

from lit_mia.blocks import config_folder, find_config, shipped_names
from lit_mia.report.helping import CommandParser, description
from lit_mia.report.telling import EPILOG, answer


def configs(command: str, args: Sequence[str]) -> None:
    """List the shipped configs by folder, each with its first comment, or print one."""
    parser = CommandParser(prog=f"lit-mia {command}", description=description(configs), epilog=EPILOG)
    parser.add_argument("name", nargs="?", type=str, help="A shipped name, e.g. attack/ii_s.")
    name = parser.parse_args(list(args)).name
    if name is not None:
        path = find_config(name)
        text = path.read_text(encoding="utf-8")
        print(text, end="")
        answer(str(path), {"name": name, "path": str(path), "text": text})
        return
    names = shipped_names()
    print(_listing(names), end="")
    answer(f"{len(names)} shipped configs", {each: _comment(each) for each in names})


def plugins(command: str, args: Sequence[str]) -> None:
    """List the packages outside that add something, and what they add."""
    CommandParser(prog=f"lit-mia {command}", description=description(plugins), epilog=EPILOG).parse_args(list(args))
    from lit_mia.cli.classes import plugins as loaded

    for plugin in loaded():
        print(f"{plugin.name} ({plugin.distribution})")
        for what, names in plugin.adds.items():
            print(f"  {what}: {', '.join(names)}")
    if not loaded():
        print("No package adds anything. A package does so by an entry point of the group `lit_mia.plugins`.")
    packages = {of.name: {"distribution": of.distribution, "adds": dict(of.adds)} for of in loaded()}
    answer(f"{len(packages)} packages add something", packages)


def _listing(names: Iterable[str]) -> str:
    lines = []
    for folder, group in groupby(names, key=lambda name: name.partition("/")[0]):
        lines += [f"{folder}/", *(f"  {name:36} {_comment(name)}" for name in group)]
    return "\n".join([*lines, ""])


def _comment(name: str) -> str:
    """The first line of a shipped config without its mark."""
    first = (config_folder() / f"{name}.yaml").read_text(encoding="utf-8").partition("\n")[0]
    return first.removeprefix("# ").removeprefix("A block: ")
