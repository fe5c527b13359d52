"""Configs put together from blocks: YAML files that stand in others by their path or, if shipped, by their name."""

import inspect
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from difflib import get_close_matches
from enum import Enum
from pathlib import Path, PurePath
from typing import Any, final, get_args, get_origin, get_type_hints

from lit_mia.blocks.yaml_text import load
from lit_mia.errors import ConfigError

PACKAGE = Path(__file__).parents[1]
SUFFIXES = (".yaml", ".yml")
PLAIN = (str, bytes, int, float, PurePath, Enum)
"""What a text or a number can become, so that a text at such a parameter is meant as it is."""
BUILT_IN = frozenset({"builtins", "collections.abc", "types", "typing"})


@final
class ObjectKeys:
    """The names of the parameters that expect an object, by class.

    Args:
        roots: Classes that stand at the top of a config. Their subclasses, the classes that their parameters expect,
            and so on, are found from there, as far as they have been imported.
        names: More keys that expect an object, wherever they stand.
    """

    def __init__(self, roots: Iterable[type], names: Iterable[str] = ()) -> None:
        self._by_class: defaultdict[str, set[str]] = defaultdict(set)
        seen, waiting = set[type](), list(roots)
        while waiting:
            found = waiting.pop()
            if found not in seen:
                seen.add(found)
                expected = object_parameters(found)
                self._by_class[found.__name__] |= set(expected)
                waiting += [*found.__subclasses__(), *(part for parts in expected.values() for part in parts)]
        self.everywhere = frozenset(names).union(*self._by_class.values())

    def of(self, class_path: object) -> frozenset[str]:
        """The keys of a class; of all classes together if it is unknown, such as one that has yet to be imported.

        Args:
            class_path: Its name, with or without its module.
        """
        name = str(class_path).rpartition(".")[-1]
        return frozenset(self._by_class[name]) if name in self._by_class else self.everywhere


def object_parameters(made: type) -> dict[str, list[type]]:
    """The parameters of a class that expect an object, a dataclass or a mapping, with the classes that they name."""
    hints = {name: hint for name, hint in _hints(made).items() if name != "return"}
    return {name: list(_classes(hint)) for name, hint in hints.items() if _expects_object(hint)}


def _hints(made: type) -> dict[str, Any]:
    """Annotations of what `__init__` takes, those included that it hands on to a parent as `**kwargs`."""
    hints: dict[str, Any] = {}
    for base in made.__mro__:
        init = vars(base).get("__init__")
        if inspect.isfunction(init):
            try:
                hints = get_type_hints(init) | hints
            except (NameError, TypeError):  # of another package, written for type checkers only
                continue
            if all(p.kind is not p.VAR_KEYWORD for p in inspect.signature(init).parameters.values()):
                break
    return hints


def _expects_object(hint: Any) -> bool:
    origins = [get_origin(part) or part for part in (hint, *get_args(hint))]
    named = any(True for _ in _classes(hint))
    return named or any(isinstance(origin, type) and issubclass(origin, Mapping) for origin in origins)


def _classes(hint: Any) -> Iterator[type]:
    """The classes in an annotation, without those that a text or a number can become."""
    if get_origin(hint) is None and isinstance(hint, type):
        if hint.__module__ not in BUILT_IN and not issubclass(hint, PLAIN):
            yield hint
    elif get_origin(hint) is not type:  # a class itself is given by its name
        for part in hint if isinstance(hint, list) else get_args(hint):
            yield from _classes(part)


def config_folder() -> Path:
    """Where the shipped configs are: in the package, or beside it in a checkout."""
    installed = PACKAGE / "configs"
    return installed if installed.is_dir() else PACKAGE.parent / "configs"


def shipped_names() -> list[str]:
    """Names of the shipped configs, e.g. `attack/ii_s`, sorted."""
    folder = config_folder()
    return sorted(path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.yaml"))


def find_config(name: str) -> Path:
    """The file of a config that is given by its path or by its shipped name, with or without `configs/` and `.yaml`.

    Raises:
        ConfigError: If there is neither.
    """
    path = Path(name).expanduser()
    found = path if path.is_file() else _shipped(name)
    if found is None:
        raise ConfigError(
            f"There is no config {name!r}.{_near(name)} Give a YAML file, or a shipped name, as `lit-mia configs` "
            "lists them."
        )
    return found


def compose(path: Path, keys: ObjectKeys) -> dict[str, Any]:
    """Load a config and put every block that it names in its place, and so on inside the blocks.

    A block is named by a text, or by an item of a list, at a key where an object is expected: a `.yaml` file, relative
    to the file that names it, or else a shipped name. A block that is a list takes the place of an item with all its
    items. A dotted key names a place in another config: there a block stays a path, made whole, because points of an
    ablation are called by their files.

    Args:
        path: The file.
        keys: Which keys expect an object.

    Raises:
        ConfigError: If a file is missing, is no YAML, or contains itself, or the file holds no mapping.
    """
    try:
        content = _Holder(str(path), path.parent, keys, (path.resolve(),)).inside("", load(path))
    except RecursionError:
        raise ConfigError(f"In {path} an alias (*) stands inside what it stands for, which has no end.") from None
    if not isinstance(content, dict):
        holds = "nothing" if content is None else f"a {type(content).__name__}"
        raise ConfigError(f"{path} holds {holds}, but a config is a mapping of keys to values.")
    return content


def placed(value: Any, keys: ObjectKeys, key: str = "") -> Any:
    """YAML values that stand in no file, with every block in its place; paths start from the working directory.

    Args:
        value: The values.
        keys: Which keys expect an object.
        key: A dotted key at which the value is an object; empty: it holds a whole config.

    Raises:
        ConfigError: As `compose`.
    """
    holder = _Holder("the command line", Path(), keys, ())
    return holder.at(key, value) if key else holder.inside("", value)


@final
@dataclass(frozen=True)
class _Holder:
    """What names blocks: a file, or the command line.

    Attributes:
        name: What messages call it.
        folder: What relative paths start from.
        keys: Which keys expect an object.
        opened: The files that led here, this one last.
    """

    name: str
    folder: Path
    keys: ObjectKeys
    opened: tuple[Path, ...]

    def inside(self, key: str, value: Any, expected: Set[str] | None = None) -> Any:
        """A value that is no block's name, with the blocks inside it in their places.

        Args:
            key: Where it stands, dotted.
            value: YAML values.
            expected: The keys of a mapping at which an object is expected; those of all classes if not given.
        """
        if isinstance(value, list):
            return [self.inside(f"{key}.{i}", item) for i, item in enumerate(value)]
        if isinstance(value, dict):
            return dict(self._members(key, value, self.keys.everywhere if expected is None else expected))
        return value

    def at(self, key: str, value: Any) -> Any:
        """A value where an object, or a list of objects, is expected."""
        if isinstance(value, list):
            return [block for i, item in enumerate(value) for block in self._items(f"{key}.{i}", item)]
        return self._block(key, value)

    def _members(self, key: str, block: dict[Any, Any], expected: Set[str]) -> Iterator[tuple[Any, Any]]:
        for name, item in block.items():
            place, bare = f"{key}.{name}".lstrip("."), str(name).removesuffix("+")
            if bare == "init_args":
                yield name, self.inside(place, item, self.keys.of(block.get("class_path")))
            elif "." in bare and bare.rpartition(".")[-1] in self.keys.everywhere:
                yield name, self._whole(place, item)
            else:
                yield name, self.at(place, item) if bare in expected else self.inside(place, item)

    def _items(self, key: str, item: Any) -> list[Any]:
        block = self._block(key, item)
        return block if isinstance(item, str) and isinstance(block, list) else [block]

    def _block(self, key: str, value: Any) -> Any:
        path = self._find(key, value)
        return self.inside(key, value) if path is None else self._open(key, path)

    def _whole(self, key: str, value: Any) -> Any:
        """A value of another config, with paths of blocks that hold from anywhere."""
        if isinstance(value, list):
            return [self._whole(f"{key}.{i}", item) for i, item in enumerate(value)]
        path = self._find(key, value)
        return self.inside(key, value) if path is None else str(path.resolve())

    def _open(self, key: str, path: Path) -> Any:
        real = path.resolve()
        if real in self.opened:
            files = " → ".join(map(str, (*self.opened, real)))
            raise ConfigError(f"`{key}` of {self.name} names {path}, which leads back to itself: {files}.")
        content = load(path, f"`{key}` of {self.name}")
        if not isinstance(content, dict | list):
            holds = "nothing" if content is None else repr(content)
            raise ConfigError(
                f"`{key}` of {self.name} names {path}, which holds {holds}, but a block is a mapping or a list."
            )
        return _Holder(str(path), path.parent, self.keys, (*self.opened, real)).inside("", content)

    def _find(self, key: str, value: Any) -> Path | None:
        """The file of a block that is named; None for a value that names none.

        Raises:
            ConfigError: If a file is named that does not exist, or a name among the shipped blocks.
        """
        if not isinstance(value, str):
            return None
        found = block_file(value, self.folder)
        folder, slash, _ = _short(value).partition("/")
        is_name = slash and folder not in ("", ".", "..") and (config_folder() / folder).is_dir()
        if found is None and (value.endswith(SUFFIXES) or is_name):
            raise ConfigError(
                f"`{key}` of {self.name} names the block {value!r}, but there is neither such a file in "
                f"{self.folder.resolve()} nor a shipped block of that name.{_near(value)} `lit-mia configs` lists them."
            )
        return found


def is_block(name: str) -> bool:
    """Whether a text can only name a block: a YAML file, or a shipped one."""
    return name.endswith(SUFFIXES) or name in shipped_names()


def block_file(name: str, folder: Path) -> Path | None:
    """The file of a block: a `.yaml` file, relative to a folder, or else a shipped name; None if there is neither."""
    path = folder / Path(name).expanduser() if name.endswith(SUFFIXES) else None
    return path if path is not None and path.is_file() else _shipped(name)


def _shipped(name: str) -> Path | None:
    short = _short(name)
    return config_folder() / f"{short}.yaml" if short in shipped_names() else None


def _short(name: str) -> str:
    return name.removeprefix("configs/").removesuffix(".yaml")


def _near(name: str) -> str:
    """A question after the shipped names that are spelled alike, or that have the same last part."""
    short, names = _short(name), shipped_names()
    last = [shipped for shipped in names if Path(shipped).name == Path(short).name]
    near = list(dict.fromkeys([*last, *get_close_matches(short, names)]))
    return f" Did you mean {', '.join(near)}?" if near else ""
