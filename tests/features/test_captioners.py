"""Tiny captioners of the real classes, with random weights."""

import json
import os
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from threading import Event

import pytest
import torch
from transformers import (
    AutoProcessor,
    BertTokenizer,
    Blip2Config,
    Blip2ForConditionalGeneration,
    Blip2Processor,
    BlipConfig,
    BlipForConditionalGeneration,
    BlipForImageTextRetrieval,
    BlipImageProcessor,
    BlipProcessor,
    GPT2Config,
    OPTConfig,
    VisionEncoderDecoderConfig,
    VisionEncoderDecoderModel,
    ViTConfig,
    ViTImageProcessor,
)

from lit_mia.errors import CaptionerError
from lit_mia.features import FixedCaption, TransformersCaptioner
from lit_mia.features.captioners import Captioner, cached_captions

TOWER = {"hidden_size": 24, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
IDS = {"bos_token_id": 2, "eos_token_id": 3, "pad_token_id": 0}
TEXT = TOWER | IDS | {"vocab_size": 14, "sep_token_id": 3, "max_position_embeddings": 40, "initializer_range": 0.4}
VISION = TOWER | {"image_size": 16, "patch_size": 8, "initializer_range": 0.4}
WORDS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "cat", "dog", "on", "the", "moon", "picture", "of")
IMAGES = torch.randint(0, 256, (5, 3, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
SIZE = {"height": 16, "width": 16}


def words():
    return BertTokenizer(vocab={word: row for row, word in enumerate(WORDS)})


def blip(path):
    BlipForConditionalGeneration(BlipConfig(text_config=TEXT, vision_config=VISION)).save_pretrained(path)
    BlipProcessor(BlipImageProcessor(size=SIZE), words()).save_pretrained(path)


def blip_2(path):
    processor = Blip2Processor(BlipImageProcessor(size=SIZE), words(), num_query_tokens=4)
    opt = OPTConfig(
        **IDS,
        vocab_size=14,
        hidden_size=24,
        ffn_dim=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=60,
        word_embed_proj_dim=24,
        init_std=0.4,
    )
    config = Blip2Config(
        vision_config=VISION,
        qformer_config=TOWER | {"encoder_hidden_size": 24, "vocab_size": 14, "initializer_range": 0.4},
        text_config=opt.to_dict(),
        num_query_tokens=4,
        image_token_index=processor.tokenizer.convert_tokens_to_ids("<image>"),
    )
    model = Blip2ForConditionalGeneration(config)
    torch.nn.init.normal_(model.query_tokens)
    torch.nn.init.normal_(model.language_projection.weight)
    model.save_pretrained(path)
    processor.save_pretrained(path)


def vit_gpt2(path):
    text = GPT2Config(**IDS, vocab_size=14, n_embd=24, n_layer=2, n_head=2, n_positions=40, initializer_range=0.4)
    config = VisionEncoderDecoderConfig.from_encoder_decoder_configs(ViTConfig(**VISION), text)
    model = VisionEncoderDecoderModel(config)
    model.generation_config.update(decoder_start_token_id=2, eos_token_id=3, pad_token_id=0)
    model.save_pretrained(path)
    ViTImageProcessor(size=SIZE).save_pretrained(path)
    words().save_pretrained(path)


@pytest.fixture(scope="module", params=[blip, blip_2, vit_gpt2], ids=lambda make: make.__name__)
def folder(request, tmp_path_factory):
    return _saved(request.param, tmp_path_factory)


@pytest.fixture(scope="module")
def blip_folder(tmp_path_factory):
    return _saved(blip, tmp_path_factory)


def _saved(make, tmp_path_factory):
    path = tmp_path_factory.mktemp(make.__name__)
    with torch.random.fork_rng():
        torch.manual_seed(2)
        make(path)
    return str(path)


def captioner(path, **options):
    return TransformersCaptioner(path, device="cpu", **options)


def test_captions_depend_on_the_image_and_not_on_the_batch(folder):
    one, many = (captioner(folder, batch_size=size).caption(IMAGES) for size in (1, 4))
    assert one == many
    assert len(one) == 5
    assert len(set(one)) > 1
    assert all(text == text.strip() and set(text.split()) <= set(WORDS) for text in one)
    assert captioner(folder).caption(IMAGES.numpy()[3:]) == one[3:]


def test_a_batch_is_resized_while_the_one_before_is_described(blip_folder, monkeypatch):
    captioner, resized, described = TransformersCaptioner(str(blip_folder), batch_size=2), [], []
    resize, describe = TransformersCaptioner._resized, TransformersCaptioner._describe
    second = Event()

    def count(captioner, images):
        resized.append(len(images))
        if len(resized) > 1:
            second.set()
        return resize(captioner, images)

    def wait(captioner, pixels):
        assert second.wait(10)
        described.append(len(pixels))
        return describe(captioner, pixels)

    monkeypatch.setattr(TransformersCaptioner, "_resized", count)
    monkeypatch.setattr(TransformersCaptioner, "_describe", wait)
    assert len(captioner.caption(IMAGES)) == 5
    assert (resized, described) == ([2, 2, 1], [2, 2, 1])


def test_captions_keep_their_length(folder):
    short = captioner(folder, max_length=6, min_length=6).caption(IMAGES)
    assert max(len(text.split()) for text in short) in (4, 5)
    assert captioner(folder, max_length=12, min_length=12).caption(IMAGES) != short


@pytest.mark.parametrize(
    ("make", "model"), [(blip, BlipForConditionalGeneration), (blip_2, Blip2ForConditionalGeneration)]
)
def test_a_prompt_is_gone_on_from_and_left_out(make, model, tmp_path_factory):
    path = _saved(make, tmp_path_factory)
    ours = captioner(path, prompt="a picture of", max_length=12).caption(IMAGES)
    processor = AutoProcessor.from_pretrained(path)
    inputs = processor(images=list(IMAGES), text=["a picture of"] * 5, return_tensors="pt")
    unspoken = 4 if make is blip_2 else 0
    tokens = (
        model.from_pretrained(path)
        .eval()
        .generate(**inputs, num_beams=3, max_length=12 + unspoken, min_length=5 + unspoken)
    )
    whole = processor.batch_decode(tokens, skip_special_tokens=True)
    assert all(text.startswith("a picture of") for text in whole)
    assert ours == [text.removeprefix("a picture of").strip() for text in whole]
    assert len(set(ours)) > 1
    assert captioner(path, prompt="A Picture  OF", max_length=12).caption(IMAGES) == ours


def test_a_model_without_prompts_says_so(tmp_path_factory):
    with pytest.raises(CaptionerError, match="takes no prompt"):
        captioner(_saved(vit_gpt2, tmp_path_factory), prompt="a picture of").caption(IMAGES)


def test_the_fingerprint_holds_what_changes_a_caption(blip_folder):
    own = captioner(blip_folder).fingerprint()
    assert own == captioner(blip_folder, batch_size=1).fingerprint()
    for setting in ({"prompt": "a"}, {"num_beams": 1}, {"max_length": 9}, {"min_length": 1}, {"dtype": "bfloat16"}):
        assert captioner(blip_folder, **setting).fingerprint() != own


def test_half_precision_runs(blip_folder):
    assert len(captioner(blip_folder, dtype="bfloat16").caption(IMAGES)) == 5


def test_no_image_gives_no_caption(blip_folder):
    assert captioner(blip_folder).caption(IMAGES[:0]) == []


def test_a_retrieval_model_is_refused(tmp_path):
    BlipForImageTextRetrieval(BlipConfig(text_config=TEXT, vision_config=VISION)).save_pretrained(tmp_path)
    BlipProcessor(BlipImageProcessor(size=SIZE), words()).save_pretrained(tmp_path)
    with pytest.raises(CaptionerError, match="holds no whole BlipForConditionalGeneration"):
        captioner(str(tmp_path)).caption(IMAGES)


def test_another_kind_of_model_is_refused(tmp_path):
    ViTConfig(**VISION).save_pretrained(tmp_path)
    ViTImageProcessor(size=SIZE).save_pretrained(tmp_path)
    with pytest.raises(CaptionerError, match="of type 'vit', but this class reads blip, blip-2, vision"):
        captioner(str(tmp_path)).caption(IMAGES)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(CaptionerError, match="nowhere"):
        captioner(str(tmp_path / "nowhere")).caption(IMAGES)


class _Payload:
    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.mkdir, (str(self.marker),)


def test_neither_code_nor_a_pickle_of_a_model_is_run(blip_folder, tmp_path, monkeypatch):
    path, marker = shutil.copytree(blip_folder, tmp_path / "evil"), tmp_path / "marker"
    (path / "model.safetensors").unlink()
    torch.save({"weight": _Payload(marker)}, path / "pytorch_model.bin")
    with pytest.raises(CaptionerError, match="cannot be loaded"):
        captioner(str(path)).caption(IMAGES)
    (path / "config.json").write_text(json.dumps({"model_type": "evil", "auto_map": {"AutoConfig": "evil.Evil"}}))
    (path / "evil.py").write_text(f"import os\nos.mkdir({str(marker)!r})\nclass Evil: pass\n")
    monkeypatch.setattr("sys.stdin", StringIO("y\n" * 9))  # a user who agrees to everything
    with pytest.raises(CaptionerError, match="cannot be loaded"):
        captioner(str(path)).caption(IMAGES)
    assert not marker.exists()


@pytest.mark.parametrize("setting", [{"num_beams": 0}, {"batch_size": 0}, {"min_length": 21}, {"min_length": -1}])
def test_numbers_out_of_range_are_refused(setting):
    with pytest.raises(CaptionerError, match=r"must be (at least 1|between 0 and 20), but got"):
        TransformersCaptioner(**setting)


def test_a_fixed_text_is_the_same_for_all():
    fixed = FixedCaption(" a face ")
    assert fixed.caption(IMAGES) == ["a face"] * 5
    assert fixed.fingerprint() != FixedCaption("a cat").fingerprint()
    with pytest.raises(CaptionerError, match="must not be empty"):
        FixedCaption("  ")


class Mean(Captioner):
    """Says how bright an image is, and counts what it was shown."""

    shown = 0

    def fingerprint(self):
        return {"captioner": "mean"}

    def caption(self, images):
        self.shown += len(images)
        return [f"{image.float().mean():.1f}" for image in images]


def test_captions_are_kept_by_what_the_images_are_and_by_the_revision_of_the_code(tmp_path, monkeypatch):
    captioner = Mean()
    first = cached_captions(captioner, IMAGES, tmp_path, {"images": "a"})
    assert cached_captions(captioner, IMAGES, tmp_path, {"images": "a"}) == first
    assert captioner.shown == 5
    assert cached_captions(captioner, 255 - IMAGES, tmp_path, {"images": "b"}) != first
    assert captioner.shown == 10
    monkeypatch.setattr(Mean, "revision", 2)
    cached_captions(captioner, IMAGES, tmp_path, {"images": "a"})
    assert captioner.shown == 15


def test_two_that_want_the_same_captions_describe_once(tmp_path):
    began, captioner = Event(), Mean()

    def describe():
        return cached_captions(captioner, IMAGES, tmp_path, {"images": "a"})

    def slowly(images):
        began.set()
        time.sleep(0.2)
        return Mean.caption(captioner, images)

    captioner.caption = slowly
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(describe)
        assert began.wait(10)
        assert pool.submit(describe).result() == first.result()
    assert captioner.shown == 5
