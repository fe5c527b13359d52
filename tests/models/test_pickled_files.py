"""Files of torch that are cut off, of something else, or hold code: one sentence, and nothing is run."""

import os

import pytest
import torch

from lit_mia.attacks.checkpoints import read_checkpoint
from lit_mia.callbacks.keep_target import check_whole
from lit_mia.errors import EncoderError, HeadError, LitMiaError, TargetError, TrainingError
from lit_mia.features import InceptionEncoder, TimmEncoder
from lit_mia.models.files import readable, saved_by_torch
from lit_mia.models.min_dalle import load_detokenizer

IMAGES = torch.zeros(1, 3, 32, 32, dtype=torch.uint8)
READERS = {
    "head": lambda file: read_checkpoint(str(file), "--ckpt_path"),
    "training": lambda file: check_whole(str(file)),
    "min-dalle": lambda file: load_detokenizer(file, torch.device("cpu")),
    "timm": lambda file: TimmEncoder("test_vit.r160_in1k", str(file)).embed_images(IMAGES),
    "inception": lambda file: InceptionEncoder(str(file)).embed_images(IMAGES),
}


class Payload:
    """Makes a folder when it is unpickled."""

    def __init__(self, folder):
        self.folder = str(folder)

    def __reduce__(self):
        return os.mkdir, (self.folder,)


def cut_off(file, run):
    torch.save({"weight": torch.zeros(999)}, file)
    file.write_bytes(file.read_bytes()[:2000])


FILES = {
    "empty": lambda file, run: file.write_bytes(b""),
    "cut off": cut_off,
    "text": lambda file, run: file.write_text("weights"),
    "of another program": lambda file, run: torch.save([1, 2], file),
    "code": lambda file, run: torch.save({"state_dict": Payload(run), "head": "II-S", "recipe": {}}, file),
    "code in the old format": lambda file, run: torch.save(Payload(run), file, _use_new_zipfile_serialization=False),
}


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize("reader", READERS)
def test_a_bad_file_is_one_sentence_and_runs_nothing(tmp_path, reader, kind):
    if reader == "inception":
        pytest.importorskip("torch_fidelity")
    FILES[kind](tmp_path / "file.pth", tmp_path / "run")
    with pytest.raises((HeadError, TrainingError, TargetError, EncoderError)) as refused:
        READERS[reader](tmp_path / "file.pth")
    assert "file.pth" in str(refused.value)
    assert "weights_only" not in str(refused.value)
    assert len(str(refused.value)) < 400
    assert not (tmp_path / "run").exists()


def test_libraries_do_not_pass_on_the_advice_of_torch(tmp_path):
    torch.save(Payload(tmp_path / "run"), tmp_path / "file.bin")
    with pytest.raises(LitMiaError, match=r"^It failed: it is damaged, or holds code, which is never run$"):
        _read_by_a_library(tmp_path / "file.bin")


def _read_by_a_library(file):
    with readable(LitMiaError, "It failed"):
        torch.load(file, weights_only=True)


def test_a_whole_file_is_read_also_from_the_disk(tmp_path):
    torch.save({"weight": torch.arange(3)}, tmp_path / "file.pth")
    for mapped in (False, True):
        assert saved_by_torch(tmp_path / "file.pth", HeadError, mapped=mapped)["weight"].tolist() == [0, 1, 2]
