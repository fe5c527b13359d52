"""A workspace as a user has it: a CSV of images, a target, an encoder and the YAML files that name them."""

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from lit_mia.main import run

PAIRS, UNKNOWN = 40, 6


@dataclass(frozen=True)
class Workspace:
    """Folder `root`, which is also the working directory, with records.csv, model.yaml, data.yaml and two commands."""

    root: Path
    fit: Path
    audit: Path

    def write(self, name: str, content: object) -> Path:
        path = self.root / name
        path.write_text(yaml.safe_dump(content, sort_keys=False))
        return path

    def changed(self, name: str, changes: dict[str, object]) -> Path:
        """A copy of the audit with other values at some dotted places, e.g. `data.init_args.store`."""
        content = yaml.safe_load(self.audit.read_text())
        content["data"] = yaml.safe_load((self.root / "data.yaml").read_text())
        for place, value in changes.items():
            part, *path = content, *place.split(".")
            for key in path[:-1]:
                part = part[key]
            part[path[-1]] = value
        return self.write(name, content)


@pytest.fixture
def workspace(tmp_path, monkeypatch, tiny_pipeline_folder, tiny_clip_folder) -> Workspace:
    """86 records: two of a class in each of 40 groups, and 6 of unknown membership."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["lit-mia"])
    made = Workspace(tmp_path, tmp_path / "fit.yaml", tmp_path / "audit.yaml")
    _write_records(tmp_path)
    target = {"path": str(tiny_pipeline_folder), "steps": 2, "guidance": 1.0, "batch_size": 32, "device": "cpu"}
    widths = {"widths": [8, 4], "lr": 1.0e-2}
    made.write("model.yaml", {"class_path": "AttackIIS", "init_args": widths})
    data = {
        "source": {
            "class_path": "CsvSource",
            "init_args": {"path": str(tmp_path / "records.csv"), "id_column": "id", "group_column": "group"},
        },
        "target": {"class_path": "DiffusersTarget", "init_args": target},
        "store": str(tmp_path / "store"),
        "encoder": {
            "class_path": "OpenClipEncoder",
            "init_args": {"model": str(tiny_clip_folder), "device": "cpu"},
        },
        "image_size": 16,
        "fractions": [0.4, 0.15, 0.15, 0.3],
    }
    made.write("data.yaml", {"class_path": "AuxiliaryDataModule", "init_args": data})
    trainer = {
        "accelerator": "cpu",
        "devices": 1,
        "max_epochs": 2,
        "logger": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "num_sanity_val_steps": 0,
        "default_root_dir": str(tmp_path / "run"),
    }
    made.write("fit.yaml", {"model": "model.yaml", "data": "data.yaml", "trainer": trainer})
    made.write(
        "audit.yaml",
        {
            "data": "data.yaml",
            "attacks": [
                {"class_path": "AttackIP", "init_args": {}},
                "model.yaml",
                {"class_path": "AttackIV", "init_args": widths},
            ],
            "placebo": {"class_path": "DiffusersTarget", "init_args": {**target, "steps": 3}},
            "budget": {"seeds": 2, "max_epochs": 2, "patience": 2, "accelerator": "cpu"},
        },
    )
    return made


@pytest.fixture
def fitted(workspace) -> tuple[Workspace, Path]:
    """The workspace after `lit-mia fit`, and the checkpoint of the head."""
    run(["fit", "--config", str(workspace.fit)])
    (checkpoint,) = workspace.root.glob("run/**/*.ckpt")
    return workspace, checkpoint


@pytest.fixture
def main_exit(monkeypatch, capsys) -> Callable[..., tuple[int, str]]:
    """Runs `lit-mia` with arguments that end it; gives its exit status and what it wrote to stderr."""
    from lit_mia.main import main

    def called(*args: str) -> tuple[int, str]:
        monkeypatch.setattr("sys.argv", ["lit-mia", *args])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code, capsys.readouterr().err

    return called


def _write_records(folder: Path) -> None:
    rng = np.random.default_rng(0)
    (folder / "images").mkdir()
    with (folder / "records.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "image", "caption", "member", "group"])
        for i in range(2 * PAIRS + UNKNOWN):
            path = f"images/{i}.png"
            Image.fromarray(rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)).save(folder / path)
            member = (i // 2) % 2 if i < 2 * PAIRS else "unknown"
            writer.writerow([f"record-{i}", path, f"picture number {i}", member, f"group-{i // 2}"])
