"""A design is read by the loading code of diffusers' own training scripts, as it is."""

from pathlib import Path

import pytest
from datasets import load_dataset
from designed import Settings, write_design
from PIL import Image

from lit_mia.designs import LAYOUTS, Canaries
from lit_mia.features.copies import look_at

N = 120


@pytest.fixture(scope="module")
def imagefolder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("designs") / "imagefolder"
    canaries = Canaries(kinds=("synthetic",), copies=(1, 3), per_tier=3, budget=0.2)
    return folder, write_design(folder, N, settings=Settings(0.5, "imagefolder", canaries))


def given(manifest):
    return sorted((entry.caption, entry.pixels) for entry in manifest.entries if entry.included for _ in entry.files)


def hashed(rows):
    return sorted((row["text"], look_at(row["image"].convert("RGB"))["pixels"].tobytes().hex()) for row in rows)


def test_the_scripts_of_stable_diffusion_and_sdxl_read_it(imagefolder, tmp_path):
    folder, manifest = imagefolder
    data_files = {"train": f"{folder / 'train'}/**"}
    rows = load_dataset("imagefolder", data_files=data_files, cache_dir=str(tmp_path))["train"]
    assert rows.column_names == ["image", "text"]
    assert hashed(rows) == given(manifest)


def test_the_scripts_of_flux_and_sd3_read_it(imagefolder, tmp_path):
    folder, manifest = imagefolder
    loaded = load_dataset("imagefolder", data_dir=str(folder / "train"), cache_dir=str(tmp_path))
    assert list(loaded) == ["train"]
    assert hashed(load_dataset(str(folder / "train"), cache_dir=str(tmp_path))["train"]) == given(manifest)
    assert hashed(loaded["train"]) == given(manifest)


def test_the_held_out_side_reads_alike(imagefolder, tmp_path):
    folder, manifest = imagefolder
    loaded = load_dataset("imagefolder", data_dir=str(folder / "holdout"), split="train", cache_dir=str(tmp_path))
    assert hashed(loaded) == sorted((entry.caption, entry.pixels) for entry in manifest.entries if not entry.included)


def test_dreambooth_opens_every_file_of_its_folder(tmp_path):
    manifest = write_design(tmp_path, N, settings=Settings(0.5, "dreambooth", None))
    images = [Image.open(path) for path in Path(tmp_path / "train").iterdir()]
    assert len(images) == sum(entry.included for entry in manifest.entries)
    assert {image.mode for image in images} == {"RGB"}
    assert {path.suffix for path in (tmp_path / "holdout").iterdir()} == {".png"}


def test_each_layout_says_how_it_is_trained_on():
    assert [layout.name for layout in LAYOUTS] == ["imagefolder", "dreambooth"]
    assert all("{train}" in layout.options for layout in LAYOUTS)
