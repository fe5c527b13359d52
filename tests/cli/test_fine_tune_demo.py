"""The way of an owner: design, fine-tune, audit; of the demo that ships, and of a folder of photographs."""

import json

import numpy as np
import pytest
import yaml
from PIL import Image

from lit_mia.blocks import config_folder
from lit_mia.designs.manifest import Manifest
from lit_mia.main import run
from lit_mia.models.files import ASSETS

pytestmark = pytest.mark.slow

SHIPPED = ASSETS / "targets/openmoji-lora"
COUNT = 90
OF_FIT = {
    "trainer.max_steps": 2,
    "trainer.accelerator": "cpu",
    "trainer.logger": "false",
    "trainer.enable_progress_bar": "false",
    "trainer.enable_model_summary": "false",
    "model.warmup": 0,
    "data.cache_dir": "decoded",
}


def test_the_design_of_the_shipped_adapter_can_be_drawn_again(tmp_path):
    run(["design", "--config", "configs/design/openmoji_unseen.yaml", "--output", str(tmp_path / "design")])
    drawn = Manifest.read(tmp_path / "design")
    assert drawn.commitment == json.loads((SHIPPED / "design.json").read_text())["commitment"]
    trained_on = {file.path for entry in drawn.entries if entry.included for file in entry.files}
    assert trained_on == set(json.loads((SHIPPED / "membership.json").read_text())["members"])
    for name in ("openmoji_lora", "openmoji_lora_canaries"):
        audit = yaml.safe_load((config_folder() / f"audit/{name}.yaml").read_text())
        assert audit["data"]["init_args"]["source"]["init_args"]["commitment"] == drawn.commitment


@pytest.fixture
def photographs(tmp_path, monkeypatch):
    """Images that are no squares, with captions, where the templates look for them."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "data/photos"
    folder.mkdir(parents=True)
    for number in range(COUNT):
        pixels = np.random.default_rng(number).integers(0, 256, (5, 4, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize((20, 25)).save(folder / f"{number:03d}.png")
        (folder / f"{number:03d}.txt").write_text(f"photo {number}")
    return tmp_path


def images_below(folder):
    """The decoded images that are kept somewhere, in no order."""
    arrays = [np.load(file) for file in folder.rglob("*.npy")]
    images = [array for array in arrays if array.dtype == np.uint8 and array.shape == (COUNT, 3, 16, 16)]
    assert images
    return {image.tobytes() for array in images for image in array}


def test_no_file_is_edited_to_audit_a_fine_tune_of_photographs(photographs, tiny_pipeline_folder):
    design = run(["design", "--images", "data/photos", "--output", "runs/design", "--seed", "1"])
    base = str(tiny_pipeline_folder)
    options = [f"--{name}={value}" for name, value in OF_FIT.items()]
    run(["fit", "--config", "configs/shadow/own_lora.yaml", "--model.base", base, *options])
    given = ["--data.target.path", base, "--data.target.device", "cpu", "--budget.accelerator", "cpu"]
    given += ["--data.source.commitment", design.commitment, "--budget.max_epochs", "1", "--budget.seeds", "1"]
    run(["audit", "--config", "configs/audit/own_lora.yaml", *given])
    assert images_below(photographs / "decoded") == images_below(photographs / "stores/own-lora")
    report = json.loads((photographs / "runs/own_lora/audit.json").read_text())
    assert report["coin"] == "verified"
    forms = {row["attack"] for row in report["rows"] if row["kind"] == "base"}
    assert forms == {f"{form} (Loss, SimA)" for form in ("Difference", "Regression", "Joint head")} | {
        "Sign vote (Subset loss)"
    }
