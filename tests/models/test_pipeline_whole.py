"""Pipelines: the fingerprint covers every file that is loaded, and no weight is drawn at random or left out."""

import json
import os
import shutil

import pytest
import torch
from original_layout import write_original
from safetensors.torch import load_file, save_file
from tiny_pipelines import save_tiny

from lit_mia.errors import EncoderError, TargetError
from lit_mia.features import DinoEncoder, TimmEncoder
from lit_mia.models import PipelineFiles
from lit_mia.models.files import ASSETS, model_digest
from lit_mia.models.pretrained import OpenClipFiles, Pretrained
from lit_mia.models.samplers import saved_sampler
from lit_mia.targets import DenoiserTarget, DiffusersTarget, Seq2SeqTarget

UNET = "unet/diffusion_pytorch_model.safetensors"
TEXT = "text_encoder/model.safetensors"


def make(folder, **options):
    return DiffusersTarget(str(folder), **{"steps": 2, "device": "cpu"} | options)


def edit(file, change):
    weights = load_file(file)
    change(weights)
    save_file(weights, file, metadata={"format": "pt"})


def flat_copy(nested, folder):
    """The files of the parts beside `model_index.json`, as google/ddpm-cifar10-32 has them."""
    folder.mkdir()
    for file in [nested / "model_index.json", *nested.glob("*/*")]:
        shutil.copy(file, folder)
    return folder


@pytest.fixture(scope="module")
def ddpms(tmp_path_factory):
    """Two pipelines of an unconditional network, which differ in their weights alone."""
    from diffusers import DDPMPipeline, DDPMScheduler, UNet2DModel

    folders = [tmp_path_factory.mktemp("ddpm") / str(seed) for seed in range(2)]
    for seed, folder in enumerate(folders):
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            blocks = {"down_block_types": ("DownBlock2D",) * 2, "up_block_types": ("UpBlock2D",) * 2}
            unet = UNet2DModel(
                sample_size=16, layers_per_block=1, block_out_channels=(4, 8), norm_num_groups=2, **blocks
            )
        DDPMPipeline(unet, DDPMScheduler(beta_end=0.03, clip_sample=False)).save_pretrained(folder)
    return folders


def test_weights_beside_the_index_are_part_of_the_fingerprint(ddpms, tmp_path):
    flat = [flat_copy(folder, tmp_path / folder.name) for folder in ddpms]
    first, second = (DenoiserTarget(str(folder), device="cpu").fingerprint() for folder in flat)
    assert first.keys() == second.keys()
    assert {name for name in first if first[name] != second[name]} == {"weights"}
    for file in ("config.json", "scheduler_config.json"):
        (flat[0] / file).write_text((flat[0] / file).read_text() + "\n")
        changed = DenoiserTarget(str(flat[0]), device="cpu").fingerprint()
        assert changed["weights"] != first["weights"]
        first = changed


def test_weights_beside_the_index_are_loaded(ddpms, tmp_path):
    nested = DenoiserTarget(str(ddpms[0]), device="cpu")
    flat = DenoiserTarget(str(flat_copy(ddpms[0], tmp_path / "flat")), device="cpu")
    x, t = torch.ones(1, 3, 16, 16), torch.tensor([100])
    first, second = (target.predict_noise(x, t, target.condition([None])) for target in (nested, flat))
    torch.testing.assert_close(first, second)


def test_settings_beside_the_index_are_read(ddpms, tmp_path):
    nested, flat = (PipelineFiles(str(f), None) for f in (ddpms[0], flat_copy(ddpms[0], tmp_path / "flat")))
    assert saved_sampler(flat).config == saved_sampler(nested).config
    assert (saved_sampler(flat).config.beta_end, saved_sampler(flat).config.clip_sample) == (0.03, False)
    assert flat.part_json("unet")["sample_size"] == 16
    assert flat.part_json("unet", "added_tokens.json") == flat.part_json("tokenizer") == {}


def test_a_pipeline_without_weights_is_refused(copied_folder):
    for file in copied_folder.glob("*/*.safetensors"):
        file.unlink()
    with pytest.raises(TargetError, match="holds no weights"):
        make(copied_folder).fingerprint()


def test_files_beside_nested_parts_change_no_fingerprint(copied_folder, tiny_pipeline_folder):
    (copied_folder / "v1-5-pruned.safetensors").write_bytes(b"another model")
    (copied_folder / "README.md").write_text("about")
    assert make(copied_folder).fingerprint() == make(tiny_pipeline_folder).fingerprint()


def test_parts_may_be_links(copied_folder, tmp_path):
    linked = tmp_path / "linked"
    linked.mkdir()
    shutil.copy(copied_folder / "model_index.json", linked)
    for part in filter(os.path.isdir, copied_folder.iterdir()):
        (linked / part.name).symlink_to(part)
    plain = make(copied_folder).fingerprint()
    assert make(linked).fingerprint() == plain
    edit(copied_folder / UNET, lambda weights: weights["conv_out.bias"].add_(1))
    assert make(linked).fingerprint()["weights"] != plain["weights"]


def test_shards_in_other_folders_are_part_of_the_fingerprint(copied_folder, tmp_path):
    whole = copied_folder / UNET
    elsewhere = shutil.move(whole, tmp_path / "elsewhere.safetensors")
    index = {"metadata": {}, "weight_map": dict.fromkeys(load_file(elsewhere), f"../../{elsewhere.name}")}
    (whole.parent / f"{whole.name}.index.json").write_text(json.dumps(index))
    plain = make(copied_folder).fingerprint()
    edit(elsewhere, lambda weights: weights["conv_out.bias"].add_(1))
    assert make(copied_folder).fingerprint()["weights"] != plain["weights"]


def test_shards_below_a_model_are_part_of_its_digest(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    plain = model_digest(tmp_path)
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "1.safetensors").write_bytes(b"first")
    assert model_digest(tmp_path) == plain  # no index names it
    index = tmp_path / "model.safetensors.index.json"
    index.write_text('{"weight_map": {"w": "parts/1.safetensors"}}')
    plain = model_digest(tmp_path)
    (tmp_path / "parts" / "1.safetensors").write_bytes(b"second")
    assert model_digest(tmp_path) != plain
    index.write_text('{"weight_map": ["parts/1.safetensors"]}')
    with pytest.raises(EncoderError, match="does not say which file holds which weight"):
        model_digest(tmp_path, EncoderError)


def test_an_adapter_has_its_base_elsewhere(tmp_path, copied_folder):
    (tmp_path / "adapter_config.json").write_text('{"base_model_name_or_path": "elsewhere"}')
    with pytest.raises(EncoderError, match=r"holds an adapter.*Merge both"):
        DinoEncoder(str(tmp_path)).fingerprint()
    shutil.copy(tmp_path / "adapter_config.json", copied_folder / "text_encoder")
    with pytest.raises(TargetError, match="text_encoder' holds an adapter"):
        make(copied_folder).fingerprint()


@pytest.mark.parametrize(
    ("file", "weight"), [(UNET, "conv_out.weight"), (TEXT, "final_layer_norm.weight"), (UNET, None), (TEXT, None)]
)
def test_missing_weights_and_other_shapes_are_refused(copied_folder, file, weight):
    def drop(weights):
        del weights[weight]

    def shrink(weights):
        name = next(name for name in weights if weights[name].ndim == 2)
        weights[name] = torch.ones(3, 3)

    edit(copied_folder / file, drop if weight else shrink)
    with pytest.raises(TargetError, match=rf"{file.partition('/')[0]}' holds no whole \w+: 1 weights are missing"):
        make(copied_folder).generate(["sun"], [0])


def test_weights_of_a_deeper_model_are_refused(copied_folder):
    def deepen(weights):
        for name in [name for name in weights if ".layers.0." in name]:
            weights[name.replace(".layers.0.", ".layers.1.")] = weights[name].clone()

    edit(copied_folder / TEXT, deepen)
    with pytest.raises(TargetError, match=r"text_encoder' are of a larger model.*layers\.1\."):
        make(copied_folder).generate(["sun"], [0])


def test_weights_of_another_kind_may_stay_unused(copied_folder, tiny_pipeline_folder):
    edit(copied_folder / TEXT, lambda weights: weights.update(classifier=torch.ones(2)))
    drawn, expected = (make(folder).generate(["sun"], [0]) for folder in (copied_folder, tiny_pipeline_folder))
    assert (drawn == expected).all()


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        ("model.diffusion_model.out.2.weight", "lacks weights of its networks"),
        (
            "cond_stage_model.transformer.text_model.final_layer_norm.bias",
            r"lacks 1 weights of its text_encoder, e\.g\. \['final_layer_norm\.bias'\]",
        ),
    ],
)
def test_a_single_file_that_lacks_weights_is_refused(tiny_pipeline_folder, tmp_path, weight, message):
    from diffusers import StableDiffusionPipeline

    file = tmp_path / "tiny.safetensors"
    write_original(StableDiffusionPipeline.from_pretrained(tiny_pipeline_folder, safety_checker=None), file)
    edit(file, lambda weights: weights.pop(weight))
    with pytest.raises(TargetError, match=message):
        make(file, config=str(tiny_pipeline_folder)).generate(["sun"], [0])


def test_a_deeper_model_of_timm_is_refused(tmp_path):
    import timm

    model = timm.create_model("test_vit.r160_in1k", num_classes=0)
    weights = {name: value.clone() for name, value in model.state_dict().items()}
    deeper = {name.replace("blocks.0.", "blocks.99."): v.clone() for name, v in weights.items() if "blocks.0." in name}
    save_file(weights | deeper, tmp_path / "deeper.safetensors")
    with pytest.raises(EncoderError, match=r"are of a larger model.*blocks\.99\."):
        TimmEncoder("test_vit.r160_in1k", str(tmp_path / "deeper.safetensors"), device="cpu").embed_images(
            torch.zeros(1, 3, 16, 16, dtype=torch.uint8)
        )


def test_a_seq2seq_model_without_all_its_weights_is_refused(tmp_path):
    from lit_mia.models import shipped

    folder = shutil.copytree(shipped("shipped:openmoji-seq2seq"), tmp_path / "seq2seq")
    edit(folder / "model.safetensors", lambda weights: weights.pop("model.encoder.layers.0.fc1.weight"))
    with pytest.raises(TargetError, match="holds no whole BartForConditionalGeneration: 1 weights are missing"):
        Seq2SeqTarget(str(folder), "shipped:openmoji-vq", device="cpu").generate(["sun"], [0])


def test_a_hub_id_is_loaded_from_its_snapshot(copied_folder, tmp_path, monkeypatch):
    from huggingface_hub import constants

    expected = make(copied_folder).generate(["sun"], [0])
    cache, commit = tmp_path / "models--someone--tiny", "0123456789abcdef0123456789abcdef01234567"
    shutil.copytree(copied_folder, cache / "snapshots" / commit)
    (cache / "refs").mkdir()
    (cache / "refs" / "main").write_text(commit)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    assert (make("someone/tiny").generate(["sun"], [0]) == expected).all()
    edit(cache / "snapshots" / commit / TEXT, lambda weights: weights.pop("final_layer_norm.weight"))
    with pytest.raises(TargetError, match="holds no whole CLIPTextModel"):
        make("someone/tiny").generate(["sun"], [0])


@pytest.mark.parametrize(("family", "part"), [("sd", "tokenizer"), ("flux", "tokenizer"), ("flux", "tokenizer_2")])
def test_a_tokenizer_without_words_is_refused(tmp_path, family, part):
    folder = save_tiny(family, tmp_path / family)
    (folder / part / "tokenizer.json").unlink()
    with pytest.raises(TargetError, match=rf"\({part}\)' has no words.*tokenizer.json.*Download them too"):
        make(folder).generate(["a"], [0])
    shutil.rmtree(folder / part)
    with pytest.raises(TargetError, match=rf"\({part}\)' has no words"):
        make(folder).generate(["a"], [0])


def test_a_folder_without_words_is_refused_for_other_models_too(copied_folder):
    (copied_folder / "tokenizer/tokenizer.json").unlink()
    with pytest.raises(EncoderError, match=r"The CLIPTokenizer of .* has no words"):
        _ = Pretrained(str(copied_folder / "tokenizer"), (), EncoderError).tokenizer
    faces = shutil.copytree(ASSETS / "targets/faces-clip", copied_folder / "faces")
    (faces / "tokenizer.json").unlink()
    with pytest.raises(EncoderError, match=r"The CLIPTokenizer of .* has no words"):
        OpenClipFiles(str(faces), None, EncoderError).tokenizer()


@pytest.mark.parametrize("content", ['"x"', '{"added_tokens": [], "model": {}}'])
def test_whatever_a_library_raises_over_a_file_is_an_error_of_the_target(copied_folder, content):
    (copied_folder / "tokenizer/tokenizer.json").write_text(content)
    with pytest.raises(TargetError, match="cannot be loaded"):
        make(copied_folder).generate(["a"], [0])
