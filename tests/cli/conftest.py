"""A workspace as a user has it: a CSV of images, a target, an encoder and the YAML files that name them."""

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tiny_audit import KINDS
from workspace import Workspace, enter

from lit_mia.audits.kinds import AUDIT_KINDS
from lit_mia.main import main, run

GROUPS, UNKNOWN = 40, 6


@pytest.fixture(scope="session")
def template(tmp_path_factory, tiny_pipeline_folder, other_pipeline_folder, tiny_clip_folder) -> Path:
    """86 records: two of a class in each of 40 groups, and 6 of unknown membership. All paths in it are relative."""
    made = Workspace(tmp_path_factory.mktemp("workspace") / "template")
    _write_records(made.root)
    target = {"path": str(tiny_pipeline_folder), "steps": 2, "guidance": 1.0, "batch_size": 32, "device": "cpu"}
    source = {"path": "records.csv", "id_column": "id", "group_column": "group"}
    data = {
        "source": {"class_path": "CsvSource", "init_args": source},
        "target": {"class_path": "DiffusersTarget", "init_args": target},
        "store": "store",
        "encoder": {"class_path": "OpenClipEncoder", "init_args": {"model": str(tiny_clip_folder), "device": "cpu"}},
        "image_size": 16,
        "fractions": [0.4, 0.15, 0.15, 0.3],
    }
    made.write("data.yaml", {"class_path": "AuxiliaryDataModule", "init_args": data})
    head = {"widths": [8, 4], "lr": 1.0e-2}
    made.write("model.yaml", {"class_path": "AttackIIS", "init_args": head})
    trainer = {
        "accelerator": "cpu",
        "devices": 1,
        "max_epochs": 2,
        "logger": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "num_sanity_val_steps": 0,
        "default_root_dir": "run",
    }
    made.write("fit.yaml", {"model": "model.yaml", "data": "data.yaml", "trainer": trainer})
    placebo = target | {"path": str(other_pipeline_folder), "steps": 3}
    audit = {
        "data": "data.yaml",
        "attacks": [{"class_path": "AttackIP"}, "model.yaml", {"class_path": "AttackIV", "init_args": head}],
        "placebo": {"class_path": "DiffusersTarget", "init_args": placebo},
        "budget": {"seeds": 2, "max_epochs": 2, "patience": 2, "accelerator": "cpu"},
    }
    made.write("audit.yaml", audit)
    return made.root


@pytest.fixture
def tiny_kinds(tmp_path, monkeypatch) -> Path:
    """A folder with a config for each kind of the tiny audit, which are the only kinds."""
    monkeypatch.setattr(AUDIT_KINDS, "_entries", {kind.name: kind for kind in KINDS})
    monkeypatch.setattr("sys.argv", ["lit-mia"])
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    Path("own.yaml").write_text("attacks: [attack/i_p, attack/ii_s]\nschedule: {repeats: 3, rate: 1e-3}\n")
    Path("swept.yaml").write_text("audit: own.yaml\npoints: [{attacks.0: [configs/attack/iii.yaml]}]\n")
    return tmp_path / "work"


@pytest.fixture
def workspace(template, tmp_path, monkeypatch) -> Workspace:
    """A copy of the template, which is the working directory."""
    return enter(template, tmp_path / "work", monkeypatch)


@pytest.fixture(scope="module")
def fitted_template(template, tmp_path_factory) -> Path:
    """A copy of the template after `lit-mia fit`."""
    folder = tmp_path_factory.mktemp("fitted") / "work"
    with pytest.MonkeyPatch.context() as patch:
        enter(template, folder, patch)
        run(["fit", "--config", "fit.yaml"])
    return folder


@pytest.fixture
def fitted(fitted_template, tmp_path, monkeypatch) -> Workspace:
    """A workspace after `lit-mia fit`."""
    return enter(fitted_template, tmp_path / "work", monkeypatch)


@pytest.fixture(scope="module")
def audited_template(template, tmp_path_factory) -> Path:
    """A copy of the template after `lit-mia audit`."""
    folder = tmp_path_factory.mktemp("audited") / "work"
    with pytest.MonkeyPatch.context() as patch:
        enter(template, folder, patch)
        run(["audit", "--config", "audit.yaml"])
    return folder


@pytest.fixture
def audited(audited_template, tmp_path, monkeypatch) -> Workspace:
    """A workspace after `lit-mia audit`."""
    return enter(audited_template, tmp_path / "work", monkeypatch)


@pytest.fixture
def failure(monkeypatch, capsys) -> Callable[..., str]:
    """Runs a command line that the user has to mend; gives the one line that is said about it."""

    def failed(*args: str) -> str:
        monkeypatch.setattr("sys.argv", ["lit-mia", *args])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 2
        errors = capsys.readouterr().err
        assert "Traceback" not in errors
        (line,) = [line for line in errors.splitlines() if line.startswith("lit-mia: ")]
        return line

    return failed


def _write_records(folder: Path) -> None:
    rng = np.random.default_rng(0)
    (folder / "images").mkdir(parents=True)
    with (folder / "records.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "image", "caption", "member", "group"])
        for i in range(2 * GROUPS + UNKNOWN):
            path = f"images/{i}.png"
            Image.fromarray(rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)).save(folder / path)
            member = (i // 2) % 2 if i < 2 * GROUPS else "unknown"
            writer.writerow([f"record-{i}", path, f"picture number {i}", member, f"group-{i // 2}"])
