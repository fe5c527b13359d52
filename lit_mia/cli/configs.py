"""Shipped configs by name."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import yaml

from lit_mia.errors import LitMiaError

PACKAGE = Path(__file__).parent.parent


class ConfigError(LitMiaError):
    """A config file does not exist."""


def config_folder() -> Path:
    """Where the shipped configs are: in the package, or beside it in a checkout."""
    installed = PACKAGE / "configs"
    return installed if installed.is_dir() else PACKAGE.parent / "configs"


def resolve_configs(args: Sequence[str]) -> list[str]:
    """Replace the value of every `--config` by an existing file.

    Args:
        args: Command-line arguments.

    Raises:
        ConfigError: If a value is neither a file nor the name of a shipped config.
    """
    resolved = list(args)
    for i, arg in enumerate(args):
        if arg.startswith("--config="):
            resolved[i] = f"--config={find_config(arg.removeprefix('--config='))}"
        elif arg in ("--config", "-c") and i + 1 < len(args):
            resolved[i : i + 2] = ["--config", find_config(args[i + 1])]
    return resolved


def find_config(name: str) -> str:
    """The path of a config given by path or by shipped name, with or without `configs/` and `.yaml`."""
    short = name.removeprefix("configs/").removesuffix(".yaml")
    candidates = [Path(name).expanduser(), config_folder() / f"{short}.yaml"]
    for path in candidates:
        if path.is_file():
            return str(path)
    folder = config_folder()
    shipped = sorted(
        path.relative_to(folder).with_suffix("").as_posix()
        for kind in ("ablation", "audit", "experiment")
        for path in (folder / kind).glob("*.yaml")
    )
    raise ConfigError(f"There is no config {name!r}. Give a YAML file, or a shipped name: {', '.join(shipped)}.")


def names_key(args: Sequence[str], key: str) -> bool:
    """Whether a config of a command line has a top-level key, by which one kind of config is told from another.

    Args:
        args: Command-line arguments with resolved configs.
        key: The key.
    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--config", action="append", default=[])
    files = [Path(file) for file in parser.parse_known_args(list(args))[0].config]
    try:
        return any(key in (yaml.safe_load(file.read_text()) or {}) for file in files)
    except yaml.YAMLError:
        return False  # the parser of the command says where
