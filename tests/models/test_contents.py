"""What is saved in the place of a model file is named before anything is loaded."""

import pytest
import torch
from planted_pairs import PlantedPairs

from lit_mia.attacks.base import load_head
from lit_mia.errors import CaptionerError, EncoderError, HeadError, TargetError
from lit_mia.features import DinoEncoder, InceptionEncoder, OpenClipEncoder, TimmEncoder, TransformersCaptioner
from lit_mia.models.contents import check_contents
from lit_mia.targets import DalleMiniTarget, DiffusersTarget, OpenClipTarget, Seq2SeqTarget, TransformersClipTarget

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12345678\n"
PLACEHOLDERS = {
    "a Git LFS pointer.*git lfs pull": POINTER,
    "a web page.*Download it again": b"\n<!DOCTYPE html><html>no such file</html>",
    "an answer of a server": b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>",
    "is empty": b"",
}


@pytest.mark.parametrize("message", PLACEHOLDERS)
def test_placeholders_are_told_from_files(tmp_path, message):
    file = tmp_path / "weights.safetensors"
    file.write_bytes(PLACEHOLDERS[message])
    with pytest.raises(EncoderError, match=rf"weights\.safetensors' is .*{message.removeprefix('is ')}"):
        check_contents(file, EncoderError)


def test_other_contents_pass(tmp_path):
    for content in (b"{}", b"\x02\0\0\0\0\0\0\0{}", b"version 1"):
        (tmp_path / "file.json").write_bytes(content)
        check_contents(tmp_path / "file.json", TargetError)
    (tmp_path / "merges.txt").write_bytes(b"")
    check_contents(tmp_path / "merges.txt", TargetError)


@pytest.mark.parametrize(
    "place", ["unet/diffusion_pytorch_model.safetensors", "text_encoder/model.safetensors", "unet/config.json"]
)
def test_each_part_of_a_pipeline_is_looked_at(copied_folder, place):
    (copied_folder / place).write_bytes(POINTER)
    for use in (DiffusersTarget.fingerprint, lambda target: target.generate(["sun"], [0])):
        with pytest.raises(TargetError, match=rf"{place.replace('.', '.')}' is a Git LFS pointer"):
            use(DiffusersTarget(str(copied_folder), device="cpu"))


def test_tokenizer_and_index_of_a_pipeline_too(copied_folder):
    tokenizer = next(iter((copied_folder / "tokenizer").glob("*.json")))
    for file in (tokenizer, copied_folder / "model_index.json"):
        file.write_bytes(POINTER)
        with pytest.raises(TargetError, match=f"{file.name}' is a Git LFS pointer"):
            DiffusersTarget(str(copied_folder)).fingerprint()


def test_lora_and_single_file_are_looked_at(tiny_pipeline_folder, tmp_path):
    file = tmp_path / "x.safetensors"
    file.write_bytes(POINTER)
    folder = str(tiny_pipeline_folder)
    targets = (
        DiffusersTarget(folder, lora=str(file), device="cpu"),
        DiffusersTarget(str(file), config=folder, device="cpu"),
    )
    for target in targets:
        with pytest.raises(TargetError, match="is a Git LFS pointer"):
            target.fingerprint()
        with pytest.raises(TargetError, match="is a Git LFS pointer"):
            target.generate(["sun"], [0])


def folder_with(tmp_path, *names):
    for name in names:
        (tmp_path / name).write_text("{}")
    (tmp_path / names[-1]).write_bytes(POINTER)
    return str(tmp_path)


MODELS = {
    "captioner": (TransformersCaptioner, CaptionerError, ("config.json", "model.safetensors")),
    "dino": (DinoEncoder, EncoderError, ("config.json", "pytorch_model.bin")),
    "clip target": (TransformersClipTarget, TargetError, ("config.json", "tokenizer.json")),
    "open_clip": (OpenClipEncoder, EncoderError, ("open_clip_config.json", "open_clip_pytorch_model.bin")),
    "open_clip target": (OpenClipTarget, TargetError, ("open_clip_config.json", "open_clip_model.safetensors")),
}


@pytest.mark.parametrize("kind", MODELS)
def test_every_model_of_a_folder_is_looked_at(tmp_path, kind):
    make, error, names = MODELS[kind]
    with pytest.raises(error, match=f"{names[-1]}' is a Git LFS pointer"):
        make(folder_with(tmp_path, *names)).fingerprint()


def test_every_single_weights_file_is_looked_at(tmp_path):
    file = tmp_path / "weights.pth"
    file.write_bytes(POINTER)
    with pytest.raises(EncoderError, match="is a Git LFS pointer"):
        TimmEncoder("test_vit.r160_in1k", str(file)).fingerprint()
    with pytest.raises(EncoderError, match="is a Git LFS pointer"):
        InceptionEncoder(str(file)).fingerprint()
    with pytest.raises(EncoderError, match="is a Git LFS pointer"):
        OpenClipEncoder("ViT-B-32", str(file)).fingerprint()
    with pytest.raises(HeadError, match="is a Git LFS pointer"):
        load_head(torch.nn.Identity(), str(file), PlantedPairs())


def test_token_models_are_looked_at(tmp_path):
    folder = folder_with(tmp_path, "config.json", "tokenizer_config.json", "model.safetensors")
    with pytest.raises(TargetError, match="is a Git LFS pointer"):
        Seq2SeqTarget(folder, folder).fingerprint()
    names = [f"{half}_mini.pt" for half in ("encoder", "decoder")]
    folder = folder_with(tmp_path, "vocab_mini.json", "merges_mini.txt", "detoker.pt", *names)
    with pytest.raises(TargetError, match="is a Git LFS pointer"):
        DalleMiniTarget(folder).fingerprint()


def test_a_tilde_is_the_users_folder(tmp_path, monkeypatch, tiny_pipeline_folder):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "model").mkdir()
    folder_with(tmp_path / "model", "config.json", "open_clip_config.json")
    for make in (DinoEncoder, TransformersCaptioner, TransformersClipTarget, OpenClipEncoder, OpenClipTarget):
        with pytest.raises((EncoderError, CaptionerError, TargetError), match="is a Git LFS pointer"):
            make("~/model").fingerprint()
    weights = tmp_path / "model" / "open_clip_config.json"
    for make in (lambda path: TimmEncoder(weights=path), InceptionEncoder, lambda path: OpenClipEncoder("RN50", path)):
        with pytest.raises(EncoderError, match="is a Git LFS pointer"):
            make(f"~/model/{weights.name}").fingerprint()
    with pytest.raises(HeadError, match="is a Git LFS pointer"):
        load_head(torch.nn.Identity(), f"~/model/{weights.name}", PlantedPairs())
    (tmp_path / "pipe").symlink_to(tiny_pipeline_folder)
    assert DiffusersTarget("~/pipe").fingerprint() == DiffusersTarget(str(tiny_pipeline_folder)).fingerprint()
