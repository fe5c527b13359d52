import shutil

import pytest
from original_layout import write_original

from lit_mia.errors import TargetError
from lit_mia.targets.diffusion import DiffusersTarget

PROMPTS, SEEDS = ["cat", "sun"], [1, 2]


@pytest.fixture(scope="module")
def config(tiny_pipeline_folder, tmp_path_factory):
    """The tiny pipeline without its weights."""
    without = shutil.ignore_patterns("*.safetensors")
    return shutil.copytree(tiny_pipeline_folder, tmp_path_factory.mktemp("config") / "config", ignore=without)


@pytest.fixture(scope="module")
def file(tiny_pipeline_folder, tmp_path_factory):
    from diffusers import StableDiffusionPipeline

    file = tmp_path_factory.mktemp("single") / "tiny.safetensors"
    write_original(StableDiffusionPipeline.from_pretrained(tiny_pipeline_folder, safety_checker=None), file)
    return file


def make(path, config, **options):
    return DiffusersTarget(str(path), config=str(config), **{"steps": 2, "device": "cpu"} | options)


def test_a_file_in_the_original_layout_draws_what_the_folder_draws(tiny_pipeline_folder, file, config):
    folder = DiffusersTarget(str(tiny_pipeline_folder), steps=2, device="cpu")
    target = make(file, config)
    assert (target.generate(PROMPTS, SEEDS) == folder.generate(PROMPTS, SEEDS)).all()
    assert target.name == "tiny.safetensors"
    assert target.nfe_per_image == 4


def test_fingerprint_sees_the_file_and_the_configurations(file, config, tmp_path):
    plain = make(file, config).fingerprint()
    moved = shutil.copy(file, tmp_path / "moved.safetensors")
    other = shutil.copytree(config, tmp_path / "config")
    assert make(moved, other).fingerprint() == plain
    scheduler = other / "scheduler" / "scheduler_config.json"
    scheduler.write_text(scheduler.read_text().replace('"linear"', '"scaled_linear"'))
    assert make(file, other).fingerprint()["config"] != plain["config"]
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    moved.write_bytes(data)
    assert make(moved, config).fingerprint()["weights"] != plain["weights"]


def test_what_is_no_safetensors_file_is_refused(config, tmp_path):
    (tmp_path / "model.ckpt").write_bytes(b"pickle")
    for path in (tmp_path / "model.ckpt", tmp_path / "none.safetensors", config):
        with pytest.raises(TargetError, match=r"is no `\.safetensors` file"):
            make(path, config)


def test_a_file_without_configurations_is_refused_with_the_way_out(file):
    with pytest.raises(TargetError, match="Set `config`"):
        DiffusersTarget(str(file))


@pytest.mark.parametrize("content", [b"no safetensors at all", b"\x02\0\0\0\0\0\0\0{}"])
def test_a_broken_file_is_reported(config, tmp_path, content):
    (tmp_path / "broken.safetensors").write_bytes(content)
    with pytest.raises(TargetError, match="cannot be loaded"):
        make(tmp_path / "broken.safetensors", config).generate(PROMPTS, SEEDS)


def test_a_family_that_diffusers_reads_from_folders_only_is_refused(file, family_folder):
    with pytest.raises(TargetError, match="diffusers reads no LDMTextToImagePipeline from a single file"):
        make(file, family_folder("ldm")).generate(PROMPTS, SEEDS)


def test_a_safety_checker_is_not_in_a_single_file(file, config):
    with pytest.raises(TargetError, match="holds no safety checker"):
        make(file, config, safety_checker="pipeline").generate(PROMPTS, SEEDS)
