"""A working directory as a user has it."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml


@dataclass(frozen=True)
class Workspace:
    """A folder with records.csv, the blocks data.yaml and model.yaml, and the runnable fit.yaml and audit.yaml."""

    root: Path

    def write(self, name: str, content: object) -> str:
        (self.root / name).write_text(yaml.safe_dump(content, sort_keys=False))
        return name

    def changed(self, name: str, changes: dict[str, object]) -> str:
        """Write a copy of audit.yaml or fit.yaml with `data` in full and other values at some dotted places."""
        content = yaml.safe_load((self.root / name).read_text())
        content["data"] = yaml.safe_load((self.root / "data.yaml").read_text())
        for place, value in changes.items():
            part = content
            *path, last = place.split(".")
            for key in path:
                part = part[key]
            part[last] = value
        return self.write(f"changed-{name}", content)


def enter(source: Path, folder: Path, patch: pytest.MonkeyPatch) -> Workspace:
    """Copy a workspace and make it the working directory of a program without arguments."""
    shutil.copytree(source, folder)
    patch.chdir(folder)
    patch.setattr("sys.argv", ["lit-mia"])
    return Workspace(folder)
