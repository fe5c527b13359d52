"""What all tests share: no network, two threads, and real models of tiny size: a diffusion pipeline, an open_clip."""

import json
import os
import shutil
import struct

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["WANDB_MODE"] = "offline"

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_pipelines import save_tiny

from lit_mia.targets.diffusion import DiffusersTarget

torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "2")))


def pytest_collection_modifyitems(config, items) -> None:
    """Leave out what takes longest, unless it is asked for."""
    if "long" not in config.option.markexpr:
        left_out = [item for item in items if item.get_closest_marker("long")]
        items[:] = [item for item in items if not item.get_closest_marker("long")]
        config.hook.pytest_deselected(items=left_out)


@pytest.fixture(scope="session", autouse=True)
def openings_of_the_session(tmp_path_factory) -> None:
    """No test split that a test opens is counted in the folder of who runs it."""
    os.environ["LIT_MIA_OPENINGS"] = str(tmp_path_factory.mktemp("openings"))


@pytest.fixture(autouse=True)
def own_openings(openings_of_the_session, tmp_path, monkeypatch) -> None:
    """What a test opens is counted from 0."""
    monkeypatch.setenv("LIT_MIA_OPENINGS", str(tmp_path / "openings-of-the-user"))


@pytest.fixture(scope="session")
def tiny_pipeline_folder(tmp_path_factory) -> Path:
    """A saved StableDiffusionPipeline with random weights that draws 16 x 16 images."""
    return save_tiny("sd", tmp_path_factory.mktemp("tiny") / "pipeline")


@pytest.fixture(scope="session")
def other_pipeline_folder(tiny_pipeline_folder, tmp_path_factory) -> Path:
    """The same pipeline with other weights, as before or after a training."""
    from safetensors.torch import load_file, save_file

    folder = tmp_path_factory.mktemp("other") / "pipeline"
    shutil.copytree(tiny_pipeline_folder, folder)
    (file,) = (folder / "unet").glob("*.safetensors")
    save_file({name: values * 1.01 for name, values in load_file(file).items()}, file, {"format": "pt"})
    return folder


@pytest.fixture(scope="session")
def family_folder(tmp_path_factory) -> Callable[[str], Path]:
    """Saves the tiny pipeline of a family when it is first asked for."""
    return cache(lambda family: save_tiny(family, tmp_path_factory.mktemp(family)))


@pytest.fixture(scope="session")
def tiny_ddpm_folder(tmp_path_factory) -> Path:
    """A saved DDPMPipeline of 16 x 16 images with random weights."""
    from diffusers import DDPMPipeline, DDPMScheduler, UNet2DModel

    folder = tmp_path_factory.mktemp("tiny") / "ddpm"
    with torch.random.fork_rng():
        torch.manual_seed(0)
        unet = UNet2DModel(
            sample_size=16,
            layers_per_block=1,
            block_out_channels=(4, 8),
            norm_num_groups=2,
            down_block_types=("DownBlock2D", "DownBlock2D"),
            up_block_types=("UpBlock2D", "UpBlock2D"),
        )
        torch.nn.init.normal_(unet.conv_out.weight, std=0.3)  # answers as large as noise
    DDPMPipeline(unet, DDPMScheduler()).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_target(tiny_pipeline_folder) -> DiffusersTarget:
    """The tiny pipeline as a target with four steps."""
    return DiffusersTarget(str(tiny_pipeline_folder), steps=4, batch_size=4, device="cpu")


@pytest.fixture(scope="session")
def tiny_clip_folder(tmp_path_factory) -> Path:
    """An open_clip model with random weights and 12 dimensions, in the layout of `local-dir:`."""
    import open_clip
    from safetensors.torch import save_file

    folder = tmp_path_factory.mktemp("tiny-clip")
    vision = {"image_size": 32, "layers": 2, "width": 32, "head_width": 16, "patch_size": 8}
    text = {"context_length": 16, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1}
    config = {
        "model_cfg": {"embed_dim": 12, "vision_cfg": vision, "text_cfg": text},
        "preprocess_cfg": {"mean": [0.1, 0.2, 0.3], "std": [0.4, 0.5, 0.6]},
    }
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        save_file(open_clip.create_model(f"local-dir:{folder}").state_dict(), folder / "open_clip_model.safetensors")
    return folder


@dataclass(frozen=True)
class WandbRun:
    """What an offline run of Weights & Biases wrote."""

    config: dict[str, Any]
    summary: dict[str, Any]
    group: set[str] = field(default_factory=set)
    artifacts: list[dict[str, str]] = field(default_factory=list)
    """File name → text, of each artifact of an audit."""


@pytest.fixture
def read_wandb() -> Callable[[Path], list[WandbRun]]:
    """Reads all offline runs below a folder, after their end."""
    import wandb

    def read(folder: Path) -> list[WandbRun]:
        wandb.teardown()  # the service writes the last block when it stops
        return [_read_run(file) for file in sorted(folder.rglob("run-*.wandb"))]

    return read


def _read_run(file: Path) -> WandbRun:
    from wandb.proto.wandb_internal_pb2 import Record

    run = WandbRun({}, {})
    for content in _leveldb_records(file.read_bytes()):
        record = Record.FromString(content)
        if record.artifact.type == "audit":
            contents = record.artifact.manifest.contents
            run.artifacts.append({of.path: Path(of.local_path).read_text(encoding="utf-8") for of in contents})
        run.group.update(filter(None, [record.run.run_group]))
        for values, updates in (
            (run.config, [*record.run.config.update, *record.config.update]),
            (run.summary, [*record.summary.update]),
        ):
            values.update({item.key or "/".join(item.nested_key): json.loads(item.value_json) for item in updates})
    return run


def _leveldb_records(data: bytes) -> Iterator[bytes]:
    """The records of a LevelDB log with a file header of 7 bytes: wandb's format, for which it has no public reader."""
    block, header, last = 32768, 7, (1, 4)  # a record is one FULL (1) chunk, or FIRST (2), MIDDLE (3) … LAST (4)
    place, record = header, b""
    while place + header <= len(data):
        if block - place % block < header:  # the padding of a block
            place += block - place % block
            continue
        _checksum, length, kind = struct.unpack_from("<IHB", data, place)
        record += data[place + header : place + header + length]
        place += header + length
        if kind in last:
            yield record
            record = b""
