"""The LoRA weights that ship, and how much room all that ships takes."""

import json

import torch
import yaml
from safetensors.torch import load_file

from lit_mia.blocks import config_folder
from lit_mia.models.files import ASSETS

FOLDER = ASSETS / "targets/openmoji-lora"


def test_all_that_ships_is_small():
    adapter = FOLDER / "pytorch_lora_weights.safetensors"
    assert adapter.stat().st_size < 2e6
    assert sum(file.stat().st_size for file in ASSETS.rglob("*") if file.is_file()) < 85e6


def test_they_are_those_of_the_recipe_in_half_precision():
    weights = load_file(FOLDER / "pytorch_lora_weights.safetensors")
    assert {weight.dtype for weight in weights.values()} == {torch.float16}
    config = yaml.safe_load((config_folder() / "shadow/openmoji_design_lora.yaml").read_text())
    assert {weight.shape[0] for name, weight in weights.items() if "lora_A" in name} == {
        config["model"]["init_args"]["rank"]
    }
    assert json.loads((FOLDER / "membership.json").read_text())["steps"] == config["trainer"]["max_steps"]
