"""YAML as the command line reads it: `1e-3` is a number and a date is a text."""

from pathlib import Path
from typing import Any

import yaml
from jsonargparse import get_loader

from lit_mia.errors import ConfigError

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The fast one, where PyYAML was built with it."""


def load(path: Path, named: str = "") -> Any:
    """The values of a YAML file.

    Args:
        path: The file.
        named: Who names it, for the message.

    Raises:
        ConfigError: If the file cannot be read, is no YAML, or gives a key twice, of which one would be lost.
    """
    try:
        text = path.read_text(encoding="utf-8")
        values = loads(text)
        _check_keys(yaml.compose(text, _LOADER))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        problem = " ".join(str(error).replace('in "<unicode string>", ', "at ").split())
        raise ConfigError(f"{path}{named and f', which {named} names,'} cannot be read as YAML: {problem}") from error
    return values


def loads(text: str) -> Any:
    """The values of a YAML text.

    Raises:
        YAMLError: If it is no YAML.
    """
    try:
        return get_loader("yaml")(text)
    except TypeError as error:  # jsonargparse, of a mapping such as {0}
        raise yaml.YAMLError(f"{text!r} is a mapping without values.") from error


def dumps(value: Any, *, flow: bool = False) -> str:
    """YAML that `loads` reads back as the same values.

    Args:
        value: YAML values.
        flow: Whether to write it in one line.
    """
    return str(
        yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=flow, width=2**30)
    )


def _check_keys(root: yaml.Node | None) -> None:
    """Refuse a key that stands twice in one mapping."""
    waiting, looked_at = [root], set[int]()
    while waiting:
        node = waiting.pop()
        if id(node) in looked_at or not isinstance(node, yaml.CollectionNode):
            continue
        looked_at.add(id(node))  # an alias is one node wherever it stands
        if isinstance(node, yaml.SequenceNode):
            waiting += node.value
            continue
        lines = dict[str, int]()
        for key, value in node.value:
            name, line = str(key.value), key.start_mark.line + 1
            if name in lines:
                where = f"stands twice, in lines {lines[name]} and {line}"
                raise yaml.YAMLError(f"`{name}` {where}, and only one of them would count. Leave one.")
            lines[name] = line
            waiting.append(value)


class _Dumper(yaml.SafeDumper):
    """Quotes every text that `loads` would take for something else, which PyYAML's own rules do not find."""

    def ignore_aliases(self, data: Any) -> bool:
        """Write the same value twice where it stands twice."""
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    try:
        plain = loads(text) == text
    except yaml.YAMLError:
        plain = False
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if plain else '"')


_Dumper.add_representer(str, _text)
